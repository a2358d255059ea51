/** Does to a workflow what a finding says to try: in its text, in its wires, at its sampler. */

import { boxOf } from './placing.js'
import { ADDED, added, connect, feed, inputOf, placeIfNew } from './put_in.js'
import { isSampler, Missing, modelInput, titleOf } from './samplers.js'
import { shownAs } from './same_seed.js'
import { clipFor, isTextField, NEGATIVE } from './words.js'
import { linkOf, sourceOf, upstream } from './wires.js'

/** @import { HostGraph, HostNode, HostWidget } from '../../scripts/app.js' */
/** @import { Trial } from '../viewer/types.js' */
/** @import { Place } from './samplers.js' */
/** @import { Socket } from './wires.js' */

export const REPAIR = 'SelAggRepair'
const REPORT = 'PrimitiveStringMultiline'
const AREA = 'ConditioningSetAreaPercentage'
const COMBINE = 'ConditioningCombine'
const ENCODER = 'CLIPTextEncode'
const MOST_DENOISE = 0.95
const MORE_DENOISE = 0.2
const GAP = 40
/** Of SelAgg Repair: the one finding of its report, which need not be a warning. */
const ONE = '1'
/** Of SelAgg Repair: what proved itself where a start picture brings the fault along (`selagg_core.repair.remedies`). */
const FIRM = 2
const FIRMLY = ['neglected', 'leaked', 'misplaced', 'misplaced_region']

/**
 * What is tried. kind: of the finding. written: the text of its entry as it was sampled. report: that of the finding alone; title: of the
 * node that holds it. fromPicture: whether the run started from a picture; null where its recording does not say.
 * @typedef {{trial: Trial, kind: string, written: string, report: string, title: string, fromPicture: boolean | null}} Asked
 */

/**
 * The sampler whose picture a viewer shows. Throws Missing.
 * @param {Place} viewer
 * @returns {Place}
 */
export function samplerFor(viewer) {
  const slot = inputOf(viewer.node, 'latent')
  const source = slot < 0 ? null : sourceOf({ ...viewer, slot })
  const found = source && [source, ...upstream(source)].find(({ node }) => isSampler(node))
  if (!found) throw new Missing('noSampler')
  return found
}

/**
 * Changes a workflow. Throws Missing before it changes anything.
 * @param {HostGraph} root
 * @param {Place} viewer
 * @param {Place} sampler
 * @param {Asked} asked
 */
export function apply(root, viewer, sampler, asked) {
  const { action } = asked.trial
  if (action === 'text') writeText(viewer, sampler, asked)
  else if (action === 'region') promptInAreas(root, sampler, asked.trial)
  else if (action === 'repair') wireRepair(viewer, sampler, asked)
  else if (action === 'denoise') raiseDenoise(sampler)
}

// -- text ------------------------------------------------------------------------------------------------

/**
 * @param {Place} viewer
 * @param {Place} sampler
 * @param {Asked} asked
 */
function writeText(viewer, sampler, { trial, written }) {
  const fields = [...fieldsAbove(sampler, (name) => !NEGATIVE.test(name)), ...fieldsAbove(viewer, (name) => name === 'prompt' || name === 'text')]
  const own = new Set(fields.filter(({ value }) => String(value ?? '') === written))
  if (!own.size) throw new Missing('textElsewhere', { name: titleOf(sampler.node) })
  for (const field of own) set(field, trial.text)
}

/**
 * The fields with texts of all that makes something for a node.
 * @param {Place} place
 * @param {(name: string) => boolean} through
 */
function fieldsAbove(place, through) {
  return [...upstream(place, through)].flatMap(({ path, node }) => {
    const own = (node.widgets ?? []).filter(({ type, options }) => isTextField(type, options))
    return own.flatMap((widget) => {
      const shown = shownAs(path, node, widget)
      return shown === widget && isFed(node, widget) ? [] : [shown]
    })
  })
}

/** Whether another node gives the value of a field. @param {HostNode} node @param {HostWidget} widget */
const isFed = (node, widget) => node.inputs?.some((input) => input.widget?.name === widget.name && input.link !== null && input.link !== undefined)

/** @param {HostWidget | undefined} widget @param {unknown} value */
export function set(widget, value) {
  if (!widget) return
  widget.value = value
  widget.callback?.(value)
}

// -- wires -----------------------------------------------------------------------------------------------

/**
 * The input through which a sampler, or its guider, gets its positive prompt. Throws Missing.
 * @param {Place} sampler
 * @returns {Socket & {graph: HostGraph}}
 */
export function positiveInput(sampler) {
  const { path, node } = modelInput(sampler)
  const slot = node.inputs?.findIndex(({ name, type }) => type === 'CONDITIONING' && !NEGATIVE.test(name)) ?? -1
  if (slot < 0 || !node.graph || !linkOf(node.graph, node.inputs?.[slot].link)) throw new Missing('noPositive', { name: titleOf(node) }, node)
  return { path, node, slot, graph: node.graph }
}

