/** SelAgg in ComfyUI's frontend: puts the prompt viewer into its nodes. */

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { GraphCommands } from './extension/diagnose_this.js'
import { keepEventsInside } from './extension/events_inside.js'
import { KeptPlaces } from './extension/kept_place.js'
import { ViewMemory, tabStorage } from './extension/memory.js'
import { addToOlderMenus, menus } from './extension/menus.js'
import { Questions } from './extension/questions.js'
import { hideRare, noteDelivered } from './extension/rare_inputs.js'
import { hideOwnPreview, resultFirst } from './extension/result_first.js'
import { SETTINGS, settingsOf } from './extension/settings.js'
import { announce } from './extension/show_node.js'
import { SPOT_NODE, SpotChecks } from './extension/spot_checks.js'
import { asked, runAgain, sourceOf } from './extension/sources.js'
import { graphTexts, problemIn } from './extension/texts.js'
import { Trials } from './extension/trials.js'
import { messageOf } from './viewer/complaint.js'
import { translator } from './viewer/text.js'
import { Viewer } from './viewer/viewer.js'

/** @import { HostNode, HostWidget } from '../../scripts/app.js' */
/** @import { Manifest, Said } from './viewer/types.js' */

/**
 * A viewer and what it shows; late: whether a newer run has begun. shown: the id of a view, NOTHING, or null as long as its node has not run.
 * @typedef {{node: HostNode, widget: Viewer, dom: HostWidget, shown: string | null, late: boolean}} Shown
 */

/** @type {Record<string, {compact: boolean, size: [number, number], height: number}>} */
const NODES = {
  SelAggDiagnose: { compact: false, size: [760, 820], height: 430 },
  SelAggHeatmaps: { compact: true, size: [520, 620], height: 260 },
}
const VIEWER = 'selagg_viewer'
/** What a viewer shows whose node has run without a result. */
const NOTHING = 'nothing'
/** What the classic canvas leaves around a DOM widget, above and below. */
const MARGINS = 20
const SEVERE = 0.5

/** @type {Map<HostNode, Shown>} */
const viewers = new Map()
const memory = new ViewMemory(tabStorage())
const commands = new GraphCommands()
const trials = new Trials(commands.seeds)
const questions = new Questions(commands.seeds)
const places = new KeptPlaces()
/** The texts of the host's language; English until they are loaded, or if they cannot be. */
const language = { texts: {}, ready: Promise.resolve() }

/** The id of the workflow that is open; '' if it has none. */
const openWorkflow = () => (app.rootGraph ?? app.graph)?.id ?? ''

const spotChecks = new SpotChecks(language, openWorkflow, memory)

/** @param {string} id */
const setting = (id) => app.extensionManager.setting.get(id)

/** Says what went wrong where no artist needs to know of it. @param {unknown} error */
const note = (error) => console.warn('SelAgg:', error)

async function loadTexts() {
  const locale = setting('Comfy.Locale') ?? 'en'
  if (locale === 'en') return
  const answer = await api.fetchApi('/i18n')
  if (!answer.ok) return
  const texts = (await answer.json())[locale]
  language.texts = texts?.selagg ?? {}
  commands.texts = trials.texts = questions.texts = texts?.selaggGraph ?? {}
}

/** A word that was asked about, where it was asked. @param {Event} event */
function explain(event) {
  const { detail } = /** @type {CustomEvent} */ (event)
  const found = questions.answered(String(detail?.node), detail?.output)
  if (found) viewers.get(found.viewer)?.widget.explain(found.effect)
}

/** What was tried is compared with what was before, if this is the run of it. @param {Shown} viewer @param {string} id */
async function compare({ node, widget, shown }, id) {
  if (!trials.waitsFor(node) || shown !== id) return
  const compared = trials.done(node, await asked(`/selagg/views/${encodeURIComponent(id)}/workflow`, language))
  if (compared) widget.compare(compared)
}

trials.onUndo = (/** @type {HostNode} */ node, /** @type {string} */ view) => memory.remember(openWorkflow(), node.id, view)

