/** The grid of a model's heads: a row a layer, tinted by relevance, with those that make the map lit. */

import { css } from './colours.js'
import { el, heard } from './dom.js'
import { layerOf, startsOf } from './layers.js'

/** @import { Layer } from './types.js' */

const LABEL_WIDTH = 62
const ROW = { smallest: 7, largest: 20 }
const BLOCK_GAP = 6
const SCROLL_AFTER = 420

/** What moves the cursor: from a row and a column to others. @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }

/**
 * @typedef {object} Options heads are numbered through, as in the layout
 * @property {Layer[]} layers
 * @property {string} label
 * @property {(head: number | null) => void} onHover
 * @property {(head: number) => void} onToggle
 * @property {() => void} onLeave
 * @property {(head: number) => string} say its description
 */

/**
 * @typedef {object} Shown
 * @property {Uint8Array | null} levels 0 to 255 a head; null if they are not known
 * @property {Set<number> | null} lit heads that make the map; null for all
 * @property {Uint8Array} colours 256 colours, see `scaleOf`
 * @property {string} ink CSS colour
 */

export class HeadGrid {
  #layers
  #starts
  #canvas
  /** @type {Shown | null} */
  #shown = null
  /** @type {number | null} */
  #cursor = null
  #cell = { width: 10, height: 10 }
  /** @type {number[]} */
  #tops = []
  #say

