/** A card to share: the picture as it is seen, the prompt with how well each word has a place, and what was found. */

import { contextOf } from './canvas.js'
import { css } from './colours.js'
import { messageOf, titleOf } from './findings.js'
import { spoken } from './report.js'
import { EXPECTED, FOUND } from './paint.js'

/** @import { Context } from './canvas.js' */
/** @import { Look } from './look.js' */
/** @import { Painter } from './paint.js' */
/** @import { Landing, RGB, Scene, TextKey, Translate } from './types.js' */

const WIDTH = 1280
const MARGIN = 36
const PICTURE = { width: 608, height: 860 }
const SIZE = 19
const LINE = 29
/** Findings that are told, lines of each of their sentences, and lines of the prompt. */
const FINDINGS = 3
const SENTENCE_LINES = 3
const PROMPT_LINES = 12
const FONT = 'system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif'
const RIGHT_TO_LEFT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u

/** @typedef {{ground: string, ink: string, soft: string, line: string, landed: string, doubtful: string, warned: string}} Palette */

/** @type {Palette} */
const DARK = { ground: '#17181c', ink: '#f1f1ef', soft: '#a9adb6', line: '#3a3d45', landed: '#35b58f', doubtful: '#eab54a', warned: '#ec8a4d' }
/** @type {Palette} */
const LIGHT = { ground: '#fafaf8', ink: '#1c1e24', soft: '#5f656f', line: '#d9dad6', landed: '#007d5c', doubtful: '#a87400', warned: '#b34e00' }

/** @type {readonly ('landed' | 'doubtful' | 'warned')[]} */
const STATES = ['landed', 'doubtful', 'warned']

/**
 * @param {Look} look
 * @param {Painter} painter
 * @param {Translate} t
 * @param {boolean} dark
 */
export function cardOf(look, painter, t, dark) {
  const palette = dark ? DARK : LIGHT
  // What is drawn says how high it is: once to measure, once to keep.
  const height = new Drawing(new OffscreenCanvas(8, 8), look, painter, t, palette).draw()
  const canvas = new OffscreenCanvas(WIDTH, Math.ceil(height))
  new Drawing(canvas, look, painter, t, palette).draw()
  return canvas
}

class Drawing {
  #context
  #look
  #painter
  #t
  #palette

  /**
   * @param {OffscreenCanvas} canvas
   * @param {Look} look
   * @param {Painter} painter
   * @param {Translate} t
   * @param {Palette} palette
   */
  constructor(canvas, look, painter, t, palette) {
    /** @type {Context} */
    this.#context = contextOf(canvas)
    this.#look = look
    this.#painter = painter
    this.#t = t
    this.#palette = palette
  }

  /** Draws all; gives the height that it takes. */
  draw() {
    const context = this.#context
    context.fillStyle = this.#palette.ground
    context.fillRect(0, 0, context.canvas.width, context.canvas.height)
    context.textBaseline = 'alphabetic'
    const size = this.#pictureSize()
    const under = this.#picture(size)
    const left = MARGIN + size.width + MARGIN
    const width = WIDTH - left - MARGIN
    let top = this.#prompt(left, MARGIN, width)
    top = this.#legend(left, top + 6, width)
    top = this.#findings(left, top + 26, width)
    const end = Math.max(under, top)
    this.#write('SelAgg', WIDTH - MARGIN - this.#measure('SelAgg', SIZE - 5), end + MARGIN - 12, SIZE - 5, this.#palette.soft)
    return end + MARGIN
  }

