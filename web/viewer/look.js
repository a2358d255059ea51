/** A run as it is looked at: what the artist's choice picks out of the maps and the words of the run. */

import { matcher } from './filter.js'
import { headName, totalHeads } from './layers.js'
import { meanOfHeads, rankAt } from './maps.js'
import { expectedRegions, landingOf, reportOf } from './report.js'
import { SPECIAL, colourOf, focusOf, isSpoken, paintedWords } from './state.js'
import { commonScale, isWeak } from './strength.js'
import { bitsOf } from './unpack.js'

/** @import { MapStore } from './map_store.js' */
/** @import { ViewState } from './state.js' */
/** @import { Range } from './strength.js' */
/** @import { Scene, TextKey, Translate, WordMap } from './types.js' */

/** Words at a spot that are told. */
const RANKED = 5
/** Of the attention, below which its kind is not told. */
const LEAST_SHARE = 0.005

/** Findings that say that there is no place of their words: nothing is outlined then. @type {ReadonlySet<string>} */
const PLACELESS = new Set(['neglected', 'diffuse'])

/** @typedef {{key: string, map: WordMap, loading?: boolean}} Keyed */

/**
 * @param {string} key
 * @param {WordMap | undefined} map
 */
const keyed = (key, map) => (map ? { key, map } : null)

export class Look {
  #t

  /**
   * @param {MapStore} store
   * @param {ViewState} state which may change afterwards
   * @param {Translate} t
   */
  constructor(store, state, t) {
    this.store = store
    this.state = state
    this.#t = t
  }

  get manifest() {
    return this.store.manifest
  }

  get report() {
    return reportOf(this.manifest, this.state.picture)
  }

  get landing() {
    return landingOf(this.manifest, this.state.picture, this.state.text)
  }

  // ----------------------------------------------------------------------------------------------- words

  get words() {
    return this.manifest.texts[this.state.text].words
  }

  /** @param {number} word */
  wordText(word) {
    return word === SPECIAL ? this.#t('special') : (this.words[word]?.text ?? '')
  }

  /** @param {number} word */
  conceptsOf(word) {
    return this.words[word]?.concepts.join(' + ') ?? ''
  }

  /** The word that is looked at; null if there is none. */
  get focus() {
    return focusOf(this.state)
  }

  /** The words that are painted. */
  get painted() {
    return paintedWords(this.state)
  }

  /** Words at the spot, the strongest first, function words aside. */
  ranking() {
    const { spot } = this.state
    const maps = this.#ownMaps()
    if (!spot || !maps) return []
    const { words } = this
    const spoken = words.some((word) => !word.function)
    return rankAt(maps, this.store.rangesOf(maps).map(({ mean }) => mean), spot.x, spot.y)
      .filter(({ word }) => !spoken || !words[word].function)
      .slice(0, RANKED)
  }

  // ----------------------------------------------------------------------------------------------- heads

