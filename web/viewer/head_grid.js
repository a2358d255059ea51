/** The grid of a model's heads: a row a layer, tinted by relevance, with those that make the map lit. */

import { el } from './dom.js'
import { css } from './colours.js'

const LABEL_WIDTH = 62
const ROW = { smallest: 7, largest: 20 }
const BLOCK_GAP = 6
const SCROLL_AFTER = 420

/**
 * layers: [[block, number, depth, heads], ...]; onHover(head or null); onToggle(head); say(head): its description.
 * Heads are numbered through, as in the layout.
 */
export class HeadGrid {
  #layers
  #starts
  #canvas
  #state = { levels: null, lit: null, cursor: null }
  #colours
  #ink = '#888'
  #cell = { width: 10, height: 10 }
  #tops = []
  #say

  constructor({ layers, label, onHover, onToggle, onLeave, say }) {
    this.#layers = layers
    this.#say = say
    let total = 0
    this.#starts = layers.map((layer) => (total += layer[3]) - layer[3])
    this.total = total
    this.#canvas = el('canvas', { class: 'heads', tabindex: 0, role: 'application', 'aria-label': label })
    this.element = el('div', { class: 'headgrid' }, this.#canvas)
    this.#listen(onHover, onToggle, onLeave)
  }

  get cursor() {
    return this.#state.cursor
  }

  layerOf(head) {
    let place = this.#starts.length - 1
    while (place > 0 && this.#starts[place] > head) place--
    return place
  }

  nameOf(head) {
    const place = this.layerOf(head)
    const [block, number, depth] = this.#layers[place]
    return { layer: `${block} ${number}.${depth}`, head: head - this.#starts[place] }
  }

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
      if (this.#state.cursor === null && canvas.matches(':focus-visible')) this.#move(0, onHover)
    })
    canvas.addEventListener('keydown', (event) => {
      const moved = this.#stepped(event.key)
      if (moved !== null) this.#move(moved, onHover)
      else if (event.key === ' ' || event.key === 'Enter') onToggle(this.#state.cursor ?? 0)
      else if (event.key === 'Escape') onLeave()
      else return
      event.preventDefault()
      event.stopPropagation()
    })
  }

  #stepped(key) {
    const head = this.#state.cursor ?? 0
    const place = this.layerOf(head)
    const column = head - this.#starts[place]
    const within = (row, at) => this.#starts[row] + Math.min(this.#layers[row][3] - 1, Math.max(0, at))
    if (key === 'ArrowLeft') return within(place, column - 1)
    if (key === 'ArrowRight') return within(place, column + 1)
    if (key === 'ArrowUp') return within(Math.max(0, place - 1), column)
    if (key === 'ArrowDown') return within(Math.min(this.#layers.length - 1, place + 1), column)
    return null
  }

  #move(head, onHover) {
    if (head === this.#state.cursor) return
    this.#state.cursor = head
    this.#canvas.setAttribute('aria-description', head === null ? '' : this.#say(head))
    this.draw()
    onHover(head)
  }

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

  /** levels: 0 to 255 a head, or null if unknown; lit: set of heads that make the map, null for all. */
  show({ levels, lit, colours, ink }) {
    Object.assign(this.#state, { levels, lit })
    this.#colours = colours
    this.#ink = ink
    this.draw()
  }

  /** Fits the grid into a width and a height in CSS px; many layers make it scroll. */
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
    const ratio = (globalThis.devicePixelRatio || 1) * 1
    const [width, height] = [parseFloat(canvas.style.width) || 0, parseFloat(canvas.style.height) || 0]
    if (!width || !this.#colours) return
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
    const context = canvas.getContext('2d')
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    this.#drawLabels(context)
    this.#layers.forEach((layer, row) => {
      for (let column = 0; column < layer[3]; column++) this.#drawCell(context, row, column)
    })
    this.#drawCursor(context)
  }

  #drawLabels(context) {
    const size = Math.min(10, this.#cell.height + 2)
    context.font = `${size}px system-ui, sans-serif`
    context.fillStyle = this.#ink
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

  #drawCell(context, row, column) {
    const head = this.#starts[row] + column
    const { levels, lit } = this.#state
    const on = lit === null || lit.has(head)
    const gap = this.#cell.width > 7 ? 1 : 0.5
    context.globalAlpha = on ? 1 : 0.22
    if (levels) context.fillStyle = css(this.#colours.subarray(3 * levels[head], 3 * levels[head] + 3))
    else {
      context.globalAlpha *= lit === null ? 0.16 : 0.5
      context.fillStyle = this.#ink
    }
    const x = LABEL_WIDTH + column * this.#cell.width
    const radius = Math.min(2.5, this.#cell.height / 4)
    context.beginPath()
    context.roundRect(x + gap, this.#tops[row] + gap, this.#cell.width - 2 * gap, this.#cell.height - 2 * gap, radius)
    context.fill()
    context.globalAlpha = 1
  }

  #drawCursor(context) {
    const head = this.#state.cursor
    if (head === null) return
    const row = this.layerOf(head)
    const x = LABEL_WIDTH + (head - this.#starts[row]) * this.#cell.width
    context.lineWidth = 2
    context.strokeStyle = this.#ink
    context.beginPath()
    context.roundRect(x, this.#tops[row], this.#cell.width, this.#cell.height, 3)
    context.stroke()
  }
}
