/** "Is it this word?": SelAgg What If put beside a sampler, the same seed without the word, and what it says. */

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { ours, placeInRow, positiveInput, REPAIR, samplerFor, set, widgetOf } from './apply.js'
import { placeOf, rootGraph } from './places.js'
import { boxOf } from './placing.js'
import { ADDED, CAPTURE, connect, feed, inputOf } from './put_in.js'
import { FIXED, isControl } from './same_seed.js'
import { Missing, modelInput, titleOf, vaeFor } from './samplers.js'
import { graphTexts, inWords } from './texts.js'
import { oneStep, stateNow, takeBack } from './undo.js'
import { idOf, linkOf, nodesOf, upstream } from './wires.js'

/** @import { HostGraph, HostLink, HostNode, HostWidget } from '../../scripts/app.js' */
/** @import { Effect, Said } from '../viewer/types.js' */
/** @import { SameSeed } from './same_seed.js' */
/** @import { Place } from './samplers.js' */
/** @import { Socket } from './wires.js' */

export const WHAT_IF = 'SelAggWhatIf'
/** Of its result: what a viewer shows. */
const KEY = 'selagg_what_if'
/** Fields of it, and what samplers call them. */
const FIELDS = { seed: ['seed', 'noise_seed'], steps: ['steps'], cfg: ['cfg'], sampler_name: ['sampler_name'], scheduler: ['scheduler'], denoise: ['denoise'] }
/** Samplers with such a field make a part of a run alone. */
const PART = 'start_at_step'
/** Its sockets, and what samplers call them. */
const SOCKETS = { positive: 'positive', negative: 'negative', latent: 'latent_image' }

/** @typedef {{filename: string, subfolder: string, type: string}} StoredFile */
/** @typedef {{word: string, said: Said, told: string, without: StoredFile, change: StoredFile}} Answer */
/** What SelAgg What If needs of a workflow. @typedef {{sampler: Place, graph: HostGraph, links: Record<string, HostLink>, vae: Socket}} Wiring */
/** @typedef {{viewer: HostNode, word: string, picture: number, state: unknown}} Question */

export class Questions {
  /** Texts of the host's language. @type {Record<string, string>} */
  texts = {}
  #seeds
  /** By the place of SelAgg What If in a request. @type {Map<string, Question>} */
  #open = new Map()

  /** @param {SameSeed} seeds */
  constructor(seeds) {
    this.#seeds = seeds
  }

  /** Whether this can be asked of the picture that a viewer shows. @param {HostNode} node */
  can(node) {
    try {
      wiring(placeOf(node))
      return true
    } catch {
      return false
    }
  }

  /**
   * Puts SelAgg What If into the workflow and queues it. Throws, in the artist's words, where that cannot be done.
   * @param {HostNode} node the viewer
   * @param {number} picture
   * @param {string} word as the node finds it
   */
  async ask(node, picture, word) {
    await inWords(this.texts, async () => {
      const own = wiring(placeOf(node))
      const asked = await oneStep(async () => {
        const whatIf = wired(own, node, word, graphTexts(this.texts)('asked'))
        app.canvas.setDirty(true, true)
        await this.#seeds.run(rootGraph(), idOf(own.sampler), false, () => copyFields(own.sampler.node, whatIf))
        return whatIf
      })
      this.#open.set(idOf({ path: own.sampler.path, node: asked }), { viewer: node, word, picture, state: stateNow() })
    })
  }

  /**
   * What a node gave, if it was asked here; else null.
   * @param {string} id its place in the request
   * @param {{[KEY]?: Answer[]} | null | undefined} output
   * @returns {{viewer: HostNode, effect: Effect} | null}
   */
  answered(id, output) {
    const question = this.#open.get(id)
    const answer = output?.[KEY]?.[0]
    if (!question || !answer) return null
    this.#open.delete(id)
    const { viewer, word, picture, state } = question
    const { said, told, without, change } = answer
    const undo = () => inWords(this.texts, () => takeBack(state))
    return { viewer, effect: { word, picture, said, told, without: addressOf(without), change: addressOf(change), undo } }
  }

  /** A run failed: nothing is answered by what comes next. */
  forget() {
    this.#open.clear()
  }
}

