/** Changes of a workflow that the artist takes back in one step. */

import { app } from '../../../scripts/app.js'
import { Missing } from './samplers.js'

const tracker = () => app.extensionManager.workflow?.activeWorkflow?.changeTracker

/**
 * What `work` changes is one step of the host's undo, even if it takes a while.
 * @template Result
 * @param {() => Result | Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function oneStep(work) {
  const own = tracker()
  own?.beforeChange?.()
  try {
    return await work()
  } finally {
    own?.afterChange?.()
  }
}

/** The workflow after the last step, as the host's undo knows it. */
export const stateNow = () => tracker()?.activeState

/** What the host changes by itself: nodes grow with the pictures that they show, and the view moves. */
const OWN = new Set(['size', 'ds'])
/** Steps of undo that such changes may make. */
const MOST = 8

/** @param {unknown} one @param {unknown} other */
const alike = (one, other) => one === other || textOf(one) === textOf(other)

/** @param {unknown} state */
const textOf = (state) => JSON.stringify(state, (key, value) => (OWN.has(key) ? undefined : value))

/**
 * Takes back the step after which the workflow was in this state. Throws Missing if the artist has changed it since.
 * @param {unknown} state of `stateNow`
 * @param {() => void} before done as soon as that is sure
 */
export async function takeBack(state, before = () => {}) {
  const own = tracker()
  if (!own?.undo || state === undefined || !alike(own.activeState, state)) throw new Missing('changedSince')
  before()
  for (let left = MOST; left > 0 && alike(own.activeState, state); left -= 1) await own.undo()
}
