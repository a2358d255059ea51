/** Runs a workflow again with the seeds of the picture that the artist sees. */

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { linkOf, outerInput, runningNodes } from './wires.js'

/** @import { ApiNode, HostGraph, HostNode, HostWidget } from '../../scripts/app.js' */

/**
 * A number that the host changes with every run. node, name: where a request for a run has it.
 * @typedef {{control: HostWidget, widget: HostWidget, node: string, name: string}} Seed
 */
/** @typedef {Record<string, ApiNode>} Request */

export const FIXED = 'fixed'
const RANDOM = 'randomize'
const RUNS = 16
const MODE = 'Comfy.WidgetControlMode'

/** @param {HostWidget} widget */
export function isControl({ options }) {
  const values = options?.values
  return Array.isArray(values) && values.includes(FIXED) && values.includes(RANDOM)
}

/**
 * All numbers of a workflow that the host changes with every run.
 * @param {HostGraph} root
 * @returns {Seed[]}
 */
function seedsOf(root) {
  return [...runningNodes(root)].flatMap(({ path, node }) => {
    const widgets = node.widgets ?? []
    return widgets.flatMap((control, place) => {
      const widget = widgets.find(({ linkedWidgets }) => linkedWidgets?.includes(control)) ?? widgets[place - 1]
      return isControl(control) && widget ? [{ control, ...seedAt(path, node, widget) }] : []
    })
  })
}

/**
 * @param {HostNode[]} path
 * @param {HostNode} node
 * @param {HostWidget} widget
 */
function seedAt(path, node, widget) {
  const id = (/** @type {HostNode} */ one) => [...path, one].map((each) => each.id).join(':')
  if (node.isVirtualNode && node.graph) {
    const link = linkOf(node.graph, node.outputs?.[0]?.links?.[0])
    const target = link && node.graph.getNodeById(link.target_id)
    if (target) return { widget, node: id(target), name: target.inputs?.[link.target_slot]?.name ?? '' }
  }
  return { widget: shownAs(path, node, widget), node: id(node), name: widget.name }
}

/**
 * The widget of a subgraph node through which the number is set from outside; else the widget itself.
 * @param {HostNode[]} path
 * @param {HostNode} node
 * @param {HostWidget} widget
 * @returns {HostWidget}
 */
export function shownAs(path, node, widget) {
  const outer = path.at(-1)
  const input = node.inputs?.find((each) => each.widget?.name === widget.name)
  const link = node.graph && linkOf(node.graph, input?.link)
  if (!outer || !link || link.origin_id !== node.graph?.inputNode?.id) return widget
  const name = outer.inputs?.[outerInput(outer, link.origin_slot)]?.widget?.name
  const own = outer.widgets?.find((each) => each.name === name)
  return own ? shownAs(path.slice(0, -1), outer, own) : widget
}

export class SameSeed {
  /** What the host has set after a run: what differs from it the artist has set himself. @type {WeakMap<HostWidget, unknown>} */
  #left = new WeakMap()

  /** A run was queued: the numbers now are those of the next one. @param {HostGraph} root */
  queued(root) {
    for (const { widget } of seedsOf(root)) this.#left.set(widget, widget.value)
  }

  /**
   * Sets the seeds to those of the last run of the workflow, then queues it; no seed changes by that.
   * @param {HostGraph} root
   * @param {string} sampler its place in a request
   * @param {boolean} next whether the sampler is to have another seed than that
   * @param {() => void} ready called when all seeds are as they will be
   */
  async run(root, sampler, next = false, ready = () => {}) {
    const seeds = seedsOf(root)
    const controls = new Map(seeds.map(({ control }) => [control, control.value]))
    if (app.extensionManager.setting.get(MODE) !== 'before') this.#setBack(seeds, await lastRequest(root.id, sampler))
    for (const control of controls.keys()) control.value = FIXED
    if (next) raise(seeds.find(({ node }) => node === sampler) ?? seeds[0])
    ready()
    try {
      await app.queuePrompt(0)
    } finally {
      for (const [control, value] of controls) control.value = value
    }
  }

  /**
   * @param {Seed[]} seeds
   * @param {Request} last
   */
  #setBack(seeds, last) {
    for (const { control, widget, node, name } of seeds) {
      const value = last[node]?.inputs?.[name]
      const own = this.#left.has(widget) && this.#left.get(widget) !== widget.value
      if (control.value === FIXED || own || typeof value !== 'number' || value === widget.value) continue
      widget.value = value
      widget.callback?.(value)
    }
  }
}

/** @param {Seed | undefined} seed */
function raise(seed) {
  if (!seed) throw new Error('this workflow has no seed that could be changed')
  seed.widget.value = Number(seed.widget.value) + 1
  seed.widget.callback?.(seed.widget.value)
}

/**
 * The last run of a workflow in which a sampler took part, done or not; {} if the server knows of none.
 * @param {string | undefined} workflow
 * @param {string} sampler
 * @returns {Promise<Request>}
 */
async function lastRequest(workflow, sampler) {
  try {
    // The queue first: a run goes from there to the history, so none is missed in between.
    const queue = await answered('/queue')
    const done = await answered(`/history?max_items=${RUNS}`)
    const runs = [...Object.values(done).map(({ prompt }) => prompt), ...(queue.queue_running ?? []), ...(queue.queue_pending ?? [])]
    runs.sort((one, other) => other[0] - one[0])
    const isOwn = (/** @type {any} */ [, , request, extra]) => extra?.extra_pnginfo?.workflow?.id === workflow && request?.[sampler]
    return (workflow && runs.find(isOwn)?.[2]) || {}
  } catch (error) {
    console.warn('SelAgg: the last run is not known:', error)
    return {}
  }
}

/** @param {string} path @returns {Promise<any>} */
async function answered(path) {
  const answer = await api.fetchApi(path)
  return answer.ok ? answer.json() : {}
}
