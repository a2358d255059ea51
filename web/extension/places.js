/** Where graphs and nodes are in the workflow that is open. */

import { app } from '../../../scripts/app.js'
import { nodesOf } from './wires.js'

/** @import { HostGraph, HostNode } from '../../scripts/app.js' */
/** @import { Place } from './samplers.js' */

/** @returns {HostGraph} */
export function rootGraph() {
  return /** @type {HostGraph} */ (app.rootGraph ?? app.graph)
}

/**
 * The subgraph nodes through which a graph is reached from the workflow; [] for the workflow itself.
 * @param {HostGraph} root
 * @param {HostGraph | null | undefined} graph
 * @returns {HostNode[]}
 */
export function pathTo(root, graph) {
  /** @type {{graph: HostGraph, path: HostNode[]}[]} */
  const waiting = [{ graph: root, path: [] }]
  for (const place of waiting) {
    if (place.graph === graph) return place.path
    for (const node of nodesOf(place.graph)) if (node.subgraph) waiting.push({ graph: node.subgraph, path: [...place.path, node] })
  }
  return []
}

/** Where a node is in the workflow that is open. @param {HostNode} node @returns {Place} */
export const placeOf = (node) => ({ path: pathTo(rootGraph(), node.graph), node })
