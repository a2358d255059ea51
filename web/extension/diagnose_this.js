/** The commands "Diagnose this prompt" and "Remove SelAgg from this workflow". */

import { app } from '../../../scripts/app.js'
import { choose } from './choose.js'
import { mutedCapture } from './muted.js'
import { pathTo, rootGraph } from './places.js'
import { putIn } from './put_in.js'
import { SameSeed } from './same_seed.js'
import { isSampler, Missing, planFor, samplersOf, titleOf } from './samplers.js'
import { announce, showNode } from './show_node.js'
import { takeOut } from './take_out.js'
import { graphTexts } from './texts.js'
import { oneStep } from './undo.js'
import { hasWords, nameWords } from './words.js'
import { idOf, nodesOf } from './wires.js'

/** @import { HostGraph, HostNode } from '../../scripts/app.js' */
/** @import { Place } from './samplers.js' */

const LONG = 12000
const SHORT = 5000

export class GraphCommands {
  seeds = new SameSeed()
  /** Texts of the host's language. @type {Record<string, string>} */
  texts = {}

  get #say() {
    return graphTexts(this.texts)
  }

  /** A run was queued. */
  queued() {
    this.seeds.queued(rootGraph())
  }

  /** A run is about to be queued; frontends before 1.49 do not tell. */
  queueing() {
    const muted = mutedCapture(rootGraph())
    if (!muted) return
    const detail = this.#say('mutedCapture', { name: titleOf(muted) })
    announce({ severity: 'warn', summary: this.#say('problem'), detail, life: LONG }, muted, this.#say('showNode'))
  }

  /**
   * Puts in what a diagnosis needs, and runs it with the seeds of the picture that is there.
   * @param {HostNode | null} node what the artist pointed at, if anything
   */
  async diagnose(node = null) {
    const root = rootGraph()
    try {
      const sampler = await this.#chosen(root, node ?? selectedNode())
      if (sampler) await oneStep(() => this.#diagnoseAt(root, sampler))
    } catch (error) {
      this.#complain(error)
    }
  }

  /**
   * @param {HostGraph} root
   * @param {Place} sampler
   */
  async #diagnoseAt(root, sampler) {
    const viewer = putIn(planFor(sampler, root), pathTo(root, app.canvas.graph))
    await this.#checkWords(root, sampler, viewer)
    showNode(viewer.node)
    await this.seeds.run(root, idOf(sampler))
    this.#tell('info', 'started', this.#say('startedDetail'), viewer.node, { name: titleOf(sampler.node) })
  }

  /**
   * @param {HostGraph} root
   * @param {Place} sampler
   * @param {Place} viewer
   */
  async #checkWords(root, sampler, viewer) {
    if (await hasWords(viewer)) return
    const named = nameWords(sampler, viewer, root)
    const detail = this.#say(named ? 'copiedWords' : 'noWords', { name: titleOf(sampler.node) })
    this.#tell('warn', 'wordsUnknown', detail, viewer.node)
  }

  /**
   * The sampler that is meant; null if the artist wants none of them. Throws Missing.
   * @param {HostGraph} root
   * @param {HostNode | null} node
   * @returns {Promise<Place | null>}
   */
  async #chosen(root, node) {
    const seen = pathTo(root, node?.graph ?? app.canvas.graph)
    if (node && isSampler(node) && node.mode === 0) return { path: seen, node }
    const within = node?.subgraph ? samplersOf(root, [...seen, node]) : []
    const near = within.length ? within : samplersOf(root, seen)
    const samplers = near.length ? near : samplersOf(root)
    if (!samplers.length) throw new Missing('noSampler')
    if (samplers.length === 1) return samplers[0]
    const options = samplers.map(({ path, node: own }, place) => ({
      name: [...path, own].map(titleOf).join(' › '),
      note: place === 0 ? this.#say('lastStep') : '',
    }))
    const number = await choose(stage(), this.#say('choose'), this.#say('chooseHint'), this.#say('cancel'), options)
    return number === null ? null : samplers[number]
  }

  async remove() {
    try {
      const { count, cut } = await oneStep(() => takeOut(rootGraph()))
      app.canvas.setDirty(true, true)
      if (!count) return this.#tell('info', 'remove', this.#say('nothingToRemove'))
      const names = cut.map(titleOf).join(', ')
      const detail = cut.length ? this.#say('removedCut', { count, names }) : this.#say('removedDetail', { count })
      return this.#tell(cut.length ? 'warn' : 'success', 'removed', detail, cut[0])
    } catch (error) {
      return this.#complain(error)
    }
  }

  /** @param {unknown} error */
  #complain(error) {
    if (error instanceof Missing) {
      const what = /** @type {'noSampler'} */ (error.what)
      this.#tell('warn', 'cannot', this.#say(what, error.values), error.node)
      return
    }
    console.warn('SelAgg:', error)
    this.#tell('error', 'cannot', this.#say('failed', { reason: error instanceof Error ? error.message : String(error) }))
  }

  /**
   * @param {string} severity
   * @param {'started' | 'wordsUnknown' | 'cannot' | 'removed' | 'remove'} summary
   * @param {string} detail
   * @param {HostNode | null} node
   * @param {Record<string, string>} values
   */
  #tell(severity, summary, detail, node = null, values = {}) {
    const life = severity === 'info' || severity === 'success' ? SHORT : LONG
    announce({ severity, summary: this.#say(summary, values), detail, life }, node, this.#say('showNode'))
  }
}

/** What is drawn on: a dialog has its place beside it, and not in the page that all packs share. @returns {Element} */
function stage() {
  return app.canvas.canvas.parentElement ?? app.canvas.canvas
}

/** The one node that is selected. @returns {HostNode | null} */
function selectedNode() {
  const items = [...(app.canvas.selectedItems ?? [])]
  const graph = app.canvas.graph
  const nodes = graph ? nodesOf(graph).filter((node) => items.includes(node)) : []
  return nodes.length === 1 ? nodes[0] : null
}
