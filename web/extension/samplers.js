/** What a diagnosis of a sampler needs of a workflow: its model's input, its latent, a picture of that. */

import { fedBy, idOf, runningNodes, sourceOf, upstream } from './wires.js'

/** @import { HostGraph, HostNode } from '../../scripts/app.js' */
/** @import { Socket } from './wires.js' */

/**
 * A node and the subgraph nodes in which it lies.
 * @typedef {{path: HostNode[], node: HostNode}} Place
 */
/**
 * model: the input in front of which SelAgg Capture goes. image: null if the latent is decoded by `vae`.
 * @typedef {{sampler: Place, model: Socket, latent: Socket, image: Socket | null, vae: Socket | null}} Plan
 */

/** What is missing, by the name of the text that says it. */
export class Missing extends Error {
  /**
   * @param {string} what
   * @param {Record<string, string>} values
   * @param {HostNode | null} node
   */
  constructor(what, values = {}, node = null) {
    super(what)
    this.what = what
    this.values = values
    this.node = node
  }
}

/**
 * @param {{type: unknown}[] | undefined} sockets
 * @param {string} type
 */
const slotOf = (sockets, type) => sockets?.findIndex((socket) => socket.type === type) ?? -1

/**
 * Whether a node samples: from a model, or a guider that has one, it makes a latent.
 * @param {HostNode} node
 */
export function isSampler(node) {
  if (node.subgraph || slotOf(node.outputs, 'LATENT') < 0) return false
  return slotOf(node.inputs, 'MODEL') >= 0 || slotOf(node.inputs, 'GUIDER') >= 0
}

/**
 * All samplers that run, those of the last step first.
 * @param {HostGraph} root
 * @param {HostNode[]} below only those in the last one of these subgraph nodes
 * @returns {Place[]}
 */
export function samplersOf(root, below = []) {
  const graph = below.at(-1)?.subgraph ?? root
  const found = [...runningNodes(graph, below)].filter(({ node }) => isSampler(node))
  const later = new Map(found.map((place) => [place, feedsSamplers(place, found)]))
  return found.sort((one, other) => (later.get(one) ?? 0) - (later.get(other) ?? 0))
}

/**
 * How many other samplers go on with what this one made.
 * @param {Place} place
 * @param {Place[]} all
 */
function feedsSamplers(place, all) {
  const id = idOf(place)
  const uses = (/** @type {Place} */ other) => [...upstream(other)].some((source) => idOf(source) === id)
  return all.filter((other) => other !== place && uses(other)).length
}

/**
 * What a diagnosis of this sampler is made of. Throws Missing.
 * @param {Place} sampler
 * @param {HostGraph} root
 * @returns {Plan}
 */
export function planFor(sampler, root) {
  const model = modelInput(sampler)
  const found = pictureOf(sampler)
  if (found) return { sampler, model, vae: null, ...found }
  const slot = slotOf(sampler.node.outputs, 'LATENT')
  const vae = vaeFor(sampler, root)
  const name = titleOf(sampler.node)
  if (isNoPicture({ ...sampler, slot })) throw new Missing('otherKind', { name }, sampler.node)
  if (!vae) throw new Missing('noPicture', { name }, sampler.node)
  return { sampler, model, latent: { ...sampler, slot }, image: null, vae }
}

/**
 * The input through which a sampler, or its guider, gets its model.
 * @param {Place} place
 * @returns {Socket}
 */
export function modelInput(place) {
  const { node } = place
  const named = node.inputs?.findIndex(({ name, type }) => name === 'model' && type === 'MODEL') ?? -1
  const slot = named >= 0 ? named : slotOf(node.inputs, 'MODEL')
  if (slot >= 0) {
    if (sourceOf({ ...place, slot })) return { ...place, slot }
    throw new Missing('noModel', { name: titleOf(node) }, node)
  }
  const guider = slotOf(node.inputs, 'GUIDER')
  const source = guider < 0 ? null : sourceOf({ ...place, slot: guider })
  if (!source) throw new Missing(guider < 0 ? 'noModel' : 'noGuider', { name: titleOf(node) }, node)
  return modelInput(source)
}

/**
 * The latent of a sampler that is decoded as it is, and its picture; or the picture that the sampler itself gives.
 * @param {Place} sampler
 * @returns {{latent: Socket, image: Socket} | null}
 */
function pictureOf(sampler) {
  const outputs = sampler.node.outputs ?? []
  for (const [slot, output] of outputs.entries()) {
    if (output.type !== 'LATENT') continue
    const latent = { ...sampler, slot }
    const decode = fedBy(latent).find(({ node }) => isDecode(node))
    if (decode) return { latent, image: { path: decode.path, node: decode.node, slot: slotOf(decode.node.outputs, 'IMAGE') } }
  }
  const own = slotOf(outputs, 'IMAGE')
  return own < 0 ? null : { latent: { ...sampler, slot: slotOf(outputs, 'LATENT') }, image: { ...sampler, slot: own } }
}

/** @param {HostNode} node */
function isDecode(node) {
  if (node.comfyClass?.startsWith('SelAgg') || isSampler(node)) return false
  return slotOf(node.outputs, 'IMAGE') >= 0 && slotOf(node.inputs, 'VAE') >= 0
}

/** Whether a VAE makes something else of this latent: sound, a thing in space. @param {Socket} latent */
function isNoPicture(latent) {
  const makes = (/** @type {HostNode} */ node) => (node.outputs ?? []).map(({ type }) => type)
  const other = (/** @type {Socket} */ { node }) =>
    slotOf(node.inputs, 'VAE') >= 0 && !makes(node).some((type) => type === 'IMAGE' || type === 'LATENT')
  return fedBy(latent).some(other)
}

/**
 * A VAE that fits this sampler: of what comes after it, else before it, else any of the workflow.
 * @param {Place} sampler
 * @param {HostGraph} root
 * @returns {Socket | null}
 */
export function vaeFor(sampler, root) {
  const after = [...runningNodes(root)].filter(({ node }) => isDecode(node))
  const id = idOf(sampler)
  for (const decode of after) {
    if (![...upstream(decode)].some((source) => idOf(source) === id)) continue
    const vae = sourceOf({ ...decode, slot: slotOf(decode.node.inputs, 'VAE') })
    if (vae) return vae
  }
  for (const source of upstream(sampler)) {
    const slot = slotOf(source.node.outputs, 'VAE')
    if (slot >= 0) return { ...source, slot }
  }
  const any = [...runningNodes(root)].find(({ node }) => !node.subgraph && slotOf(node.outputs, 'VAE') >= 0)
  return any ? { ...any, slot: slotOf(any.node.outputs, 'VAE') } : null
}

/** @param {HostNode} node */
export const titleOf = (node) => `${node.title || node.type} (${node.id})`
