/**
 * The maps and pictures of one run: those that came with it, and those of single heads and of parts of the run, which
 * are fetched when they are wanted.
 */

import { fetched } from './files.js'
import { Lru } from './lru.js'
import { rangeOf } from './maps.js'
import { prepare } from './paint.js'
import { bytesOf, numbersOf, unpackMaps } from './unpack.js'

/** @import { Manifest, MapsByMode, PackedMaps, PreparedMap, Source, WordMap } from './types.js' */

/** Words (with all heads) and parts of the run (with all words) that are kept. */
const KEPT_FETCHES = 6
const KEPT_PREPARED = 240

/**
 * @typedef {object} Listener
 * @property {() => void} onArrival something that was wanted is here
 * @property {(error: Error) => void} onFailure something that was wanted cannot be had; said once
 */

/** @typedef {{value: unknown, failed: boolean}} Fetch value: null until it is here */

export class MapStore {
  #maps
  #expected
  #bitmaps
  /** @type {Lru<string, Fetch>} */
  #fetches = new Lru(KEPT_FETCHES)
  /** @type {Lru<string, PreparedMap>} */
  #prepared = new Lru(KEPT_PREPARED)
  /** @type {WeakMap<WordMap[], number[]>} */
  #means = new WeakMap()
  /** @type {Listener} */
  #listener = { onArrival: () => {}, onFailure: () => {} }

  /**
   * Unpacks what a manifest holds, and fetches the first picture. Rejects if either cannot be done.
   * @param {Manifest} manifest
   * @param {Source} source
   */
  static async open(manifest, source) {
    const [maps, expected, picture] = await Promise.all([
      Promise.all(manifest.maps.map((of) => Promise.all(of.map(unpackAll)))),
      Promise.all(manifest.expected.map(unpackAll)),
      bitmapOf(source.picture(0)),
    ])
    return new MapStore(manifest, source, { maps, expected, picture })
  }

  /**
   * @param {Manifest} manifest
   * @param {Source} source
   * @param {{maps: MapsByMode[][], expected: Record<string, WordMap[]>[], picture: ImageBitmap}} unpacked
   */
  constructor(manifest, source, { maps, expected, picture }) {
    this.manifest = manifest
    this.source = source
    this.#maps = maps
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
   * The maps of all words of a text that came with the manifest, by mode.
   * @param {number} picture
   * @param {number} text
   */
  maps(picture, text) {
    return this.#maps[picture][text]
  }

  /**
   * Regions where words should be, by label.
   * @param {number} picture
   */
  expected(picture) {
    return this.#expected[picture]
  }

  /**
   * The mean of each map.
   * @param {WordMap[]} maps
   */
  meansOf(maps) {
    let means = this.#means.get(maps)
    if (!means) {
      means = maps.map((map) => rangeOf(map).mean)
      this.#means.set(maps, means)
    }
    return means
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
    this.#fetches.forget(({ failed }) => failed)
  }

  /**
   * What is wanted under a key: {value, loading}; the value is null while it is on its way, and when it cannot be had.
   * @template Value
   * @param {string} key
   * @param {() => Promise<Value>} load
   * @returns {{value: Value | null, loading: boolean}}
   */
  #wanted(key, load) {
    const known = this.#fetches.get(key)
    if (known) return { value: /** @type {Value | null} */ (known.value), loading: known.value === null && !known.failed }
    /** @type {Fetch} */
    const fetch = { value: null, failed: false }
    this.#fetches.set(key, fetch)
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
