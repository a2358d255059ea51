/** Free places in a graph for nodes that are put in. */

import { nodesOf } from './wires.js'

/** @import { HostGraph, HostNode } from '../../scripts/app.js' */

/** @typedef {[x: number, y: number, width: number, height: number]} Box */

const GAP = 40
const TITLE = 30

/** Nodes that show pictures become as high as this when they have one. */
const SHOWING = 330

/** Where a node lies, with its title. @param {HostNode} node @returns {Box} */
export function boxOf(node) {
  const height = node.flags?.collapsed ? 0 : node.size[1]
  return [node.pos[0], node.pos[1] - TITLE, node.size[0], height + TITLE]
}

/** The same with the room that a node will need. @param {HostNode} node @returns {Box} */
function roomOf(node) {
  const [x, y, width, height] = boxOf(node)
  const grows = node.constructor.nodeData?.output_node && !node.flags?.collapsed
  return [x, y, width, grows ? Math.max(height, SHOWING) : height]
}

/**
 * @param {Box} one
 * @param {Box} other
 */
const overlap = (one, other) =>
  one[0] < other[0] + other[2] + GAP &&
  other[0] < one[0] + one[2] + GAP &&
  one[1] < other[1] + other[3] + GAP &&
  other[1] < one[1] + one[3] + GAP

/**
 * Moves a node to the free place that is nearest to the wanted one.
 * @param {HostGraph} graph
 * @param {HostNode} node
 * @param {[x: number, y: number]} wanted
 */
export function placeNear(graph, node, wanted) {
  const boxes = nodesOf(graph)
    .filter((other) => other !== node)
    .map(roomOf)
  const [width, height] = [node.size[0], node.size[1] + TITLE]
  const columns = [wanted[0], ...boxes.flatMap(([x, , w]) => [x + w + GAP, x - width - GAP])]
  const rows = [wanted[1] - TITLE, ...boxes.flatMap(([, y, , h]) => [y + h + GAP, y - height - GAP])]
  /** @type {{far: number, x: number, y: number}[]} */
  const places = columns.flatMap((x) => rows.map((y) => ({ x, y, far: Math.hypot(x - wanted[0], y + TITLE - wanted[1]) })))
  places.sort((one, other) => one.far - other.far)
  const free = places.find(({ x, y }) => !boxes.some((box) => overlap(box, [x, y, width, height])))
  const { x, y } = free ?? places[0]
  node.pos = [x, y + TITLE]
}