  /** Where the attention of this picture went, the most first, in words; '' where that is not known. */
  attentionShares() {
    const { picture, text } = this.state
    return Object.entries(this.manifest.texts[text].shares?.[picture] ?? {})
      .filter(([, share]) => share >= LEAST_SHARE)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, share]) => {
        const name = this.#t(/** @type {TextKey} */ (`share_${kind.replaceAll(' ', '_')}`))
        return `${name} ${Math.round(100 * share)}%`
      })
      .join(', ')
  }

  get totalHeads() {
    return totalHeads(this.manifest.layers)
  }

  /**
   * All heads by their relevance to a word; null if it is not known.
   * @param {number} word
   */
  rankingOf(word) {
    return this.store.ranking(this.conceptsOf(word))
  }

  /**
   * The heads that make the map of a word: numbers.
   * @param {number} word
   * @returns {number[]}
   */
  litHeads(word) {
    const { mode, fraction, picked } = this.state
    const { manifest, totalHeads: total } = this
    if (picked) return [...picked]
    if (mode === manifest.mode && fraction === manifest.fraction) return bitsOf(this.words[word].heads, total)
    const ranking = mode === 'all' ? null : this.rankingOf(word)
    if (!ranking) return Array.from({ length: total }, (_, i) => i)
    const count = Math.max(1, Math.round(fraction * total))
    return [...(mode === 'least' ? ranking.order.slice(-count) : ranking.order.slice(0, count))]
  }

  /**
   * "32 of 128 heads" make the map of a word.
   * @param {number} word
   */
  headsUsed(word) {
    return this.#t('headsUsed', { count: this.litHeads(word).length, total: this.totalHeads })
  }

  /**
   * A head in words: its name, and its rank for the word that is looked at.
   * @param {number} number
   */
  describeHead(number) {
    const name = this.#t('headName', headName(this.manifest.layers, number))
    const word = this.focus
    const ranking = isSpoken(word) ? this.rankingOf(word) : null
    if (!isSpoken(word) || !ranking) return name
    const rank = ranking.order.indexOf(number) + 1
    return `${name} \u00b7 ${this.#t('headRank', { rank, total: this.totalHeads, concept: this.conceptsOf(word) })}`
  }

  // ------------------------------------------------------------------------------------------------ maps

  /** Whether the maps of the text are ready in a mode. @param {string} mode */
  #isReady(mode) {
    return this.manifest.modes[this.state.text].includes(mode)
  }

  /** The maps of all words that are ready: of the mode that is chosen, or of the run's own; null until they are here. */
  #ownMaps() {
    const { picture, text, mode } = this.state
    const ready = this.#isReady(mode) ? mode : this.manifest.mode
    return this.#isReady(ready) ? this.store.words(picture, text, ready).value : null
  }

  /**
   * The map of a word as it is to be shown: {key, map}; while it has to be fetched, the nearest one that is
   * here, and `loading`; null if there is none.
   * @param {number} word
   * @returns {Keyed | null}
   */
  #mapOf(word) {
    const { picture, text, mode, picked, head, step } = this.state
    const place = `${picture}/${text}/${word}`
    if (word === SPECIAL) return keyed(place, this.store.words(picture, text, 'special').value?.[0])
    const own = keyed(`${place}/${mode}`, this.#ownMaps()?.[word])
    if (head !== null) return this.#fromHeads(word, `head ${head}`, (heads) => heads.get(head) ?? null, own)
    if (step !== null) return this.#fromSteps(word, step, own)
    if (picked) {
      const chosen = [...picked].sort((a, b) => a - b)
      return this.#fromHeads(word, `picked ${chosen}`, (heads) => meanOfHeads(heads, chosen), own)
    }
    if (this.#isShipped(word)) return own
    const variant = `${mode} ${this.state.fraction}`
    return this.#fromHeads(word, variant, (heads) => meanOfHeads(heads, this.litHeads(word)), own)
  }

  /**
   * Whether the map of a word that came with the run is of the heads that are chosen.
   * @param {number} word
   */
  #isShipped(word) {
    const { mode, fraction } = this.state
    const sameHeads = fraction === this.manifest.fraction || mode === 'all' || !this.rankingOf(word)
    return sameHeads && (this.#isReady(mode) || mode === this.manifest.mode)
  }

  /**
   * @param {number} word
   * @param {string} variant
   * @param {(heads: Map<number, WordMap>) => WordMap | null} make
   * @param {Keyed | null} meanwhile
   * @returns {Keyed | null}
   */
  #fromHeads(word, variant, make, meanwhile) {
    const { picture, text } = this.state
    const { value: heads, loading } = this.store.heads(picture, text, word)
    if (!heads) return meanwhile && { ...meanwhile, loading }
    const key = `${picture}/${text}/${word}/${variant}`
    const map = this.store.mapPrepared(key) ?? make(heads)
    return map ? { key, map } : meanwhile
  }

  /**
   * @param {number} word
   * @param {number} step
   * @param {Keyed | null} meanwhile
   * @returns {Keyed | null}
   */
  #fromSteps(word, step, meanwhile) {
    const { picture, text } = this.state
    const { value: maps, loading } = this.store.steps(picture, text, step)
    return maps ? { key: `${picture}/${text}/${word}/step ${step}`, map: maps[word] } : meanwhile && { ...meanwhile, loading }
  }

  /**
   * What is painted.
   * @returns {Scene}
   */
  scene() {
    const { picture, view, opacity, threshold, pins, spot } = this.state
    const { painted, opened } = this
    const strength = this.strength
    const placed = opened === undefined || !PLACELESS.has(opened.kind)
    const layers = painted.flatMap((word) => {
      const found = this.#mapOf(word)
      if (!found) return []
      const { key, map, loading = false } = found
      const prepared = this.store.prepared(key, map)
      const colour = painted.length > 1 ? colourOf(pins, word) : null
      const weak = isWeak(prepared.range, strength)
      return { word, prepared, colour, loading, scale: this.scaleFor(prepared.range), weak, outlined: !weak && placed }
    })
    const expected = expectedRegions(this.store.expected(picture), opened)
    return { view, opacity, threshold, layers, expected, spot: spot?.byKey ? spot : null, found: opened !== undefined }
  }

  /** The finding whose regions are outlined: not while a word or a head is looked at. */
  get opened() {
    const { finding, head, hovered } = this.state
    return finding === null || head !== null || hovered !== null ? undefined : this.report.findings[finding]
  }

  /** How strong the maps of all words are, as they are shown; null until they are here. */
  get strength() {
    const maps = this.maps
    return maps && this.store.strengthOf(maps, this.words)
  }

  /**
   * The scale on which a map of that range is shown.
   * @param {Range} range
   */
  scaleFor(range) {
    const { strength } = this
    return this.state.scale === 'own' || !strength ? range : commonScale(range, strength)
  }

  /** The maps of all words in the part of the run that is chosen; null until they are here. */
  get maps() {
    const { picture, text, step } = this.state
    return step === null ? this.#ownMaps() : this.store.steps(picture, text, step).value
  }

  /** Whether a word is one of those that are looked for. */
  get wanted() {
    const fits = matcher(this.state.filter) ?? (() => true)
    return (/** @type {number} */ word) => word !== SPECIAL && fits(this.wordText(word))
  }
}
