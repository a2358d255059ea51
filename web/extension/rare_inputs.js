/**
 * Rare inputs of nodes, on the classic canvas: hidden as long as they are as delivered, as Vue nodes hide what the
 * server calls advanced. A menu item of the node shows them.
 */

/** @import { HostMenuItem, HostNode, HostWidget } from '../../scripts/app.js' */

/** Nodes whose rare inputs are shown because the artist asked for it. @type {WeakSet<HostNode>} */
const shown = new WeakSet()
/** What a widget of a new node held. @type {WeakMap<HostWidget, unknown>} */
const delivered = new WeakMap()

/** Vue nodes hide such inputs themselves, and have a button for it. */
const isClassic = () => !window.LiteGraph.vueNodesMode

/** @param {HostNode} node */
const rareOf = (node) => node.widgets?.filter(({ options }) => options?.advanced) ?? []

/** A node is new: what it holds now is what it is delivered with. @param {HostNode} node */
export function noteDelivered(node) {
  const rare = rareOf(node)
  for (const widget of rare) delivered.set(widget, widget.value)
  hideRare(node)
  const size = rare.length && isClassic() ? node.computeSize?.() : null
  if (size) node.setSize([node.size[0], Math.min(node.size[1], size[1])])
}

/** Hides what is rare and as delivered, shows all else. @param {HostNode} node */
export function hideRare(node) {
  if (!isClassic()) return
  for (const widget of rareOf(node)) widget.hidden = !shown.has(node) && widget.value === delivered.get(widget)
  node.graph?.setDirtyCanvas?.(true, true)
}

/**
 * @param {HostNode} node
 * @param {string} show
 * @param {string} hide
 * @returns {HostMenuItem[]}
 */
export function rareItems(node, show, hide) {
  if (!isClassic() || !rareOf(node).some((widget) => delivered.has(widget))) return []
  const isShown = shown.has(node)
  const callback = () => {
    if (isShown) shown.delete(node)
    else shown.add(node)
    hideRare(node)
    const [width, height] = node.computeSize?.() ?? node.size
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)])
  }
  return [{ content: isShown ? hide : show, callback }]
}
