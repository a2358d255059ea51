/** A muted SelAgg Capture: the host refuses what comes after it, and says only that an input is missing. */

import { CAPTURE } from './put_in.js'
import { MUTED, nodesOf } from './wires.js'

/** @import { HostGraph, HostNode } from '../../../scripts/app.js' */

/** The first one, also within subgraphs. @param {HostGraph} graph @returns {HostNode | null} */
export function mutedCapture(graph) {
  for (const node of nodesOf(graph)) {
    if (node.mode === MUTED && node.type === CAPTURE) return node
    const inside = node.subgraph ? mutedCapture(node.subgraph) : null
    if (inside) return inside
  }
  return null
}
