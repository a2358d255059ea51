/** Takes SelAgg's nodes out of a workflow again; wires that went through them are as before. */

import { REPAIR } from './apply.js'
import { ADDED, ADDED_OUTPUT, CAPTURE, feed, inputOf } from './put_in.js'
import { linkOf, nodesOf } from './wires.js'

/** @import { HostGraph, HostLink, HostNode } from '../../scripts/app.js' */

const ENCODER = 'SelAggTextEncode'
/** By type the outputs that give on what an input gets, where nothing else is done: [input, output]. @type {Record<string, [string, number][]>} */
const PASSES = {
  [CAPTURE]: [['model', 0]],
  [REPAIR]: [
    ['model', 0],
    ['conditioning', 1],
  ],
  ConditioningCombine: [['conditioning_1', 0]],
}
/** Nothing of the host can stand in for it. */
const KEPT = ['SelAggDemoModel']

/** @param {HostNode} node */
const isOurs = (node) => (node.type.startsWith('SelAgg') && !KEPT.includes(node.type)) || Boolean(node.properties?.[ADDED])

/** The workflow and every subgraph that it uses. @param {HostGraph} root @returns {HostGraph[]} */
export function graphsOf(root) {
  const found = new Set([root])
  for (const graph of found) for (const { subgraph } of nodesOf(graph)) if (subgraph) found.add(subgraph)
  return [...found]
}

/**
 * @param {HostGraph} root
 * @returns {{count: number, cut: HostNode[]}} how many nodes went, and which of the others lost what they were given
 */
export function takeOut(root) {
  const graphs = graphsOf(root)
  const ours = graphs.flatMap((graph) => nodesOf(graph).filter(isOurs))
  for (const node of ours) for (const [input, output] of PASSES[node.type] ?? []) lead(node, inputOf(node, input), output)
  for (const node of ours.filter(({ type }) => type === ENCODER)) replaceEncoder(node)
  const fed = graphs.flatMap((graph) => nodesOf(graph).filter((node) => !isOurs(node) && isFedByOurs(graph, node)))
  const onlyShowing = fed.filter(showsOnly)
  for (const node of [...ours, ...onlyShowing]) node.graph?.remove(node)
  for (const graph of graphs) removeOutputs(graph)
  return { count: ours.length, cut: fed.filter((node) => !onlyShowing.includes(node)) }
}

/**
 * Wires from an output of a node start where its input comes from.
 * @param {HostNode} node
 * @param {number} input
 * @param {number} output
 */
function lead(node, input, output) {
  const graph = node.graph
  const into = graph && linkOf(graph, node.inputs?.[input]?.link)
  if (!graph || !into) return
  for (const id of [...(node.outputs?.[output].links ?? [])]) {
    const link = linkOf(graph, id)
    if (link) again(graph, { ...pick(into), parentId: link.parentId ?? into.parentId }, link)
  }
}

/** @param {HostLink} link */
const pick = ({ origin_id, origin_slot, parentId }) => ({ origin_id, origin_slot, parentId })

/**
 * Ends `link` with what comes from `origin`.
 * @param {HostGraph} graph
 * @param {{origin_id: number | string, origin_slot: number, parentId?: number}} origin
 * @param {HostLink} link
 */
function again(graph, origin, link) {
  const target = graph.getNodeById(link.target_id)
  if (target) feed(graph, origin, target, link.target_slot)
  else if (link.target_id === graph.outputNode?.id) {
    const from = graph.getNodeById(origin.origin_id)
    if (from) graph.outputs?.[link.target_slot]?.connect(from.outputs?.[origin.origin_slot], from)
  }
}

/** The host's own encoder in the place of ours. @param {HostNode} node */
function replaceEncoder(node) {
  const { graph } = node
  const stock = graph && window.LiteGraph.createNode('CLIPTextEncode')
  if (!graph || !stock) return
  graph.add(stock)
  look(node, stock)
  for (const name of ['clip', 'text']) {
    const link = linkOf(graph, node.inputs?.[inputOf(node, name)]?.link)
    if (link) feed(graph, link, stock, inputOf(stock, name))
  }
  for (const id of [...(node.outputs?.[0].links ?? [])]) {
    const link = linkOf(graph, id)
    if (link) again(graph, { origin_id: stock.id, origin_slot: 0, parentId: link.parentId }, link)
  }
}

/** Place, size, name and text of one node for another. @param {HostNode} from @param {HostNode} to */
function look(from, to) {
  to.pos = [from.pos[0], from.pos[1]]
  to.setSize([from.size[0], from.size[1]])
  if (from.title !== 'SelAgg Text Encode') to.title = from.title
  const [own, other] = [from, to].map(({ widgets }) => widgets?.find(({ name }) => name === 'text'))
  if (own && other) other.value = own.value
}

/** @param {HostGraph} graph @param {HostNode} node */
function sourcesIn(graph, node) {
  const links = (node.inputs ?? []).map(({ link }) => linkOf(graph, link)).filter((link) => link !== null)
  return links.map((link) => graph.getNodeById(link.origin_id))
}

/** @param {HostGraph} graph @param {HostNode} node */
const isFedByOurs = (graph, node) => sourcesIn(graph, node).some((source) => source && isOurs(source))

/** Whether a node has nothing else to do than to show or save what our nodes give. @param {HostNode} node */
function showsOnly(node) {
  const { graph } = node
  const feeds = node.outputs?.some(({ links }) => links?.length)
  return Boolean(graph) && !feeds && !node.subgraph && sourcesIn(/** @type {HostGraph} */ (graph), node).every((source) => source && isOurs(source))
}

/** Outputs of a subgraph that were added for a diagnosis. @param {HostGraph} graph */
function removeOutputs(graph) {
  for (const output of [...(graph.outputs ?? [])]) if (output.name.startsWith(ADDED_OUTPUT)) graph.removeOutput?.(output)
}
