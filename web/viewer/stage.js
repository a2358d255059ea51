/** The picture with maps over it: where the pointer or the arrow keys are, the words there are told. */

import { el } from './dom.js'

/** @import { Look } from './look.js' */
/** @import { Painter } from './paint.js' */
/** @import { Actions, Translate } from './types.js' */

/** Step of the arrow keys, in shares of the picture. */
const SPOT_STEP = 1 / 24
/** How near to the edge the arrow keys lead. */
const EDGE = 0.01
/** Most pixels of a side of the canvas, and most pixels to a CSS px where the host zooms. */
const LARGEST_SIDE = 2048
const LARGEST_ZOOM = 2

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** @typedef {ReturnType<Look['ranking']>} Ranked */

export class Stage {
  #t
  #painter
  #actions
  #canvas
  #spot = el('div', { class: 'spot', hidden: true })
  #frame
  /** @type {Look | null} */
  #look = null

  /**
   * @param {Translate} t
   * @param {Painter} painter
   * @param {Actions} actions
   */
  constructor(t, painter, actions) {
    this.#t = t
    this.#painter = painter
    this.#actions = actions
    this.#canvas = el('canvas', { tabindex: 0, role: 'application', 'aria-label': t('canvas') })
    this.#frame = el('div', { class: 'frame' }, this.#canvas, this.#spot)
    this.element = el('div', { class: 'view' }, this.#frame)
    this.#listen()
  }

  #listen() {
    const canvas = this.#canvas
    canvas.addEventListener('pointermove', (event) => this.#actions.change({ spot: this.#spotOf(event) }))
    canvas.addEventListener('pointerleave', () => this.#actions.change({ spot: null }))
    canvas.addEventListener('blur', () => this.#actions.change({ spot: null }))
    canvas.addEventListener('click', () => this.#pinStrongest())
    canvas.addEventListener('keydown', (event) => {
      const move = ARROWS[event.key]
      if (move) this.#moveSpot(...move)
      else if (event.key === 'Enter' || event.key === ' ') this.#pinStrongest()
      else return
      event.preventDefault()
      event.stopPropagation()
    })
  }

  /** @param {PointerEvent} event */
  #spotOf(event) {
    const box = this.#canvas.getBoundingClientRect()
    if (!box.width || !box.height) return null
    const inside = (/** @type {number} */ value) => Math.min(1, Math.max(0, value))
    return { x: inside((event.clientX - box.left) / box.width), y: inside((event.clientY - box.top) / box.height) }
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  #moveSpot(dx, dy) {
    const look = this.#look
    if (!look) return
    const { x, y } = look.state.spot ?? { x: 0.5, y: 0.5 }
    const inside = (/** @type {number} */ value) => Math.min(1 - EDGE, Math.max(EDGE, value))
    this.#actions.change({ spot: { x: inside(x + dx * SPOT_STEP), y: inside(y + dy * SPOT_STEP), byKey: true } })
    const ranked = look.ranking()
    this.#actions.say(ranked.map(({ word, lift }) => `${look.wordText(word)} ${lift.toFixed(1)}`).join(', '))
  }

  #pinStrongest() {
    const [first] = this.#look?.ranking() ?? []
    if (first) this.#actions.togglePin(first.word)
  }

  /**
   * Fits the canvas of a picture of that size into the room that there is; gives whether there is any.
   * @param {[height: number, width: number]} size
   */
  resize([height, width]) {
    const view = this.element
    const scale = Math.min(view.clientWidth / width, view.clientHeight / height)
    if (!(scale > 0)) return false
    const [wide, high] = [Math.max(1, Math.floor(width * scale)), Math.max(1, Math.floor(height * scale))]
    this.#frame.style.width = `${wide}px`
    this.#frame.style.height = `${high}px`
    const zoom = view.getBoundingClientRect().width / (view.clientWidth || 1) || 1
    const sharp = (globalThis.devicePixelRatio || 1) * Math.min(LARGEST_ZOOM, Math.max(1, zoom))
    const limit = Math.min(1, LARGEST_SIDE / (Math.max(wide, high) * sharp))
    const pixels = { width: Math.round(wide * sharp * limit), height: Math.round(high * sharp * limit) }
    const { width: wasWide, height: wasHigh } = this.#canvas
    // Setting a size clears the canvas, even if it is the same.
    if (wasWide !== pixels.width || wasHigh !== pixels.height) Object.assign(this.#canvas, pixels)
    return true
  }

  /**
   * Paints what is looked at, and tells the words at the spot, which it gives.
   * @param {Look} look
   * @param {ReturnType<Look['scene']>} scene
   */
  show(look, scene) {
    this.#look = look
    this.#painter.paint(this.#canvas, scene)
    const ranked = look.state.hovered === null ? look.ranking() : []
    this.#showSpot(look, ranked)
    return ranked
  }

  /**
   * @param {Look} look
   * @param {Ranked} ranked
   */
  #showSpot(look, ranked) {
    this.#spot.hidden = !ranked.length
    if (!ranked.length) return
    const highest = Math.max(ranked[0].lift, 1)
    this.#spot.classList.toggle('start', (look.state.spot?.x ?? 0) > 0.5)
    const lines = ranked.map(({ word, lift }) =>
      el(
        'li',
        {},
        el('b', { text: look.wordText(word), dir: 'auto' }),
        el('span', { text: this.#t('times', { value: lift.toFixed(1) }) }),
        el('i', { style: { '--part': `${Math.min(100, (lift / highest) * 100)}%` } })
      )
    )
    this.#spot.replaceChildren(el('h2', { text: this.#t('atSpot') }), el('ol', {}, ...lines))
  }
}
