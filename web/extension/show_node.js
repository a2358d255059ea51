/** Leads the artist to a node, in whichever graph it is, and says things that lead there. */

import { app } from '../../../scripts/app.js'
import { boxOf } from './placing.js'

/** @import { HostNode } from '../../scripts/app.js' */

/** The host draws a message soon after it was told. */
const SOON = 3000
/** What a message is in the page, in hosts before 1.58 and since; also of those that are read out and not seen. */
const MESSAGES = '.p-toast-message, [role=alert], [role=status]'
/** Pixels that a message is wide at least if it is to be seen. */
const SEEN = 40

/** Opens the graph of a node, brings it into view and selects it. @param {HostNode} node */
export function showNode(node) {
  const { canvas } = app
  const { graph } = node
  if (!graph) return
  if (canvas.graph !== graph) canvas.setGraph?.(graph)
  canvas.deselectAll?.()
  canvas.selectNode?.(node)
  if (canvas.animateToBounds) canvas.animateToBounds(boxOf(node), { zoom: 0.85 })
  else canvas.centerOnNode?.(node)
  canvas.setDirty(true, true)
}

/**
 * A message of the host. A click on it leads to the node, if there is one.
 * @param {{severity: string, summary: string, detail: string, life: number}} message
 * @param {HostNode | null} node
 * @param {string} hint what a click does
 */
export function announce(message, node = null, hint = '') {
  app.extensionManager.toast.add(message)
  if (node) leadTo(message, node, hint)
}

/**
 * The host offers no click on its messages: it is added to the message as soon as it is drawn.
 * @param {{summary: string, detail: string}} message
 * @param {HostNode} node
 * @param {string} hint
 */
function leadTo(message, node, hint) {
  const find = () => {
    const shown = [...document.querySelectorAll(MESSAGES)].filter(({ clientWidth }) => clientWidth > SEEN)
    const own = shown.findLast(({ textContent }) => textContent?.includes(message.summary) && textContent.includes(message.detail))
    if (!(own instanceof HTMLElement) || own.dataset.selagg) return Boolean(own)
    own.dataset.selagg = String(node.id)
    own.style.cursor = 'pointer'
    own.title = hint
    own.addEventListener('click', () => showNode(node))
    return true
  }
  if (find()) return
  const watching = new MutationObserver(() => find() && watching.disconnect())
  watching.observe(document.body, { childList: true, subtree: true })
  setTimeout(() => watching.disconnect(), SOON)
}