/** @param {StoredFile} file */
const addressOf = ({ filename, subfolder, type }) => api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`)

/**
 * Throws Missing where SelAgg What If cannot make the picture of a viewer again.
 * @param {Place} viewer
 * @returns {Wiring}
 */
function wiring(viewer) {
  const sampler = samplerFor(viewer)
  const { node, path } = sampler
  const name = titleOf(node)
  const { graph } = positiveInput(sampler)
  const model = modelInput(sampler)
  const links = Object.entries(SOCKETS).map(([own, its]) => [own, linkOf(graph, node.inputs?.[inputOf(node, its)]?.link)])
  const fields = Object.entries(FIELDS).every(([own, names]) => own === 'denoise' || names.some((each) => widgetOf(node, each)))
  const whole = !widgetOf(node, PART)
  if (model.node !== node || !fields || !whole || links.some(([, link]) => !link)) throw new Missing('otherSampler', { name }, node)
  if ([...upstream(sampler)].some((source) => source.node.type === REPAIR)) throw new Missing('repaired', { name }, node)
  const vae = vaeFor(sampler, rootGraph())
  if (!vae || vae.path.length !== path.length || vae.node.graph !== graph) throw new Missing('noVaeBeside', { name }, node)
  return { sampler, graph, vae, links: { ...Object.fromEntries(links), model: unrecorded(graph, node, model.slot) } }
}

/**
 * The wire of a model as it is before SelAgg Capture: only the run of the artist is recorded.
 * @param {HostGraph} graph
 * @param {HostNode} node
 * @param {number} slot
 * @returns {HostLink}
 */
function unrecorded(graph, node, slot) {
  const link = /** @type {HostLink} */ (linkOf(graph, node.inputs?.[slot].link))
  const origin = graph.getNodeById(link.origin_id)
  if (origin?.type !== CAPTURE) return link
  return linkOf(graph, origin.inputs?.[inputOf(origin, 'model')]?.link) ?? link
}

/**
 * SelAgg What If, wired: the one that was put in before, if there is one.
 * @param {Wiring} wiring
 * @param {HostNode} viewer
 * @param {string} word
 * @param {string} title
 */
function wired({ sampler, graph, links, vae }, viewer, word, title) {
  const there = nodesOf(graph).find((node) => node.type === WHAT_IF && node.properties?.[ADDED])
  const node = there ?? ours(graph, WHAT_IF)
  if (!there) Object.assign(node, { title, flags: { ...node.flags, collapsed: true } }) // it would grow with its pictures
  for (const [name, link] of Object.entries(links)) feed(graph, link, node, inputOf(node, name))
  connect(vae, node, 'vae')
  const own = inputOf(viewer, 'prompt')
  const prompt = own < 0 || viewer.graph !== graph ? null : linkOf(graph, viewer.inputs?.[own].link)
  if (prompt) feed(graph, prompt, node, inputOf(node, 'prompt'))
  set(widgetOf(node, 'words'), word)
  for (const control of (node.widgets ?? []).filter(isControl)) control.value = FIXED
  const [left, top, width, height] = boxOf(sampler.node)
  placeInRow(graph, [node], [left + width + 60, top + height + 60])
  return node
}

/**
 * The fields of a sampler in SelAgg What If: fed by the same nodes, else with the same values.
 * @param {HostNode} sampler
 * @param {HostNode} whatIf
 */
function copyFields(sampler, whatIf) {
  for (const [own, names] of Object.entries(FIELDS)) {
    const widget = names.map((name) => widgetOf(sampler, name)).find(Boolean)
    if (widget) copyField(sampler, widget, whatIf, own)
  }
}

/**
 * @param {HostNode} sampler
 * @param {HostWidget} widget
 * @param {HostNode} whatIf
 * @param {string} own
 */
function copyField(sampler, widget, whatIf, own) {
  const graph = /** @type {HostGraph} */ (sampler.graph)
  const link = linkOf(graph, sampler.inputs?.find((input) => input.widget?.name === widget.name)?.link)
  const origin = link && graph.getNodeById(link.origin_id)
  const slot = inputOf(whatIf, own)
  if (link && slot >= 0 && !origin?.isVirtualNode) feed(graph, link, whatIf, slot)
  else set(widgetOf(whatIf, own), origin?.widgets?.[0]?.value ?? widget.value)
}