/**
 * Shows a view; says in the viewer itself why it cannot. Gives the manifest; null if it failed, or if something
 * newer is to be shown meanwhile.
 * @param {Shown} viewer
 * @param {string} id
 * @param {boolean} earlier whether it is of an earlier run
 * @returns {Promise<Manifest | null>}
 */
async function showView(viewer, id, earlier) {
  viewer.shown = id
  try {
    await language.ready
    const manifest = await asked(`/selagg/views/${encodeURIComponent(id)}`, language)
    if (viewer.shown !== id) return null
    await viewer.widget.show(manifest, sourceOf(id, manifest, viewer.node, { trials, questions }, language))
    viewer.widget.earlier = earlier || viewer.late
    return manifest
  } catch (error) {
    if (viewer.shown === id) failed(viewer, error)
    return null
  }
}

/** @param {Shown} viewer @param {unknown} error */
function failed(viewer, error) {
  cleared(viewer, translator(language.texts)('failed', { reason: messageOf(error) }))
}

/** @param {Shown} viewer @param {string} text */
function cleared({ widget }, text) {
  widget.earlier = false
  widget.clear(text, runAgain)
}

/**
 * After a reload of the page, or when a workflow is opened again: the last view that this tab was given for the node.
 * It may be of another copy of the workflow, or of a text that was changed since: so it is said to be from before.
 * @param {HostNode} node
 * @param {Shown} viewer
 */
function restore(node, viewer) {
  const id = viewer.shown === null && node.graph === app.graph ? memory.of(openWorkflow(), node.id) : null
  if (id) showView(viewer, id, true).catch(note)
}

/** The host says nothing of nodes whose results it still had: they have a view from before. */
function restoreAll() {
  for (const [node, viewer] of viewers) restore(node, viewer)
}

/** A run begins: until its nodes have run, what is seen is of an earlier one. */
function markAll() {
  for (const viewer of viewers.values()) {
    viewer.late = true
    viewer.widget.earlier = isView(viewer.shown)
  }
}

/** @param {string | null} shown */
const isView = (shown) => shown !== null && shown !== NOTHING

/** The connection is back: a server that was started anew knows nothing of what is shown. */
async function askAll() {
  for (const viewer of viewers.values()) {
    const id = viewer.shown
    if (!isView(id)) continue
    const { held } = await asked(`/selagg/views/${encodeURIComponent(String(id))}/held`, language)
    if (!held && viewer.shown === id) cleared(viewer, translator(language.texts)('gone'))
  }
}

/** Also of nodes of other workflows than the one that is open. @param {Event} event */
function rememberView(event) {
  const { detail } = /** @type {CustomEvent} */ (event)
  const told = detail?.output?.selagg?.[0]
  if (told) memory.remember(told.workflow ?? '', detail.display_node ?? detail.node, told.id)
}

/** One short message for all severe warnings of a run; a click on it leads to the node. @param {Manifest} manifest @param {HostNode} node */
function toast(manifest, node) {
  if (!setting(SETTINGS.toast)) return
  const t = translator(language.texts)
  const findings = manifest.report.flatMap((picture) => picture.findings)
  const severe = findings.filter(({ sure, severity }) => sure && severity >= SEVERE)
  const messages = [...new Set(severe.map(({ message, said }) => t.say(said?.message, message)))]
  if (!messages.length) return
  const summary = t(messages.length > 1 ? 'toast' : 'toastOne', { count: messages.length })
  lead({ severity: 'warn', summary, detail: messages[0], life: 6000 }, node)
}

/** Why a node has nothing to show, as a short message too. @param {string} text @param {HostNode} node */
function toastProblem(text, node) {
  if (!text || !setting(SETTINGS.toast)) return
  const [first] = text.replace(/^problem: /, '').split('\n')
  lead({ severity: 'warn', summary: graphTexts(commands.texts)('problem'), detail: first, life: 12000 }, node)
}

/** @param {{severity: string, summary: string, detail: string, life: number}} message @param {HostNode} node */
const lead = (message, node) => announce(message, node, graphTexts(commands.texts)('showNode'))

