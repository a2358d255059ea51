/** Where a viewer gets what it shows from, and how it changes its node. */

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { translator } from '../viewer/text.js'
import { claimsOf } from './claims_field.js'

/** @import { HostNode } from '../../scripts/app.js' */
/** @import { Manifest, Source } from '../viewer/types.js' */
/** @import { Questions } from './questions.js' */
/** @import { Trials } from './trials.js' */

/** Texts of the viewer in the artist's language, once they are loaded. @typedef {{ texts: Record<string, string>, ready: Promise<void> }} Language */

/**
 * The JSON of an address of this pack. Rejects with what the pack says, if it says that it cannot.
 * @param {string} path
 * @param {Language} language
 * @param {RequestInit} [request] what is sent along
 */
export async function asked(path, language, request) {
  const answer = await api.fetchApi(path, request)
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
  const body = await answer.json()
  if (body.error) throw new Error(translator(language.texts).say(body.said, body.error))
  return body
}

export async function runAgain() {
  await app.queuePrompt(0)
}

/**
 * @param {string} id of a view
 * @param {Manifest} manifest
 * @param {HostNode} node
 * @param {{trials: Trials, questions: Questions}} graph what changes the workflow
 * @param {Language} language
 * @returns {Source}
 */
export function sourceOf(id, manifest, node, { trials, questions }, language) {
  const place = `/selagg/views/${encodeURIComponent(id)}`
  const ask = (/** @type {string} */ path) => asked(path, language)
  const query = (/** @type {number} */ text, /** @type {number} */ picture) => `text=${text}&picture=${picture}`
  return {
    picture: (number) => api.apiURL(`${place}/pictures/${number}`),
    words: (key) => ask(`${place}/words/${key}`),
    heads: (text, picture, word) => ask(`${place}/heads?${query(text, picture)}&word=${word}`),
    steps: (text, picture, step) => ask(`${place}/steps?${query(text, picture)}&step=${step}`),
    workflow: () => ask(`${place}/workflow`),
    maps: api.apiURL(`${place}/maps`),
    report: api.apiURL(`${place}/report`),
    claims: claimsOf(node),
    runAgain,
    trials: {
      can: (trial) => trials.can(node, trial),
      fromPicture: () => trials.fromPicture(node, manifest),
      start: (picture, number, trial) => {
        const finding = manifest.report[picture].findings[number]
        return trials.start(node, { view: id, manifest, picture, number, finding, trial })
      },
    },
    // SelAgg What If makes one picture at a time.
    questions: manifest.pictures === 1 && questions.can(node) ? { ask: (picture, label) => questions.ask(node, picture, named(label, manifest)) } : null,
  }
}

/**
 * A label of a report as nodes find it: where others of its word follow, the first one is called "(1)".
 * @param {string} label
 * @param {Manifest} manifest
 */
function named(label, { labels, texts }) {
  const own = labels[label]?.[1].length ?? 0
  const same = texts.flatMap(({ words }) => words).filter(({ text }) => text.toLowerCase() === label.toLowerCase())
  return own === 1 && same.length > 1 ? `${label} (1)` : label
}
