/** Whether the words of a picture can be read from its workflow; where not, SelAgg Prompt names them. */

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { boxOf } from './placing.js'
import { added, connect, inputOf, placeIfNew, PROMPT } from './put_in.js'
import { idOf, runningNodes, sourceOf, upstream } from './wires.js'

/** @import { HostGraph } from '../../scripts/app.js' */
/** @import { Place } from './samplers.js' */
/** @import { Socket } from './wires.js' */

export const NEGATIVE = /neg|uncond/i

/**
 * Whether the server finds texts for a viewer in the workflow. Undecided counts as yes: the viewer itself says more.
 * @param {Place} viewer
 */
export async function hasWords(viewer) {
  const { output } = await app.graphToPrompt()
  const body = JSON.stringify({ prompt: output, viewer: idOf(viewer) })
  const answer = await api.fetchApi('/selagg/texts', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } })
  if (!answer.ok) return true
  const { texts } = await answer.json()
  return texts.length > 0
}

/**
 * Puts SelAgg Prompt in, with the text and the CLIP that lie nearest before the sampler.
 * @param {Place} sampler
 * @param {Place} viewer
 * @param {HostGraph} root
 * @returns {boolean} whether there were any
 */
export function nameWords(sampler, viewer, root) {
  const { graph } = viewer.node
  const text = [...upstream(sampler, (name) => !NEGATIVE.test(name))].map(textOf).find((found) => found !== null)
  const clip = clipFor(sampler, viewer, root)
  if (!graph || !text || !clip) return false
  const node = added(graph, PROMPT)
  connect(clip, node, 'clip')
  const field = node.widgets?.find(({ name }) => name === 'text')
  if (field) field.value = text
  node.connect(0, viewer.node, inputOf(viewer.node, 'prompt'))
  const [x, y] = boxOf(viewer.node)
  placeIfNew(graph, node, [x, y - node.size[1] - 40])
  return true
}

/** The text that an artist has written in a node. @param {Socket} socket @returns {string | null} */
function textOf({ node }) {
  const field = node.widgets?.find(({ type, options, value }) => isTextField(type, options) && String(value ?? '').trim())
  return field ? String(field.value) : null
}

/**
 * @param {string | undefined} type
 * @param {{multiline?: boolean} | undefined} options
 */
export const isTextField = (type, options) => type === 'customtext' || Boolean(options?.multiline)

/**
 * A CLIP in the graph of the viewer.
 * @param {Place} sampler
 * @param {Place} viewer
 * @param {HostGraph} root
 * @returns {Socket | null}
 */
export function clipFor(sampler, viewer, root) {
  const nodes = [...upstream(sampler), ...runningNodes(root)].filter(({ node }) => node.graph === viewer.node.graph && !node.subgraph)
  for (const { path, node } of nodes) {
    const slot = node.outputs?.findIndex(({ type }) => type === 'CLIP') ?? -1
    if (slot >= 0) return { path, node, slot }
    const input = node.inputs?.findIndex(({ type }) => type === 'CLIP') ?? -1
    const source = input < 0 ? null : sourceOf({ path, node, slot: input })
    if (source && source.node.graph === viewer.node.graph) return source
  }
  return null
}
