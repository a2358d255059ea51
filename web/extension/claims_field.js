/** Where the viewer reads and writes what an artist claims: the field of his node. */

/** @import { HostNode } from '../../../scripts/app.js' */
/** @import { Source } from '../viewer/types.js' */

/**
 * The field of claims of a node; null where it has none, or another node fills it.
 * @param {HostNode} node
 * @returns {Source['claims']}
 */
export function claimsOf(node) {
  const field = node.widgets?.find(({ name }) => name === 'claims')
  const linked = node.inputs?.some(({ widget, link }) => widget?.name === 'claims' && link !== null && link !== undefined)
  if (!field || linked) return null
  return {
    read: () => String(field.value ?? ''),
    write(text) {
      field.value = text
      field.callback?.(text)
      node.graph?.setDirtyCanvas?.(true, true)
    },
  }
}
