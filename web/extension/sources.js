/** Where a viewer gets what it shows from, and how it changes its node. */

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'

/** @import { HostNode } from '../../scripts/app.js' */
/** @import { Manifest, Source } from '../viewer/types.js' */
/** @import { Trials } from './trials.js' */

/**
 * The JSON of an address of this pack. Rejects with what the pack says, if it says that it cannot.
 * @param {string} path
 */
export async function asked(path) {
  const answer = await api.fetchApi(path)
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
  const body = await answer.json()
  if (body.error) throw new Error(body.error)
  return body
}

/**
 * The field of claims of a node; null where it has none, or another node fills it.
 * @param {HostNode} node
 * @returns {Source['claims']}
 */
function claimsOf(node) {
  const field = node.widgets?.find(({ name }) => name === 'claims')
  const linked = node.inputs?.some(({ widget, link }) => widget?.name === 'claims' && link !== null && link !== undefined)
  if (!field || linked) return null
  return {
    read: () => String(field.value ?? ''),
    write(text) {
      field.value = text
      field.callback?.(text)
      node.graph?.setDirtyCanvas?.(true, true)
    },
  }
}

export async function runAgain() {
  await app.queuePrompt(0)
}

/**
 * @param {string} id of a view
 * @param {Manifest} manifest
 * @param {HostNode} node
 * @param {Trials} trials
 * @returns {Source}
 */
export function sourceOf(id, manifest, node, trials) {
  const place = `/selagg/views/${encodeURIComponent(id)}`
  const query = (/** @type {number} */ text, /** @type {number} */ picture) => `text=${text}&picture=${picture}`
  return {
    picture: (number) => api.apiURL(`${place}/pictures/${number}`),
    words: (key) => asked(`${place}/words/${key}`),
    heads: (text, picture, word) => asked(`${place}/heads?${query(text, picture)}&word=${word}`),
    steps: (text, picture, step) => asked(`${place}/steps?${query(text, picture)}&step=${step}`),
    workflow: () => asked(`${place}/workflow`),
    maps: api.apiURL(`${place}/maps`),
    report: api.apiURL(`${place}/report`),
    claims: claimsOf(node),
    runAgain,
    trials: {
      can: (trial) => trials.can(node, trial),
      start: (picture, number, trial) => {
        const finding = manifest.report[picture].findings[number]
        return trials.start(node, { view: id, manifest, picture, number, finding, trial })
      },
    },
  }
}
