/** The result of a node stands above its settings. */

/** @import { HostNode, HostWidget } from '../../../scripts/app.js' */

/**
 * Puts a widget that keeps no value before those that do. The host saves a gap in its place, and reads values without
 * gaps: so the gap is closed, and workflows are as if the widget stood last.
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
    const values = saved.widgets_values
    if (Array.isArray(values)) saved.widgets_values = values.filter((_, i) => this.widgets?.[i]?.serialize !== false)
  }
}
