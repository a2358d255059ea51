/** What a report says, brought to the words of a text: the one place that knows how findings name words and facts. */

import { WORD_COLOURS } from './colours.js'
import { withText } from './state.js'

/** @import { Facts, Finding, Landing, Manifest, PictureReport, Translate, WordMap } from './types.js' */
/** @import { ViewState } from './state.js' */

/** @type {PictureReport} */
const NOTHING = Object.freeze({ words: {}, findings: [], checks: [] })

/** Coordinates are for programs; people read the names of the places beside them. */
const COORDINATE = /_[xy]$/

/**
 * What stands under a label; labels are words of a prompt, such as "constructor".
 * @template Value
 * @param {Record<string, Value> | undefined} values
 * @param {string} label
 */
function under(values, label) {
  return values && Object.hasOwn(values, label) ? values[label] : null
}

/**
 * @param {Manifest} manifest
 * @param {number} picture
 */
export function reportOf(manifest, picture) {
  return manifest.report[picture] ?? NOTHING
}

/**
 * @param {PictureReport} report
 */
export function sureFindings({ findings }) {
  return findings.filter((finding) => finding.sure)
}

/**
 * How well the words of a text landed in a picture, by number of the word.
 * @param {Manifest} manifest
 * @param {number} picture
 * @param {number} text
 * @returns {Map<number, Landing>}
 */
export function landingOf(manifest, picture, text) {
  /** @type {Map<number, Landing>} */
  const found = new Map()
  for (const [label, landing] of Object.entries(reportOf(manifest, picture).words)) {
    const [of, words] = under(manifest.labels, label) ?? [null, []]
    if (of === text) words.forEach((word) => found.set(word, landing))
  }
  return found
}

/**
 * The text and the words that a finding is about; of a finding about several texts, those of the first.
 * @param {Manifest} manifest
 * @param {Finding} finding
 * @returns {{text: number, words: number[]} | null}
 */
function wordsOf(manifest, finding) {
  const places = finding.words.map((label) => under(manifest.labels, label)).filter((place) => place !== null)
  if (!places.length) return null
  const [text] = places[0]
  return { text, words: [...new Set(places.filter(([of]) => of === text).flatMap(([, words]) => words))] }
}

/**
 * What changes when a finding is opened: the text that it is about, its words pinned, those with a region first.
 * @param {Manifest} manifest
 * @param {ViewState} state
 * @param {number | null} number null to close all
 * @returns {Partial<ViewState>}
 */
export function opening(manifest, state, number) {
  const finding = number === null ? undefined : reportOf(manifest, state.picture).findings[number]
  if (!finding) return { finding: null, opened: null, pins: [], byFinding: false, hovered: null }
  const { text, words } = wordsOf(manifest, finding) ?? { text: state.text, words: [] }
  const placed = words.filter((word) => manifest.texts[text].words[word].region)
  const pins = (placed.length ? placed : words).slice(0, WORD_COLOURS.length)
  return { ...withText(text), pins, byFinding: true, finding: number, opened: number, view: 'heat' }
}

/**
 * The regions where the words of a finding were expected, if it is about a region.
 * @param {Record<string, WordMap[]> | undefined} expected of its picture, by label
 * @param {Finding | undefined} finding
 */
export function expectedRegions(expected, finding) {
  if (!finding || !('expected_at' in finding.evidence)) return []
  return finding.words.flatMap((label) => under(expected, label) ?? [])
}

/**
 * The facts of a finding that are for people: [name, value].
 * @param {Facts | undefined} facts
 */
export function factsToTell(facts) {
  return Object.entries(facts ?? {}).filter(([name]) => !COORDINATE.test(name))
}

/**
 * What could not be done, or is to be known, in the artist's language as far as it has words for it.
 * @param {Manifest} manifest
 * @param {'problems' | 'notices'} which
 * @param {Translate} t
 */
export function spoken(manifest, which, t) {
  return manifest[which].map((english, i) => t.say(manifest.said?.[which][i] ?? undefined, english))
}
