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

/**
 * Takes back the step after which the workflow was in this state. Throws Missing if it was changed since.
 * @param {unknown} state of `stateNow`
 * @param {() => void} before done as soon as that is sure
 */
export async function takeBack(state, before = () => {}) {
  const own = tracker()
  if (!own?.undo || state === undefined || own.activeState !== state) throw new Missing('changedSince')
  before()
  await own.undo()
}
