/** Puts SelAgg's nodes into a graph and wires them. What is there already is used again. */

import { boxOf, placeNear } from './placing.js'
import { linkOf, nodesOf, shared, sourceOf } from './wires.js'

/** @import { HostGraph, HostNode } from '../../scripts/app.js' */
/** @import { Plan } from './samplers.js' */
/** @import { Socket } from './wires.js' */

export const CAPTURE = 'SelAggCapture'
export const DIAGNOSE = 'SelAggDiagnose'
export const PROMPT = 'SelAggPrompt'
/** By this outputs of subgraphs are known that were added here. */
export const ADDED_OUTPUT = 'selagg_'
/** A property of nodes of the host that were put in here. */
export const ADDED = 'selagg_added'
const CAPTURE_OUTPUT = 1

/**
 * Nodes for a diagnosis, put in where they are missing.
 * @param {Plan} plan
 * @param {HostNode[]} seen the subgraph nodes in which the artist is
 * @returns {{node: HostNode, path: HostNode[]}} SelAgg Diagnose
 */
export function putIn(plan, seen) {
  const capture = captureFor(plan.model)
  const image = plan.image ?? decoded(plan)
  const level = shared(shared(seen, plan.sampler.path), image.path)
  const wires = {
    capture: brought({ path: plan.model.path, node: capture, slot: CAPTURE_OUTPUT }, level, 'capture', 'SELAGG_CAPTURE'),
    latent: brought(plan.latent, level, 'latent', 'LATENT'),
    image: brought(image, level, 'image', 'IMAGE'),
  }
  const graph = graphOf(wires.capture)
  const viewer = viewerOf(graph, wires) ?? added(graph, DIAGNOSE)
  for (const [name, wire] of Object.entries(wires)) connect(wire, viewer, name)
  const [x, y, width] = boxOf(wires.image.node)
  placeIfNew(graph, viewer, [x + width + 60, y + 30])
  return { node: viewer, path: level }
}

/** @param {Socket} socket @returns {HostGraph} */
function graphOf({ node }) {
  if (!node.graph) throw new Error(`${node.type} is in no graph`)
  return node.graph
}

/** Nodes that were made in this call, until they have their place. @type {WeakSet<HostNode>} */
const unplaced = new WeakSet()

/**
 * @param {HostGraph} graph
 * @param {string} type
 */
export function added(graph, type) {
  const node = window.LiteGraph.createNode(type)
  if (!node) throw new Error(`this ComfyUI knows no node ${type}`)
  graph.add(node)
  unplaced.add(node)
  return node
}

/**
 * @param {HostGraph} graph
 * @param {HostNode} node
 * @param {[x: number, y: number]} wanted
 */
export function placeIfNew(graph, node, wanted) {
  if (unplaced.delete(node)) placeNear(graph, node, wanted)
}

/**
 * @param {HostNode} node
 * @param {string} name
 */
export const inputOf = (node, name) => node.inputs?.findIndex((input) => input.name === name) ?? -1

/**
 * @param {Socket} from
 * @param {HostNode} node
 * @param {string} name
 */
export function connect(from, node, name) {
  const slot = inputOf(node, name)
  const link = node.graph && linkOf(node.graph, node.inputs?.[slot]?.link)
  if (link?.origin_id === from.node.id && link.origin_slot === from.slot) return
  from.node.connect(from.slot, node, slot)
}

/**
 * The capture in front of an input.
 * @param {Socket} model
 * @returns {HostNode}
 */
function captureFor(model) {
  const source = sourceOf(model)
  if (source?.node.type === CAPTURE && source.node.graph === model.node.graph) return source.node
  const graph = graphOf(model)
  const capture = added(graph, CAPTURE)
  interpose(graph, model.node, model.slot, capture)
  const [x, y] = boxOf(model.node)
  placeIfNew(graph, capture, [x - capture.size[0] - 40, y + 30])
  return capture
}

/**
 * Puts a node into a wire: what fed `node` feeds the first input of `between`, whose first output feeds `node`.
 * @param {HostGraph} graph
 * @param {HostNode} node
 * @param {number} slot
 * @param {HostNode} between
 */