  /** @param {Options} options */
  constructor({ layers, label, onHover, onToggle, onLeave, say }) {
    this.#layers = layers
    this.#say = say
    this.#starts = startsOf(layers)
    this.#canvas = el('canvas', { class: 'heads', tabindex: 0, role: 'application', 'aria-label': label })
    this.element = el('div', { class: 'headgrid' }, this.#canvas)
    this.#listen(onHover, onToggle, onLeave)
  }

  get cursor() {
    return this.#cursor
  }

  /**
   * @param {Options['onHover']} onHover
   * @param {Options['onToggle']} onToggle
   * @param {Options['onLeave']} onLeave
   */
  #listen(onHover, onToggle, onLeave) {
    const canvas = this.#canvas
    canvas.addEventListener('pointermove', (event) => this.#move(this.#headAt(event), onHover))
    canvas.addEventListener('pointerleave', () => this.#move(null, onHover))
    canvas.addEventListener('click', (event) => {
      const head = this.#headAt(event)
      if (head !== null) onToggle(head)
    })
    canvas.addEventListener('blur', () => this.#move(null, onHover))
    canvas.addEventListener('focus', () => {
      if (this.#cursor === null && canvas.matches(':focus-visible')) this.#move(0, onHover)
    })
    canvas.addEventListener('keydown', (event) => {
      const moved = this.#stepped(event.key)
      if (moved !== null) this.#move(moved, onHover)
      else if (event.key === ' ' || event.key === 'Enter') onToggle(this.#cursor ?? 0)
      else if (event.key === 'Escape') onLeave()
      else return
      heard(event)
    })
  }

  /**
   * The head to which a key leads; null for other keys.
   * @param {string} key
   */
  #stepped(key) {
    const step = ARROWS[key]
    if (!step) return null
    const head = this.#cursor ?? 0
    const place = layerOf(this.#starts, head)
    const row = Math.min(this.#layers.length - 1, Math.max(0, place + step[0]))
    const column = head - this.#starts[place] + step[1]
    return this.#starts[row] + Math.min(this.#layers[row][3] - 1, Math.max(0, column))
  }

  /**
   * @param {number | null} head
   * @param {Options['onHover']} onHover
   */
  #move(head, onHover) {
    if (head === this.#cursor) return
    this.#cursor = head
    this.#canvas.setAttribute('aria-description', head === null ? '' : this.#say(head))
    this.draw()
    onHover(head)
  }

  /** @param {MouseEvent} event */
  #headAt(event) {
    const box = this.#canvas.getBoundingClientRect()
    const scale = box.width / (this.#canvas.offsetWidth || 1) || 1
    const x = (event.clientX - box.left) / scale - LABEL_WIDTH
    const y = (event.clientY - box.top) / scale
    const row = this.#tops.findIndex((top) => y >= top && y < top + this.#cell.height)
    const column = Math.floor(x / this.#cell.width)
    if (row < 0 || column < 0 || column >= this.#layers[row][3]) return null
    return this.#starts[row] + column
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown
    this.draw()
  }

  /**
   * Fits the grid into a width and a height in CSS px; many layers make it scroll.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    const columns = Math.max(...this.#layers.map((layer) => layer[3]))
    const blocks = new Set(this.#layers.map((layer) => layer[0])).size
    const room = Math.min(height, SCROLL_AFTER) - (blocks - 1) * BLOCK_GAP - 2
    const ideal = room / this.#layers.length
    this.#cell.height = Math.min(ROW.largest, Math.max(ROW.smallest, Math.floor(ideal)))
    this.#cell.width = Math.max(4, Math.min(34, Math.floor((width - LABEL_WIDTH - 2) / columns)))
    let top = 1
    this.#tops = this.#layers.map((layer, row) => {
      if (row && layer[0] !== this.#layers[row - 1][0]) top += BLOCK_GAP
      top += this.#cell.height
      return top - this.#cell.height
    })
    this.#canvas.style.width = `${LABEL_WIDTH + columns * this.#cell.width + 2}px`
    this.#canvas.style.height = `${top + 1}px`
    this.draw()
  }

  draw() {
    const canvas = this.#canvas
    const ratio = globalThis.devicePixelRatio || 1
    const [width, height] = [parseFloat(canvas.style.width) || 0, parseFloat(canvas.style.height) || 0]
    const shown = this.#shown
    const context = canvas.getContext('2d')
    if (!width || !shown || !context) return
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    this.#drawLabels(context, shown)
    this.#layers.forEach((layer, row) => {
      for (let column = 0; column < layer[3]; column++) this.#drawCell(context, shown, row, column)
    })
    this.#drawCursor(context, shown)
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Shown} shown
   */
  #drawLabels(context, { ink }) {
    const size = Math.min(10, this.#cell.height + 2)
    context.font = `${size}px system-ui, sans-serif`
    context.fillStyle = ink
    context.textBaseline = 'middle'
    context.textAlign = 'right'
    const every = Math.ceil((size + 1) / this.#cell.height)
    let since = every
    this.#layers.forEach(([block, number, depth], row) => {
      const first = row === 0 || block !== this.#layers[row - 1][0]
      since = first ? 0 : since + 1
      if (since % every) return
      const name = depth || every > 1 ? `${number}.${depth}` : `${number}`
      context.fillText(`${block} ${name}`, LABEL_WIDTH - 7, this.#tops[row] + this.#cell.height / 2)
    })
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Shown} shown
   * @param {number} row
   * @param {number} column
   */
  #drawCell(context, { levels, lit, colours, ink }, row, column) {
    const head = this.#starts[row] + column
    const on = lit === null || lit.has(head)
    const gap = this.#cell.width > 7 ? 1 : 0.5
    context.globalAlpha = on ? 1 : 0.22
    if (levels) context.fillStyle = css(colours.subarray(3 * levels[head], 3 * levels[head] + 3))
    else {
      context.globalAlpha *= lit === null ? 0.16 : 0.5
      context.fillStyle = ink
    }
    const x = LABEL_WIDTH + column * this.#cell.width
    const radius = Math.min(2.5, this.#cell.height / 4)
    context.beginPath()
    context.roundRect(x + gap, this.#tops[row] + gap, this.#cell.width - 2 * gap, this.#cell.height - 2 * gap, radius)
    context.fill()
    context.globalAlpha = 1
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Shown} shown
   */
  #drawCursor(context, { ink }) {
    const head = this.#cursor
    if (head === null) return
    const row = layerOf(this.#starts, head)
    const x = LABEL_WIDTH + (head - this.#starts[row]) * this.#cell.width
    context.lineWidth = 2
    context.strokeStyle = ink
    context.beginPath()
    context.roundRect(x, this.#tops[row], this.#cell.width, this.#cell.height, 3)
    context.stroke()
  }
}