/** What an App calls the viewer. */
const nameOfViewer = () => translator(language.texts)('viewer')

/** @param {HostNode} node */
function addViewer(node) {
  const { compact, size, height } = NODES[node.comfyClass]
  const widget = new Viewer({ texts: language.texts, scale: setting(SETTINGS.scale), opacity: setting(SETTINGS.opacity) / 100, compact })
  const dom = node.addDOMWidget(VIEWER, VIEWER, widget.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => height,
    getValue: () => '',
    setValue: () => {},
  })
  dom.serialize = false
  dom.label = nameOfViewer()
  /** @type {Shown} */
  const viewer = { node, widget, dom, shown: null, late: false }
  resultFirst(node, dom)
  widget.element.style.minHeight = `${height - MARGINS}px`
  keepEventsInside(widget.element)
  viewers.set(node, viewer)
  hideOwnPreview(node)
  const { onExecuted, onRemoved } = node
  node.onExecuted = function (...told) {
    onExecuted?.apply(this, told)
    executed(viewer, told[0]).catch(note)
  }
  node.onRemoved = function (...told) {
    onRemoved?.apply(this, told)
    viewers.delete(node)
    places.leave(node, widget.element)
    widget.destroy()
  }
  node.setSize([Math.max(node.size[0], size[0]), Math.max(node.size[1], size[1])])
}

/**
 * The host tells nodes by their numbers alone: what a node of another workflow gave is not for this one.
 * @param {Shown} viewer
 * @param {{selagg?: {id: string | null, workflow: string, said?: Said | null}[], text?: string[]} | null} message what the node sent
 */
async function executed(viewer, message) {
  const told = message?.selagg?.[0]
  if (told && told.workflow !== openWorkflow()) return
  viewer.late = false
  if (!told?.id) {
    viewer.shown = NOTHING
    viewer.widget.earlier = false
    const text = problemIn(message?.text ?? [], told?.said, language.texts).join('\n')
    viewer.widget.clear(text)
    toastProblem(text, viewer.node)
  } else if (viewer.shown !== told.id) {
    const manifest = await showView(viewer, told.id, false)
    if (manifest) {
      toast(manifest, viewer.node)
      await compare(viewer, told.id)
    }
  } else {
    viewer.widget.earlier = false
    await compare(viewer, told.id)
  }
}

/** The registry's older frontend has no extension manager: there the nodes work as they do without a viewer. */
if (app.extensionManager !== undefined || 'extensionManager' in app) {
  app.registerExtension({
    name: 'selagg.viewer',
    ...menus(commands),
    settings: settingsOf(() => [...viewers.values()].map((viewer) => viewer.widget)),
    async setup() {
      addToOlderMenus(commands)
      language.ready = loadTexts().catch(note)
      await language.ready
      for (const { widget, dom } of viewers.values()) {
        widget.texts = language.texts
        dom.label = nameOfViewer()
      }
      api.addEventListener('executed', rememberView)
      api.addEventListener('executed', explain)
      api.addEventListener('execution_start', markAll)
      api.addEventListener('promptQueueing', () => commands.queueing())
      api.addEventListener('promptQueued', () => commands.queued())
      api.addEventListener('execution_success', restoreAll)
      api.addEventListener('execution_error', () => {
        trials.forget()
        questions.forget()
      })
      api.addEventListener('reconnected', () => void askAll().catch(note))
    },
    nodeCreated(node) {
      if (node.comfyClass?.startsWith('SelAgg')) noteDelivered(node)
      if (NODES[node.comfyClass]) addViewer(node)
      if (node.comfyClass === SPOT_NODE) spotChecks.watch(node)
    },
    loadedGraphNode(node) {
      if (node.comfyClass?.startsWith('SelAgg')) hideRare(node)
      if (node.comfyClass === SPOT_NODE) spotChecks.restore(node)
      const viewer = viewers.get(node)
      if (!viewer) return
      places.take(node, viewer.widget.element)
      restore(node, viewer)
    },
  })
}
