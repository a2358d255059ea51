/**
 * Where wires come from and lead to, through all that only passes them on: reroutes, subgraphs, Get and Set nodes,
 * bypassed nodes.
 */

/** @import { HostGraph, HostLink, HostNode } from '../../scripts/app.js' */

/**
 * A socket of a node. path: the subgraph nodes in which the node lies, from the outside in; [] for the workflow itself.
 * slot: the number of an output, or of an input.
 * @typedef {{path: HostNode[], node: HostNode, slot: number}} Socket
 */

export const MUTED = 2
export const BYPASSED = 4
const GET = /(^|\s)getNode$/i
const SET = /(^|\s)setNode$/i
/** Wires that a loop of reroutes could make endless end here. */
const LONGEST = 200

/** @param {HostGraph} graph */
export const nodesOf = (graph) => graph.nodes ?? graph._nodes

/**
 * @param {HostGraph} graph
 * @param {number | null | undefined} id
 * @returns {HostLink | null}
 */
export function linkOf(graph, id) {
  if (id === null || id === undefined) return null
  return graph.getLink?.(id) ?? graph.links.get?.(id) ?? graph.links[id] ?? null
}

/**
 * The output that an input gets its value from; null if there is none, or a muted node makes it.
 * @param {Socket} input
 * @returns {Socket | null}
 */
export function sourceOf({ path, node, slot }, left = LONGEST) {
  const graph = node.graph
  const link = graph && linkOf(graph, node.inputs?.[slot]?.link)
  if (!graph || !link || left <= 0) return null
  if (link.origin_id === graph.inputNode?.id) return outside(path, link.origin_slot, left)
  const origin = graph.getNodeById(link.origin_id)
  return origin ? madeBy({ path, node: origin, slot: link.origin_slot }, left) : null
}

/**
 * What feeds the input of the subgraph in which we are.
 * @param {HostNode[]} path
 * @param {number} slot
 * @param {number} left
 */
function outside(path, slot, left) {
  const outer = path.at(-1)
  if (!outer) return null
  return sourceOf({ path: path.slice(0, -1), node: outer, slot: outerInput(outer, slot) }, left - 1)
}

/**
 * The input of a subgraph node that is the input `slot` of its inside.
 * @param {HostNode} outer
 * @param {number} slot
 */
export function outerInput(outer, slot) {
  const name = outer.subgraph?.inputs?.[slot]?.name
  if (outer.inputs?.[slot]?.name === name) return slot
  return outer.inputs?.findIndex((input) => input.name === name) ?? -1
}

/**
 * The output that really makes what this output gives.
 * @param {Socket} output
 * @param {number} left
 * @returns {Socket | null}
 */
function madeBy(output, left) {
  const { path, node, slot } = output
  if (node.mode === MUTED) return null
  if (node.mode === BYPASSED) return passed(output, passedBy(node, slot), left)
  if (node.subgraph) return madeInside([...path, node], node.subgraph, slot, left)
  if (GET.test(node.type)) {
    const setter = setterOf(node)
    return setter && sourceOf({ path, node: setter, slot: 0 }, left - 1)
  }
  return passesOn(node) ? passed(output, 0, left) : output
}

/**
 * @param {HostNode[]} path
 * @param {HostGraph} subgraph
 * @param {number} slot
 * @param {number} left
 * @returns {Socket | null}
 */
function madeInside(path, subgraph, slot, left) {
  const link = subgraph.outputs?.[slot]?.linkIds.map((id) => linkOf(subgraph, id)).find(Boolean)
  if (!link) return null
  if (link.origin_id === subgraph.inputNode?.id) return outside(path, link.origin_slot, left)
  const node = subgraph.getNodeById(link.origin_id)
  return node ? madeBy({ path, node, slot: link.origin_slot }, left - 1) : null
}

/**
 * @param {Socket} output
 * @param {number} input
 * @param {number} left
 */
const passed = ({ path, node }, input, left) => (input < 0 ? null : sourceOf({ path, node, slot: input }, left - 1))

/** Reroutes, and Set nodes, which give on what they are given. @param {HostNode} node */
function passesOn(node) {
  if (SET.test(node.type)) return true
  return Boolean(node.isVirtualNode && node.inputs?.length === 1 && node.outputs?.length === 1)
}

/**
 * The input that a bypassed node gives out at `slot`, as the host chooses it: the same place, else the first of its
 * type; -1 if none is of its type.
 * @param {HostNode} node
 * @param {number} slot
 */
