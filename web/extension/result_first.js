/** The result of a node stands above its settings. */

/** @import { HostNode, HostWidget } from '../../../scripts/app.js' */

/**
 * Puts a widget that keeps no value before those that do. Hosts before 1.58 save a gap in its place, and read values
 * without gaps: so the gap is closed, and workflows are as if the widget stood last.
 * @param {HostNode} node
 * @param {HostWidget} widget
 */
export function resultFirst(node, widget) {
  const { widgets, onSerialize } = node
  if (!widgets?.includes(widget)) return
  widgets.splice(widgets.indexOf(widget), 1)
  widgets.unshift(widget)
  node.onSerialize = function (saved, ...more) {
    onSerialize?.call(this, saved, ...more)
    const { widgets_values: values } = saved
    const keeps = (/** @type {HostWidget | undefined} */ own) => own?.serialize !== false
    const kept = this.widgets?.filter(keeps).length ?? 0
    if (Array.isArray(values) && values.length > kept) saved.widgets_values = values.filter((_, i) => keeps(this.widgets?.[i]))
  }
}

/** The pictures of the node are in the viewer: the host need not draw them a second time. @param {HostNode} node */
export function hideOwnPreview(node) {
  node.hideOutputImages = true
  node.onDrawBackground = () => {}
}
