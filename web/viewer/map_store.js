/**
 * The maps and pictures of one run: those that came with it, and those of single heads and of parts of the run, which
 * are fetched when they are wanted.
 */

import { fetched } from './files.js'
import { Lru } from './lru.js'
import { rangeOf } from './maps.js'
import { prepare } from './paint.js'
import { strengthOf } from './strength.js'
import { bytesOf, numbersOf, unpackMaps } from './unpack.js'

/** @import { Manifest, PackedMaps, PreparedMap, Source, Word, WordMap } from './types.js' */
/** @import { Range, Strength } from './strength.js' */

/** Words (with all heads) and parts of the run (with all words) that are kept. */
const KEPT_FETCHES = 6
const KEPT_PREPARED = 240
/** Pictures, texts and modes whose maps are kept. */
const KEPT_SHEETS = 12

/**
 * @typedef {object} Listener
 * @property {() => void} onArrival something that was wanted is here
 * @property {(error: Error) => void} onFailure something that was wanted cannot be had; said once
 */

/** @typedef {{value: unknown, failed: boolean}} Fetch value: null until it is here */

export class MapStore {
  /** @type {Lru<string, Fetch>} */
  #sheets = new Lru(KEPT_SHEETS)
  #expected
  #bitmaps
  /** @type {Lru<string, Fetch>} */
  #fetches = new Lru(KEPT_FETCHES)
  /** @type {Lru<string, PreparedMap>} */
  #prepared = new Lru(KEPT_PREPARED)
  /** @type {WeakMap<WordMap[], Range[]>} */
  #ranges = new WeakMap()
  /** @type {WeakMap<WordMap[], Strength>} */
  #strengths = new WeakMap()
  /** @type {Listener} */
  #listener = { onArrival: () => {}, onFailure: () => {} }

  /**
   * Unpacks what a manifest holds, and fetches the first picture. Rejects if either cannot be done.
   * @param {Manifest} manifest
   * @param {Source} source
   */
  static async open(manifest, source) {
    const [maps, expected, picture] = await Promise.all([
      unpackAll(manifest.maps),
      Promise.all(manifest.expected.map(unpackAll)),
      bitmapOf(source.picture(0)),
    ])
    return new MapStore(manifest, source, { maps, expected, picture })
  }

  /**
   * @param {Manifest} manifest
   * @param {Source} source
   * @param {{maps: Record<string, WordMap[]>, expected: Record<string, WordMap[]>[], picture: ImageBitmap}} unpacked
   */
  constructor(manifest, source, { maps, expected, picture }) {
    this.manifest = manifest
    this.source = source
    for (const [key, value] of Object.entries(maps)) this.#sheets.set(key, { value, failed: false })
    this.#expected = expected
    this.#bitmaps = new Map([[0, picture]])
    this.firstPicture = picture
  }

  /** @param {Listener} listener */
  set listener(listener) {
    this.#listener = listener
  }

  /** @param {number} picture */
  async bitmap(picture) {
    const bitmap = this.#bitmaps.get(picture) ?? (await bitmapOf(this.source.picture(picture)))
    this.#bitmaps.set(picture, bitmap)
    return bitmap
  }

  /**
   * The maps of all words of a text, in a mode that is ready; of the marks in the mode "special".
   * @param {number} picture
   * @param {number} text
   * @param {string} mode
   */
  words(picture, text, mode) {
    const key = `${picture}/${text}/${mode}`
    return this.#wanted(key, async () => unpackMaps(await this.source.words(key)), this.#sheets)
  }

  /**
   * Regions where words should be, by label.
   * @param {number} picture
   */
  expected(picture) {
    return this.#expected[picture]
  }

  /**
   * Lowest, highest and mean value of each map.
   * @param {WordMap[]} maps
   */
  rangesOf(maps) {
    const ranges = this.#ranges.get(maps) ?? maps.map(rangeOf)
    this.#ranges.set(maps, ranges)
    return ranges
  }

  /**
   * How strong the maps of all words are.
   * @param {WordMap[]} maps
   * @param {Word[]} words
   */
  strengthOf(maps, words) {
    const strength = this.#strengths.get(maps) ?? strengthOf(this.rangesOf(maps), words)
    this.#strengths.set(maps, strength)
    return strength
  }

  /**
   * All heads for some concepts: numbers, the most relevant first, and a level, 0 to 255, for each head; null if
   * that is not known.
   * @param {string} concepts
   */
  ranking(concepts) {
    const packed = this.manifest.relevance[concepts]
    return packed ? { order: numbersOf(packed.order), levels: bytesOf(packed.scores) } : null
  }

  /**
   * A map ready to be painted; kept under its key.
   * @param {string} key
   * @param {WordMap} map
   */
  prepared(key, map) {
    const [height, width] = this.manifest.size
    return this.#prepared.get(key) ?? this.#prepared.set(key, prepare(key, map, width / height))
  }

  /**
   * The map that was prepared under a key, if it is still kept.
   * @param {string} key
   */
  mapPrepared(key) {
    return this.#prepared.get(key)?.map ?? null
  }

  // ----------------------------------------------------------------------------------------- when wanted

  /**
   * The maps of all heads for a word, by number of the head.
   * @param {number} picture
   * @param {number} text
   * @param {number} word
   */
  heads(picture, text, word) {
    return this.#wanted(`heads/${picture}/${text}/${word}`, async () => {
      const { sheets } = await this.source.heads(text, picture, word)
      /** @type {Map<number, WordMap>} */
      const found = new Map()
      for (const sheet of sheets) {
        const maps = await unpackMaps(sheet)
        sheet.heads.forEach((head, i) => found.set(head, maps[i]))
      }
      return found
    })
  }

  /**
   * The maps of all words in one part of the run.
   * @param {number} picture
   * @param {number} text
   * @param {number} step
   */
  steps(picture, text, step) {
    return this.#wanted(`steps/${picture}/${text}/${step}`, async () =>
      unpackMaps(await this.source.steps(text, picture, step))
    )
  }

  /** What could not be had is asked for once more, should it be wanted again. */
  retry() {
    for (const kept of [this.#fetches, this.#sheets]) kept.forget(({ failed }) => failed)
  }

  /**
   * What is wanted under a key: {value, loading}; the value is null while it is on its way, and when it cannot be had.
   * @template Value
   * @param {string} key
   * @param {() => Promise<Value>} load
   * @param {Lru<string, Fetch>} [kept]
   * @returns {{value: Value | null, loading: boolean}}
   */
  #wanted(key, load, kept = this.#fetches) {
    const known = kept.get(key)
    if (known) return { value: /** @type {Value | null} */ (known.value), loading: known.value === null && !known.failed }
    /** @type {Fetch} */
    const fetch = { value: null, failed: false }
    kept.set(key, fetch)
    load()
      .then((value) => {
        fetch.value = value
        this.#listener.onArrival()
      })
      .catch((error) => {
        fetch.failed = true
        this.#listener.onFailure(error)
      })
    return { value: null, loading: true }
  }
}

/**
 * @param {Record<string, PackedMaps>} packed
 * @returns {Promise<Record<string, WordMap[]>>}
 */
async function unpackAll(packed) {
  const entries = Object.entries(packed).map(async ([name, maps]) => [name, await unpackMaps(maps)])
  return Object.fromEntries(await Promise.all(entries))
}

/** @param {string} address */
async function bitmapOf(address) {
  return createImageBitmap(await fetched(address))
}
