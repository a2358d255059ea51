/** One click on "Try": the change in the workflow, the same seed, and what was before beside what is now. */

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { apply, denoiseOf, samplerFor } from './apply.js'
import { placeOf, rootGraph } from './places.js'
import { graphTexts, inWords } from './texts.js'
import { oneStep, stateNow, takeBack } from './undo.js'
import { idOf } from './wires.js'

/** @import { ApiNode, HostNode } from '../../scripts/app.js' */
/** @import { Compared, Finding, Manifest, Trial } from '../viewer/types.js' */
/** @import { SameSeed } from './same_seed.js' */

/** Inputs that the server adds to a request by itself. @type {ReadonlySet<string>} */
const SERVERS = new Set(['prompt', 'connected_outputs'])

/**
 * What a click asks for. view: the id of the view that is shown; number: of the finding in its picture.
 * @typedef {{view: string, manifest: Manifest, picture: number, number: number, finding: Finding, trial: Trial}} Click
 */
/**
 * A run that was queued: what it is compared with, its request, and the state of the workflow after the change.
 * @typedef {{compared: Compared, request: Record<string, ApiNode>, state: unknown, view: string}} Waiting
 */

export class Trials {
  /** Texts of the host's language. @type {Record<string, string>} */
  texts = {}
  #seeds
  /** @type {Map<HostNode, Waiting>} */
  #waiting = new Map()

  /** @param {SameSeed} seeds */
  constructor(seeds) {
    this.#seeds = seeds
  }

  /** Whether there is anything to do: more denoise is for what has less than all of it. @param {HostNode} node @param {Trial} trial */
  can(node, trial) {
    if (trial.action === 'none') return false
    return trial.action !== 'denoise' || beginsInPicture(node) === true
  }

  /**
   * Whether the run that is shown started from a picture: as it was recorded, else as its sampler is set; null where neither says.
   * @param {HostNode} node
   * @param {Manifest} manifest
   */
  fromPicture(node, manifest) {
    return manifest.from_picture ?? beginsInPicture(node)
  }

  /**
   * Changes the workflow and queues it. Throws, in the artist's words, where that cannot be done.
   * @param {HostNode} node the viewer
   * @param {Click} click
   */
  async start(node, click) {
    await inWords(this.texts, () => this.#start(node, click))
  }

  /** @param {HostNode} node @param {Click} click */
  async #start(node, { view, manifest, picture, number, finding, trial }) {
    const viewer = placeOf(node)
    const sampler = samplerFor(viewer)
    const written = (manifest.texts[trial.entry]?.pieces ?? []).map(([text]) => text).join('')
    const report = trial.action === 'repair' ? await reportOf(view, picture, number) : ''
    const before = await pictureOf(view, picture)
    const title = graphTexts(this.texts)('mended')
    await oneStep(async () => {
      apply(rootGraph(), viewer, sampler, { trial, kind: finding.kind, written, report, title, fromPicture: manifest.from_picture ?? null })
      app.canvas.setDirty(true, true)
      await this.#seeds.run(rootGraph(), idOf(sampler), trial.action === 'seed')
    })
    const { output } = await app.graphToPrompt()
    const compared = { picture, finding, trial, before, undo: () => this.#undo(node) }
    this.#waiting.set(node, { compared, request: output, state: stateNow(), view })
  }

  /**
   * What the view of a run is to be compared with; null if that run is none that was tried here.
   * @param {HostNode} node
   * @param {Record<string, unknown> | null} ran the workflow of that run
   * @returns {Compared | null}
   */
  done(node, ran) {
    const waiting = this.#waiting.get(node)
    if (!waiting || !isSame(waiting.request, /** @type {Record<string, ApiNode> | undefined} */ (ran?.prompt))) return null
    return waiting.compared
  }

  /** Whether the node waits for a run. @param {HostNode} node */
  waitsFor(node) {
    return this.#waiting.has(node)
  }

  /** A run failed: nothing is compared with what comes next. */
  forget() {
    this.#waiting.clear()
  }

  /** The view that a node showed before the run that was tried last. @type {(node: HostNode, view: string) => void} */
  onUndo = () => {}

  /** @param {HostNode} node */
  async #undo(node) {
    const waiting = this.#waiting.get(node)
    await inWords(this.texts, () =>
      takeBack(waiting?.state, () => {
        if (waiting) this.onUndo(node, waiting.view)
        this.#waiting.delete(node)
      })
    )
  }
}

/** Whether the sampler of a viewer has less than all of the denoise; null where there is no sampler. @param {HostNode} node */
function beginsInPicture(node) {
  try {
    return denoiseOf(samplerFor(placeOf(node))) !== null
  } catch {
    return null
  }
}

/**
 * Whether a run was of this request, apart from what the server adds; a server that tells nothing of it is believed.
 * @param {Record<string, ApiNode>} request
 * @param {Record<string, ApiNode> | undefined} ran
 */
function isSame(request, ran) {
  if (!ran || !Object.keys(ran).length) return true
  return Object.entries(request).every(([id, { class_type, inputs }]) => {
    const other = ran[id]
    if (!other || other.class_type !== class_type) return false
    return Object.entries(inputs).every(([name, value]) => SERVERS.has(name) || JSON.stringify(other.inputs[name]) === JSON.stringify(value))
  })
}

/**
 * @param {string} view
 * @param {number} picture
 * @param {number} number
 * @returns {Promise<string>}
 */
async function reportOf(view, picture, number) {
  const answer = await api.fetchApi(`/selagg/views/${encodeURIComponent(view)}/finding?picture=${picture}&number=${number}`)
  const { report, error } = await answer.json()
  if (error) throw new Error(error)
  return report
}

/** The picture of a view, kept by the page: the server may forget it. @param {string} view @param {number} picture */
async function pictureOf(view, picture) {
  const answer = await api.fetchApi(`/selagg/views/${encodeURIComponent(view)}/pictures/${picture}`)
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
  return answer.blob()
}
