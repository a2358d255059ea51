/** How a run is looked at first: as the last one was, with what went wrong worst opened. */

import { opening, reportOf } from './report.js'
import { initialState } from './state.js'

/** @import { Look } from './look.js' */
/** @import { Manifest, Text } from './types.js' */
/** @import { ViewState } from './state.js' */

/** A word of a text by what is written: the how-manieth of its kind. @typedef {[written: string, number: number]} Written */

/**
 * What an artist chose, told without the numbers of a run.
 * @typedef {object} Kept
 * @property {Pick<ViewState, 'tab' | 'threshold' | 'view' | 'opacity' | 'scale' | 'filter' | 'special'>} chosen
 * @property {string} text its name
 * @property {Written[]} pins those that the artist chose
 */

/**
 * @param {Look} look
 * @returns {Kept}
 */
export function keptOf({ manifest, state }) {
  const { tab, threshold, view, opacity, scale, filter, special, pins, byFinding } = state
  const text = manifest.texts[state.text]
  const own = byFinding ? [] : pins.filter((word) => text.words[word])
  return { chosen: { tab, threshold, view, opacity, scale, filter, special }, text: text.name, pins: own.map((word) => written(text, word)) }
}

/**
 * @param {Text} text
 * @param {number} word
 * @returns {Written}
 */
function written({ words }, word) {
  const { text } = words[word]
  return [text, words.slice(0, word).filter((other) => other.text === text).length]
}

/**
 * The words that are written so, as far as the text still has them.
 * @param {Text} text
 * @param {Written[]} pins
 */
function found({ words }, pins) {
  return pins.flatMap(([own, number]) => {
    const alike = words.flatMap(({ text }, i) => (text === own ? [i] : []))
    return number < alike.length ? [alike[number]] : []
  })
}

/**
 * The state in which a run is shown first.
 * @param {Manifest} manifest
 * @param {{opacity: number, scale?: ViewState['scale']}} options
 * @param {Kept | null} kept what was chosen when the last run was looked at
 * @returns {ViewState}
 */
export function beginning(manifest, { opacity, scale }, kept) {
  const fresh = initialState(opacity, manifest)
  /** @type {ViewState} */
  const state = { ...fresh, scale: scale ?? fresh.scale, ...kept?.chosen }
  const text = kept ? Math.max(0, manifest.texts.findIndex(({ name }) => name === kept.text)) : 0
  const pins = kept && manifest.texts[text] ? found(manifest.texts[text], kept.pins) : []
  if (pins.length) Object.assign(state, { text, pins })
  const [worst] = reportOf(manifest, state.picture).findings
  if (!worst || worst.level === 'information') return state
  if (pins.length) return { ...state, opened: 0 }
  return { ...state, ...opening(manifest, state, 0), view: state.view }
}