  #pictureSize() {
    const [height, width] = this.#look.manifest.size
    const scale = Math.min(PICTURE.width / width, PICTURE.height / height)
    return { width: Math.round(width * scale), height: Math.round(height * scale) }
  }

  /** @param {{width: number, height: number}} size */
  #picture(size) {
    const context = this.#context
    const canvas = new OffscreenCanvas(size.width, size.height)
    const scene = this.#look.scene()
    this.#painter.paint(canvas, { ...scene, spot: null })
    context.drawImage(canvas, MARGIN, MARGIN)
    let [x, y] = [MARGIN, MARGIN + size.height + LINE]
    for (const [name, colour, line] of this.#keys(scene)) {
      const width = this.#measure(name, SIZE - 4) + 42
      if (x > MARGIN && x + width > MARGIN + size.width) [x, y] = [MARGIN, y + LINE - 4]
      context.fillStyle = css(colour)
      context.fillRect(x, y - (line ? 7 : 12), line ? 18 : 13, line ? 3 : 13)
      this.#write(name, x + 24, y, SIZE - 4, this.#palette.soft, 400, size.width - 24)
      x += width
    }
    return y
  }

  /**
   * What the colours of the picture mean.
   * @param {Scene} scene
   * @returns {[string, RGB, boolean][]}
   */
  #keys({ layers, expected, found }) {
    /** @type {[string, RGB, boolean][]} */
    const keys = layers.map(({ word, colour }) => [this.#look.wordText(word), colour ?? this.#painter.colours.subarray(3 * 190, 3 * 191), false])
    if (found && layers.length === 1 && layers[0].outlined) keys.push([this.#t('found'), FOUND, true])
    if (expected.length) keys.push([this.#t('expected'), EXPECTED, true])
    return keys
  }

  /**
   * The prompt as written, each word underlined in the colour of how well it has a place; gives where it ends.
   * @param {number} left
   * @param {number} top
   * @param {number} width
   */
  #prompt(left, top, width) {
    const { manifest, state, landing } = this.#look
    const { pieces } = manifest.texts[state.text]
    const mirrored = RIGHT_TO_LEFT.test(pieces.map(([text]) => text).join(''))
    const high = LINE + 5
    let [x, line] = [0, 1]
    for (const [written, word] of pieces) {
      for (const part of word === null ? written.split(/(?<=\s)/u) : [written]) {
        const own = Math.min(width, this.#measure(part, SIZE + 1, word === null ? 400 : 600))
        if (x > 0 && x + own > width) [x, line] = [0, line + 1]
        if (x === 0 && !part.trim()) continue
        if (line > PROMPT_LINES) return this.#more(left, top + PROMPT_LINES * high)
        const at = mirrored ? left + width - x - own : left + x
        this.#word(part, at, top + line * high - 12, own, word === null ? null : (landing.get(word) ?? null), word !== null)
        x += own
      }
    }
    return top + line * high
  }

  /**
   * @param {number} left
   * @param {number} top
   */
  #more(left, top) {
    this.#write('\u2026', left, top + 12, SIZE, this.#palette.soft)
    return top + 20
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {Landing | null} landing
   * @param {boolean} isWord
   */
  #word(text, x, y, width, landing, isWord) {
    const { ink, soft, line } = this.#palette
    this.#write(text, x, y, SIZE + 1, isWord ? ink : soft, isWord ? 600 : 400, width + 2)
    const state = STATES.find((name) => name === landing?.state)
    if (!state || !landing) return
    this.#context.fillStyle = line
    this.#context.fillRect(x, y + 7, width, 3)
    this.#context.fillStyle = this.#palette[state]
    this.#context.fillRect(x, y + 7, width * Math.max(0.06, landing.landed), 3)
  }

  /**
   * @param {number} left
   * @param {number} top
   * @param {number} width
   */
  #legend(left, top, width) {
    if (!this.#look.landing.size) return top
    let x = left
    for (const state of STATES) {
      const name = this.#t(/** @type {TextKey} */ (state))
      this.#context.fillStyle = this.#palette[state]
      this.#context.fillRect(x, top + 12, 18, 3)
      this.#write(name, x + 25, top + 19, SIZE - 4, this.#palette.soft, 400, width)
      x += this.#measure(name, SIZE - 4) + 48
    }
    return top + LINE
  }

  /**
   * @param {number} left
   * @param {number} top
   * @param {number} width
   */
  #findings(left, top, width) {
    const t = this.#t
    const { manifest, report } = this.#look
    const { ink, soft, landed, doubtful, warned } = this.#palette
    const list = spoken(manifest, 'problems', t).slice(0, 1).map((problem) => ({ title: t('problem'), message: problem, hint: '', colour: warned }))
    for (const finding of report.findings.slice(0, FINDINGS - list.length)) {
      const { sure, level, said, suggestion } = finding
      const doubt = sure ? '' : ` (${t(level === 'information' ? 'information' : 'unsure')})`
      const colour = sure ? warned : level === 'information' ? soft : doubtful
      list.push({ title: titleOf(finding, t) + doubt, message: messageOf(finding, t), hint: `${t('try')}: ${t.say(said?.suggestion, suggestion)}`, colour })
    }
    if (!list.length && manifest.report.length) {
      list.push({ title: t('noFindings'), message: t('noFindingsHint', { count: report.checks.length }), hint: '', colour: landed })
    }
    for (const { title, message, hint, colour } of list) {
      const from = top
      top = this.#lines(title, left + 18, top, width - 18, SIZE, ink, 600)
      top = this.#lines(message, left + 18, top, width - 18, SIZE - 1, ink)
      if (hint) top = this.#lines(hint, left + 18, top, width - 18, SIZE - 3, soft)
      this.#context.fillStyle = colour
      this.#context.fillRect(left, from + 4, 4, top - from - 4)
      top += 18
    }
    return top - 18
  }

  /**
   * A text in lines; gives where it ends.
   * @param {string} text
   * @param {number} left
   * @param {number} top
   * @param {number} width
   * @param {number} size
   * @param {string} colour
   * @param {number} [weight]
   */
  #lines(text, left, top, width, size, colour, weight = 400) {
    const mirrored = RIGHT_TO_LEFT.test(text)
    for (const line of this.#wrapped(text, width, size, weight)) {
      top += Math.round(size * 1.4)
      const at = mirrored ? left + width - this.#measure(line, size, weight) : left
      this.#write(line, at, top - Math.round(size * 0.3), size, colour, weight, width)
    }
    return top
  }

  /**
   * @param {string} text
   * @param {number} width
   * @param {number} size
   * @param {number} weight
   */
  #wrapped(text, width, size, weight) {
    // Between words, and between letters of scripts that write none apart.
    const parts = text.match(/[\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]|[^\s\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]+\s*|\s+/gu) ?? []
    /** @type {string[]} */
    const lines = []
    let line = ''
    for (const part of parts) {
      if (line && this.#measure(line + part, size, weight) > width) {
        lines.push(line)
        line = ''
      }
      line += part
    }
    lines.push(line)
    return lines.length > SENTENCE_LINES ? [...lines.slice(0, SENTENCE_LINES - 1), `${lines[SENTENCE_LINES - 1].trim()} \u2026`] : lines
  }

  /**
   * @param {string} text
   * @param {number} size
   * @param {number} [weight]
   */
  #measure(text, size, weight = 400) {
    this.#context.font = `${weight} ${size}px ${FONT}`
    return this.#context.measureText(text).width
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @param {string} colour
   * @param {number} [weight]
   * @param {number} [most]
   */
  #write(text, x, y, size, colour, weight = 400, most = WIDTH) {
    this.#context.font = `${weight} ${size}px ${FONT}`
    this.#context.fillStyle = colour
    this.#context.fillText(text, x, y, most)
  }
}
