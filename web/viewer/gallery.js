/** The tab with the maps of all words beside each other; each is drawn when it comes into sight. */

import { arrowStep, el, heard } from './dom.js'
import { colourOf } from './state.js'
import { css } from './colours.js'

/** @import { Look } from './look.js' */
/** @import { Painter } from './paint.js' */
/** @import { Actions, TextKey, Translate } from './types.js' */

/** Pixels of the longer side of a small map. */
const SIDE = 128
/** Milliseconds of one frame that drawing may take. */
const BUDGET = 5

/** @typedef {{tile: HTMLButtonElement, canvas: HTMLCanvasElement}} Entry */

export class GalleryTab {
  /** @type {TextKey} */
  static key = 'gallery'

  #actions
  #painter
  #observer
  #tiles
  #none
  /** @type {Entry[]} */
  #entries = []
  /** @type {Map<Element, number>} */
  #wordOf = new Map()
  /** Words whose tiles are in sight, and those that were drawn as things are. @type {Set<number>} */
  #seen = new Set()
  /** @type {Set<number>} */
  #drawn = new Set()
  #drawnAs = ''
  #frame = 0
  /** @type {unknown} */
  #text = null
  /** @type {Look | null} */
  #look = null

  /**
   * @param {Translate} t
   * @param {Actions} actions
   * @param {() => void} _leave
   * @param {Painter} painter
   */
  constructor(t, actions, _leave, painter) {
    this.#actions = actions
    this.#painter = painter
    this.#observer = new IntersectionObserver((seen) => this.#saw(seen), { rootMargin: '120px' })
    this.#tiles = el('div', {
      class: 'tiles',
      role: 'toolbar',
      'aria-label': t('galleryHint'),
      on: { keydown: (event) => this.#key(event), pointerleave: () => actions.change({ hovered: null }) },
    })
    this.#none = el('p', { class: 'faint', text: t('galleryNone'), hidden: true })
    this.element = el('div', { class: 'gallery' }, this.#tiles, this.#none)
  }

  /** @param {Look} look */
  fill(look) {
    this.#look = look
    this.#drawnAs = ''
    const text = look.manifest.texts[look.state.text]
    if (this.#text === text) return
    this.#text = text
    this.#observer.disconnect()
    this.#seen.clear()
    this.#wordOf.clear()
    this.#entries = []
    // A hidden tab costs nothing: its tiles are made when it is opened.
    this.#tiles.replaceChildren()
  }

  /** @param {Look} look */
  #make(look) {
    const [height, width] = look.manifest.size
    const scale = SIDE / Math.max(height, width)
    const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
    this.#entries = look.words.map((_, word) => this.#entry(look, word, size))
    this.#tiles.replaceChildren(...this.#entries.map(({ tile }) => tile))
    this.#makeReachable(0)
    for (const { tile } of this.#entries) this.#observer.observe(tile)
  }

  /**
   * @param {Look} look
   * @param {number} word
   * @param {{width: number, height: number}} size
   * @returns {Entry}
   */
  #entry(look, word, size) {
    const canvas = el('canvas', { ...size, 'aria-hidden': 'true' })
    const tile = el(
      'button',
      {
        type: 'button',
        class: 'tile',
        tabindex: -1,
        data: { tile: word },
        on: {
          pointerenter: () => this.#actions.change({ hovered: word }),
          focus: () => {
            this.#makeReachable(word)
            if (tile.matches(':focus-visible')) this.#actions.change({ hovered: word })
          },
          blur: () => this.#actions.change({ hovered: null }),
          click: () => this.#actions.togglePin(word),
        },
      },
      canvas,
      el('span', { text: look.wordText(word), dir: 'auto' })
    )
    this.#wordOf.set(tile, word)
    return { tile, canvas }
  }

  /** @param {number} word */
  #makeReachable(word) {
    this.#entries.forEach(({ tile }, i) => (tile.tabIndex = i === word ? 0 : -1))
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = arrowStep(event, 'both')
    const shown = this.#entries.map(({ tile }) => tile).filter((tile) => !tile.hidden)
    if (!step || !shown.length) return
    heard(event)
    const at = shown.findIndex((tile) => tile.tabIndex === 0)
    shown[(at + step + shown.length) % shown.length].focus()
  }

  /** @param {IntersectionObserverEntry[]} seen */
  #saw(seen) {
    for (const { target, isIntersecting } of seen) {
      const word = this.#wordOf.get(target)
      if (word === undefined) continue
      if (isIntersecting) this.#seen.add(word)
      else this.#seen.delete(word)
    }
    this.#draw()
  }

  /** @param {Look} look */
  show(look) {
    if (!this.#entries.length && look.words.length) this.#make(look)
    const { hovered, pins, filter, picture, text, mode, step, scale } = look.state
    const { wanted } = look
    let left = 0
    this.#entries.forEach(({ tile }, word) => {
      const colour = colourOf(pins, word)
      tile.hidden = filter !== '' && !wanted(word)
      left += Number(!tile.hidden)
      tile.classList.toggle('active', word === hovered)
      tile.setAttribute('aria-pressed', String(colour !== null))
      if (colour) tile.style.setProperty('--pin', css(colour))
    })
    this.#none.hidden = left > 0
    const as = [picture, text, mode, step, scale, this.#painter.scale, look.maps !== null].join('/')
    if (as !== this.#drawnAs) this.#drawn.clear()
    this.#drawnAs = as
    this.#draw()
  }

  /** Draws what is in sight and not yet drawn, some in each frame. */
  #draw() {
    if (this.#frame) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      const look = this.#look
      if (look && this.#drawSome(look)) this.#draw()
    })
  }

  /**
   * Whether there is more to draw.
   * @param {Look} look
   */
  #drawSome(look) {
    const { maps } = look
    if (!maps || this.element.hidden) return false
    const until = performance.now() + BUDGET
    const ranges = look.store.rangesOf(maps)
    for (const word of this.#seen) {
      if (this.#drawn.has(word) || !maps[word]) continue
      if (performance.now() > until) return true
      this.#drawn.add(word)
      this.#painter.paintSmall(this.#entries[word].canvas, maps[word], look.scaleFor(ranges[word]))
    }
    return false
  }
}