/**
 * Each thing is prompted once more, in an area of its own.
 * @param {HostGraph} root
 * @param {Place} sampler
 * @param {Trial} trial
 */
function promptInAreas(root, sampler, { areas }) {
  const positive = positiveInput(sampler)
  const { graph, node, slot } = positive
  const clip = clipFor(sampler, positive, root)
  if (!clip) throw new Missing('noClip', { name: titleOf(node) }, node)
  const [left, top] = boxOf(node)
  areas.forEach(({ text, box: [x0, y0, x1, y1] }, number) => {
    const [encoder, area, combine] = [ENCODER, AREA, COMBINE].map((type) => ours(graph, type))
    set(widgetOf(encoder, 'text'), text)
    const values = { width: x1 - x0, height: y1 - y0, x: x0, y: y0, strength: 1 }
    for (const [name, value] of Object.entries(values)) set(widgetOf(area, name), value)
    connect(clip, encoder, 'clip')
    encoder.connect(0, area, inputOf(area, 'conditioning'))
    const link = linkOf(graph, node.inputs?.[slot].link)
    if (link) feed(graph, link, combine, inputOf(combine, 'conditioning_1'))
    area.connect(0, combine, inputOf(combine, 'conditioning_2'))
    combine.connect(0, node, slot)
    const row = top + 420 + 260 * number
    placeInRow(graph, [encoder, area, combine], [left - 800, row])
  })
}

/**
 * SelAgg Repair in the wires of the model and of the positive prompt, with the report of the finding beside it.
 * @param {Place} viewer
 * @param {Place} sampler
 * @param {Asked} asked
 */
function wireRepair(viewer, sampler, { kind, report, title, fromPicture }) {
  const { graph, node, slot } = positiveInput(sampler)
  const model = modelInput(sampler)
  if ([...upstream(sampler)].some((source) => source.node.type === REPAIR)) throw new Missing('repairThere', { name: titleOf(node) }, node)
  const [note, repair] = [REPORT, REPAIR].map((type) => ours(graph, type))
  note.title = title
  set(note.widgets?.[0], report)
  note.connect(0, repair, inputOf(repair, 'report'))
  set(widgetOf(repair, 'finding'), ONE)
  if (FIRMLY.includes(kind) && (fromPicture ?? denoiseOf(sampler))) set(widgetOf(repair, 'strength'), FIRM)
  for (const [name, input, output] of /** @type {const} */ ([['model', model.slot, 0], ['conditioning', slot, 1]])) {
    const link = linkOf(graph, node.inputs?.[input].link)
    if (link) feed(graph, link, repair, inputOf(repair, name))
    repair.connect(output, node, input)
  }
  for (const name of ['expect', 'relevance']) {
    const own = inputOf(viewer.node, name)
    const link = own < 0 || viewer.node.graph !== graph ? null : linkOf(graph, viewer.node.inputs?.[own].link)
    if (link) feed(graph, link, repair, inputOf(repair, name))
  }
  const [left, top] = boxOf(node)
  placeInRow(graph, [note, repair], [left - 800, top + 420])
}

/** @param {HostGraph} graph @param {string} type */
export function ours(graph, type) {
  const node = added(graph, type)
  node.properties = { ...node.properties, [ADDED]: true }
  return node
}

/** @param {HostGraph} graph @param {HostNode[]} nodes @param {[number, number]} start */
export function placeInRow(graph, nodes, [left, top]) {
  let x = left
  for (const node of nodes) {
    placeIfNew(graph, node, [x, top])
    x = node.pos[0] + node.size[0] + GAP
  }
}

/** @param {HostNode} node @param {string} name */
export const widgetOf = (node, name) => node.widgets?.find((widget) => widget.name === name)

// -- the sampler -----------------------------------------------------------------------------------------

/**
 * The field that says how far a sampler goes from its start picture; null if it starts from none.
 * @param {Place} sampler
 */
export function denoiseOf(sampler) {
  for (const { path, node } of [sampler, ...upstream(sampler)]) {
    const widget = widgetOf(node, 'denoise')
    if (widget && !isFed(node, widget)) return Number(widget.value) < MOST_DENOISE ? shownAs(path, node, widget) : null
  }
  return null
}

/** @param {Place} sampler */
function raiseDenoise(sampler) {
  const widget = denoiseOf(sampler)
  if (!widget) throw new Missing('noDenoise', { name: titleOf(sampler.node) }, sampler.node)
  set(widget, Math.round(Math.min(MOST_DENOISE, Number(widget.value) + MORE_DENOISE) * 100) / 100)
}