function passedBy(node, slot) {
  const type = node.outputs?.[slot]?.type
  const fits = (/** @type {unknown} */ other) => other === type || other === '*' || type === '*'
  const inputs = node.inputs ?? []
  return inputs[slot] && fits(inputs[slot].type) ? slot : inputs.findIndex((input) => fits(input.type))
}

/** @param {HostNode} node */
const nameOf = (node) => String(node.widgets?.[0]?.value ?? '')

/** @param {HostNode} getter */
function setterOf(getter) {
  const nodes = getter.graph ? nodesOf(getter.graph) : []
  return nodes.find((node) => SET.test(node.type) && nameOf(node) === nameOf(getter)) ?? null
}

/**
 * All inputs of real nodes that an output feeds. Muted nodes are left out.
 * @param {Socket} output
 * @returns {Socket[]}
 */
export function fedBy({ path, node, slot }, left = LONGEST) {
  const { graph } = node
  if (!graph || left <= 0) return []
  const links = (node.outputs?.[slot]?.links ?? []).map((id) => linkOf(graph, id))
  return links.flatMap((link) => (link ? reached(path, graph, link, left) : []))
}

/**
 * @param {HostNode[]} path
 * @param {HostGraph} graph
 * @param {HostLink} link
 * @param {number} left
 * @returns {Socket[]}
 */
function reached(path, graph, link, left) {
  const slot = link.target_slot
  if (link.target_id === graph.outputNode?.id) {
    const outer = path.at(-1)
    return outer ? fedBy({ path: path.slice(0, -1), node: outer, slot }, left - 1) : []
  }
  const node = graph.getNodeById(link.target_id)
  if (!node || node.mode === MUTED) return []
  if (node.mode === BYPASSED) {
    const outputs = node.outputs?.map((_, place) => place).filter((place) => passedBy(node, place) === slot) ?? []
    return outputs.flatMap((place) => fedBy({ path, node, slot: place }, left - 1))
  }
  if (node.subgraph) return inside([...path, node], node, slot, left)
  if (SET.test(node.type)) return [...gettersOf(node), node].flatMap((one) => fedBy({ path, node: one, slot: 0 }, left - 1))
  return passesOn(node) ? fedBy({ path, node, slot: 0 }, left - 1) : [{ path, node, slot }]
}

/**
 * @param {HostNode[]} path
 * @param {HostNode} outer
 * @param {number} slot
 * @param {number} left
 */
function inside(path, outer, slot, left) {
  const { subgraph } = outer
  const name = outer.inputs?.[slot]?.name
  const boundary = subgraph?.inputs?.find((input) => input.name === name)
  if (!subgraph || !boundary) return []
  const links = boundary.linkIds.map((id) => linkOf(subgraph, id))
  return links.flatMap((link) => (link ? reached(path, subgraph, link, left - 1) : []))
}

/** @param {HostNode} setter */
function gettersOf(setter) {
  const nodes = setter.graph ? nodesOf(setter.graph) : []
  return nodes.filter((node) => GET.test(node.type) && nameOf(node) === nameOf(setter))
}

/**
 * Every node that runs, with the subgraph nodes in which it lies.
 * @param {HostGraph} graph
 * @param {HostNode[]} path
 * @returns {Generator<{path: HostNode[], node: HostNode}>}
 */
export function* runningNodes(graph, path = []) {
  for (const node of nodesOf(graph)) {
    if (node.mode === MUTED || node.mode === BYPASSED) continue
    yield { path, node }
    if (node.subgraph) yield* runningNodes(node.subgraph, [...path, node])
  }
}

/**
 * Sockets that make anything for a node, the nearest first.
 * @param {{path: HostNode[], node: HostNode}} from
 * @param {(name: string) => boolean} through whether to follow an input of this name
 * @returns {Generator<Socket>}
 */
export function* upstream(from, through = () => true) {
  const waiting = [from]
  const seen = new Set()
  for (const { path, node } of waiting) {
    for (const [slot, input] of (node.inputs ?? []).entries()) {
      const source = through(input.name) ? sourceOf({ path, node, slot }) : null
      if (!source) continue
      yield source
      const place = idOf(source)
      if (!seen.has(place)) waiting.push(source)
      seen.add(place)
    }
  }
}

/** The name of a node in a request for a run. @param {{path: HostNode[], node: HostNode}} place */
export const idOf = ({ path, node }) => [...path, node].map(({ id }) => id).join(':')

/**
 * How deep two places lie in the same subgraphs.
 * @param {HostNode[]} one
 * @param {HostNode[]} other
 */
export function shared(one, other) {
  const differs = one.findIndex((node, place) => node !== other[place])
  return differs < 0 ? one : one.slice(0, differs)
}