function interpose(graph, node, slot, between) {
  const link = linkOf(graph, node.inputs?.[slot]?.link)
  if (link) feed(graph, link, between, inputOf(between, 'model'))
  between.connect(0, node, slot)
}

/**
 * Makes a second wire from where `link` comes from, through the same reroutes.
 * @param {HostGraph} graph
 * @param {{origin_id: number | string, origin_slot: number, parentId?: number}} link
 * @param {HostNode} node
 * @param {number} slot
 */
export function feed(graph, link, node, slot) {
  if (link.origin_id === graph.inputNode?.id) graph.inputs?.[link.origin_slot]?.connect(node.inputs?.[slot], node, link.parentId)
  else graph.getNodeById(link.origin_id)?.connect(link.origin_slot, node, slot, link.parentId)
}

/**
 * A picture of the latent, where the workflow makes none.
 * @param {Plan} plan
 * @returns {Socket}
 */
function decoded({ latent, vae }) {
  if (!vae) throw new Error('there is neither a picture nor a VAE')
  const level = shared(latent.path, vae.path)
  const [samples, own] = [brought(latent, level, 'latent', 'LATENT'), brought(vae, level, 'vae', 'VAE')]
  const graph = graphOf(samples)
  const decode = nodesOf(graph).find((node) => decodes(node, samples)) ?? added(graph, 'VAEDecode')
  decode.properties = { ...decode.properties, [ADDED]: true }
  connect(samples, decode, 'samples')
  connect(own, decode, 'vae')
  const [x, y, width] = boxOf(samples.node)
  placeIfNew(graph, decode, [x + width + 60, y + 30])
  return { path: level, node: decode, slot: 0 }
}

/**
 * @param {HostNode} node
 * @param {Socket} samples
 */
function decodes(node, samples) {
  return Boolean(node.properties?.[ADDED]) && node.type === 'VAEDecode' && isFed(node, 'samples', samples)
}

/**
 * @param {HostNode} node
 * @param {string} name
 * @param {Socket} from
 */
function isFed(node, name, from) {
  const link = node.graph && linkOf(node.graph, node.inputs?.[inputOf(node, name)]?.link)
  return Boolean(link && link.origin_id === from.node.id && link.origin_slot === from.slot)
}

/**
 * An output as it is seen from further outside: each subgraph on the way gets an output for it.
 * @param {Socket} from
 * @param {HostNode[]} level
 * @param {string} name
 * @param {string} type
 * @returns {Socket}
 */
function brought(from, level, name, type) {
  let socket = from
  while (socket.path.length > level.length) {
    const outer = /** @type {HostNode} */ (socket.path.at(-1))
    const slot = givenOut(/** @type {HostGraph} */ (outer.subgraph), socket, name, type)
    socket = { path: socket.path.slice(0, -1), node: outer, slot }
  }
  return socket
}

/**
 * The number of the output of a subgraph that gives out this socket.
 * @param {HostGraph} subgraph
 * @param {Socket} socket
 * @param {string} name
 * @param {string} type
 */
function givenOut(subgraph, socket, name, type) {
  const outputs = subgraph.outputs ?? []
  const is = (/** @type {number} */ id) => {
    const link = linkOf(subgraph, id)
    return link?.origin_id === socket.node.id && link.origin_slot === socket.slot
  }
  const there = outputs.findIndex((output) => output.linkIds.some(is))
  if (there >= 0) return there
  const taken = new Set(outputs.map((output) => output.name))
  let own = `${ADDED_OUTPUT}${name}`
  for (let number = 2; taken.has(own); number += 1) own = `${ADDED_OUTPUT}${name}_${number}`
  const output = subgraph.addOutput?.(own, type)
  if (!output) throw new Error('this frontend cannot add outputs to a subgraph')
  output.connect(socket.node.outputs?.[socket.slot], socket.node)
  return outputs.findIndex((each) => each.name === own)
}

/**
 * The diagnosis that is wired like this already.
 * @param {HostGraph} graph
 * @param {{capture: Socket, latent: Socket}} wires
 */
function viewerOf(graph, { capture, latent }) {
  const same = (/** @type {HostNode} */ node) => isFed(node, 'capture', capture) && isFed(node, 'latent', latent)
  return nodesOf(graph).find((node) => node.type === DIAGNOSE && node.mode === 0 && same(node)) ?? null
}
