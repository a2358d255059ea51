/** Where the commands are found: the menus of the canvas and of nodes, the toolbox, the menu "SelAgg", a key. */

import { app } from '../../../scripts/app.js'
import { rareItems } from './rare_inputs.js'
import { isSampler } from './samplers.js'
import { graphTexts } from './texts.js'

/** @import { HostExtension, HostMenuItem, HostNode } from '../../scripts/app.js' */
/** @import { GraphCommands } from './diagnose_this.js' */

const DIAGNOSE = 'SelAgg.DiagnosePrompt'
const REMOVE = 'SelAgg.RemoveFromWorkflow'

/** A command says itself what went wrong. @param {Promise<void>} command */
const start = (command) => {
  command.catch((error) => console.warn('SelAgg:', error))
}

/** @param {HostNode} node */
const mayBeMeant = (node) => Boolean(node.subgraph) || isSampler(node)

/**
 * @param {GraphCommands} commands
 * @returns {Partial<HostExtension>}
 */
export function menus(commands) {
  return {
    commands: [
      { id: DIAGNOSE, label: 'Diagnose this prompt', icon: 'pi pi-search', function: () => start(commands.diagnose()) },
      { id: REMOVE, label: 'Remove SelAgg from this workflow', icon: 'pi pi-eraser', function: () => start(commands.remove()) },
    ],
    keybindings: [{ commandId: DIAGNOSE, combo: { key: 'd', shift: true } }],
    menuCommands: [{ path: ['SelAgg'], commands: [DIAGNOSE, REMOVE] }],
    getSelectionToolboxCommands: (item) => (mayBeMeant(/** @type {HostNode} */ (item)) ? [DIAGNOSE] : []),
    getCanvasMenuItems: () => [null, ...canvasItems(commands)],
    getNodeMenuItems: (node) => nodeItems(commands, node),
  }
}

/** @param {GraphCommands} commands @returns {HostMenuItem[]} */
function canvasItems(commands) {
  const told = graphTexts(commands.texts)
  return [
    { content: told('diagnose'), callback: () => start(commands.diagnose()) },
    { content: told('remove'), callback: () => start(commands.remove()) },
  ]
}

/** @param {GraphCommands} commands @param {HostNode} node @returns {(HostMenuItem | null)[]} */
function nodeItems(commands, node) {
  const told = graphTexts(commands.texts)
  if (!mayBeMeant(node)) return rareItems(node, told('showRare'), told('hideRare'))
  return [null, { content: told('diagnose'), callback: () => start(commands.diagnose(node)) }]
}

/** Frontends before 1.28 ask no extension for items of menus: there the canvas itself is told. @param {GraphCommands} commands */
export function addToOlderMenus(commands) {
  const { canvas } = app
  if (!app.collectCanvasMenuItems) {
    const before = canvas.getCanvasMenuOptions
    canvas.getCanvasMenuOptions = (...told) => [...before.apply(canvas, told), null, ...canvasItems(commands)]
  }
  if (!app.collectNodeMenuItems) {
    const before = canvas.getNodeMenuOptions
    canvas.getNodeMenuOptions = (node) => [...before.call(canvas, node), ...nodeItems(commands, node)]
  }
}
