/** What an artist has chosen to see: values, and what follows from them alone. */

import { WORD_COLOURS } from './colours.js'

/** @import { Manifest, RGB, Scene } from './types.js' */

/** The word number that stands for begin, end and padding marks. */
export const SPECIAL = -1

/**
 * @typedef {object} ViewState
 * @property {number} picture
 * @property {number} text
 * @property {number | null} hovered word under the pointer
 * @property {number[]} pins words that stay painted
 * @property {boolean} byFinding whether they are those of a finding, and not chosen by hand
 * @property {number | null} finding the one whose regions are outlined
 * @property {number | null} opened the one whose card is open; it stays so while words are looked at
 * @property {{x: number, y: number, byKey?: boolean} | null} spot in shares of width and height
 * @property {boolean} special whether the marks that are no words are shown
 * @property {Scene['view']} view
 * @property {number} opacity 0 to 1
 * @property {number} threshold 0 to 1; 0 for each map's own
 * @property {'one' | 'own'} scale of colours: one for all words of a picture, or each word's own
 * @property {string} filter words that are looked for; '' for all
 * @property {string} tab
 * @property {string} mode
 * @property {number} fraction share of the heads, 0 to 1
 * @property {Set<number> | null} picked heads that were chosen by hand
 * @property {number | null} head the one under the pointer
 * @property {number | null} step part of the run; null for all of it
 */

/**
 * @param {number} opacity
 * @param {Manifest | null} [manifest]
 * @returns {ViewState}
 */
export function initialState(opacity, manifest = null) {
  return {
    picture: 0,
    text: 0,
    hovered: null,
    pins: [],
    byFinding: false,
    finding: null,
    opened: null,
    spot: null,
    special: false,
    view: 'heat',
    opacity,
    threshold: 0,
    scale: 'one',
    filter: '',
    tab: 'findings',
    mode: manifest?.mode ?? 'selective',
    fraction: manifest?.fraction ?? 0.25,
    picked: null,
    head: null,
    step: null,
  }
}

/**
 * Another text is shown: its words are others.
 * @param {number} text
 * @returns {Partial<ViewState>}
 */
export function withText(text) {
  return { text, pins: [], byFinding: false, hovered: null, finding: null, opened: null, picked: null }
}

/** What changes by passing over something. @type {ReadonlySet<string>} */
const IN_PASSING = new Set(['hovered', 'spot', 'head', 'finding'])

/**
 * Whether changes are meant, and not what comes of passing over something.
 * @param {Partial<ViewState>} changes
 */
export function isMeant(changes) {
  return Object.keys(changes).some((name) => !IN_PASSING.has(name))
}

/** Whether there is a word, and it is not the marks. @type {(word: number | null) => word is number} */
export const isSpoken = (word) => word !== null && word !== SPECIAL

/**
 * The word that is looked at: under the pointer, else pinned last.
 * @param {ViewState} state
 */
export function focusOf({ hovered, pins }) {
  return hovered ?? pins.at(-1) ?? null
}

/**
 * The words that are painted.
 * @param {ViewState} state
 */
export function paintedWords({ hovered, pins, head }) {
  if (hovered !== null) return [hovered]
  return head === null ? pins : pins.slice(-1)
}

/**
 * The pins after a click on a word; no more than there are colours.
 * @param {number[]} pins
 * @param {number} word
 */
export function toggled(pins, word) {
  return pins.includes(word) ? pins.filter((pin) => pin !== word) : [...pins, word].slice(-WORD_COLOURS.length)
}

/**
 * What changes when a word is chosen by hand: those of a finding make room for it.
 * @param {ViewState} state
 * @param {number} word
 * @returns {Partial<ViewState>}
 */
export function withPin({ pins, byFinding }, word) {
  return { pins: toggled(byFinding ? [] : pins, word), byFinding: false, finding: null, picked: null }
}

/**
 * The colour of a pinned word, null for others.
 * @param {number[]} pins
 * @param {number} word
 * @returns {RGB | null}
 */
export function colourOf(pins, word) {
  const at = pins.indexOf(word)
  return at < 0 ? null : WORD_COLOURS[at % WORD_COLOURS.length]
}

/**
 * Shows or hides the marks; hidden ones are not chosen any more.
 * @param {ViewState} state
 * @param {boolean} special
 * @returns {Partial<ViewState>}
 */
export function withSpecial({ pins, hovered }, special) {
  if (special) return { special }
  return { special, pins: pins.filter((word) => word !== SPECIAL), hovered: hovered === SPECIAL ? null : hovered }
}
