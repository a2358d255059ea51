/** Changes of a workflow that the artist takes back in one step. */

import { app } from '../../../scripts/app.js'

/**
 * What `work` changes is one step of the host's undo, even if it takes a while.
 * @template Result
 * @param {() => Result | Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function oneStep(work) {
  const tracker = app.extensionManager.workflow?.activeWorkflow?.changeTracker
  tracker?.beforeChange?.()
  try {
    return await work()
  } finally {
    tracker?.afterChange?.()
  }
}
