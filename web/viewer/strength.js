/** How strong the maps of a picture are beside each other, so that what is weak looks weak. */

/** @import { Word } from './types.js' */

/** A map that rises above its mean by less than this share of what strong ones do shows no place to be outlined. */
export const WEAK = 0.2
/** The common scale ends where this share of the words end: one very strong word must not darken all others. */
const STRONG = 0.75
/** Maps that rise higher than this share of the words are strong. */
const RISING = 0.9

/** @typedef {{low: number, high: number, mean: number}} Range */

/**
 * One scale for all maps of a picture, and how far strong maps rise above their mean: of the words that should have a
 * place of their own, if there are any.
 * @typedef {{low: number, high: number, rise: number}} Strength
 */

/**
 * @param {readonly Range[]} ranges one a word
 * @param {readonly Word[]} words
 * @returns {Strength}
 */
export function strengthOf(ranges, words) {
  const placed = ranges.filter((_, i) => words[i]?.region)
  const own = placed.length ? placed : ranges
  return {
    low: Math.min(...own.map(({ low }) => low)),
    high: quantile(own.map(({ high }) => high), STRONG),
    rise: quantile(own.map(({ high, mean }) => high - mean), RISING),
  }
}

/**
 * @param {number[]} values
 * @param {number} share
 */
function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/**
 * Whether a map shows no place that could be outlined, beside the others or because it is flat.
 * @param {Range} range
 * @param {Strength | null} strength null where there are no others
 */
export function isWeak({ low, high, mean }, strength) {
  const flat = !(high - low > 1e-6 * Math.max(Math.abs(low), Math.abs(high)))
  return flat || (strength !== null && high - mean < WEAK * strength.rise)
}

/**
 * The scale on which a map is shown: that of all words, wider where the map itself goes beyond it.
 * @param {Range} range
 * @param {Strength} strength
 */
export function commonScale({ high }, strength) {
  return { low: strength.low, high: Math.max(high, strength.high) }
}
