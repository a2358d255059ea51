/** The tab of heads: which of them make the map of a word; chosen by relevance, or by hand. */

import { scaleOf } from './colours.js'
import { choice, el, slider } from './dom.js'
import { HeadGrid } from './head_grid.js'
import { focusOf, isSpoken } from './state.js'

/** @import { Look } from './look.js' */
/** @import { Actions, TextKey, Translate } from './types.js' */

/** @type {readonly TextKey[]} */
const MODES = ['selective', 'all', 'least', 'byHand']
/** What stands above the grid, in CSS px. */
const ABOVE_GRID = 78
/** The line about shares, in CSS px. */
const LINE = 18

export class HeadsTab {
  /** @type {TextKey} */
  static key = 'heads'

  #t
  #actions
  #leave
  #modes
  #fraction
  #hint = el('p', { class: 'hint' })
  #went = el('p', { class: 'went' })
  #row
  /** @type {HeadGrid | null} */
  #grid = null
  /** @type {Look | null} */
  #look = null

  /**
   * @param {Translate} t
   * @param {Actions} actions
   * @param {() => void} leave
   */
  constructor(t, actions, leave) {
    this.#t = t
    this.#actions = actions
    this.#leave = leave
    this.#modes = choice(
      t('whichHeads'),
      MODES.map((name) => [name, t(name)]),
      (mode) => this.#chooseMode(mode)
    )
    this.#fraction = slider(
      t('fraction'),
      { min: 1, max: 100, step: 1 },
      (value) => this.#chooseFraction(value / 100),
      (value) => `${value}%`
    )
    this.#row = el('div', { class: 'row' }, this.#modes.element, this.#fraction.element)
    this.element = el('div', { class: 'headbox' })
  }

  // -------------------------------------------------------------------------------------------- choosing

  /** @param {string} mode */
  #chooseMode(mode) {
    if (mode !== 'byHand') {
      this.#actions.change({ mode, picked: null })
      return
    }
    const word = this.#look?.focus ?? null
    if (this.#look && isSpoken(word)) this.#actions.change({ picked: new Set(this.#look.litHeads(word)) })
  }

  /** @param {number} fraction */
  #chooseFraction(fraction) {
    const mode = this.#look?.state.mode ?? 'all'
    this.#actions.change({ fraction, picked: null, mode: mode === 'all' ? 'selective' : mode })
  }

  /** @param {number} head */
  #toggle(head) {
    const look = this.#look
    if (!look || !isSpoken(look.focus)) return
    const { picked: before, pins } = look.state
    const picked = new Set(before ?? look.litHeads(look.focus))
    if (picked.has(head)) picked.delete(head)
    else picked.add(head)
    this.#actions.change({ picked: picked.size ? picked : null, pins: pins.length ? pins : [look.focus] })
  }

  // --------------------------------------------------------------------------------------------- showing

  /** @param {Look} look */
  fill(look) {
    if (this.#look === look) return
    this.#look = look
    this.#grid = new HeadGrid({
      layers: look.manifest.layers,
      label: this.#t('headGrid'),
      onHover: (head) => this.#actions.change({ head }),
      onToggle: (head) => this.#toggle(head),
      onLeave: this.#leave,
      say: (head) => look.describeHead(head),
    })
    this.element.replaceChildren(this.#row, this.#hint, this.#went, this.#grid.element)
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    this.#grid?.resize(width, height - ABOVE_GRID - (this.#went.hidden ? 0 : LINE))
  }

  /** @param {Look} look */
  show(look) {
    const { mode, picked, fraction } = look.state
    this.#modes.choose(picked ? 'byHand' : mode)
    this.#fraction.set(Math.round(fraction * 100))
    this.#fraction.input.disabled = mode === 'all' && !picked
    const word = focusOf(look.state)
    const spoken = isSpoken(word)
    const ranking = spoken ? look.rankingOf(word) : null
    this.#grid?.show({
      levels: ranking?.levels ?? null,
      lit: spoken ? new Set(look.litHeads(word)) : null,
      colours: scaleOf('cividis'),
      ink: getComputedStyle(this.element).color,
    })
    this.#hint.replaceChildren(...this.#hintOf(look, word, ranking !== null))
    const went = look.attentionShares()
    this.#went.hidden = !went
    this.#went.textContent = went ? this.#t('attentionWent', { shares: went }) : ''
    this.#went.title = `${this.#went.textContent} ${this.#t('attentionWentHint')}`
  }

  /**
   * @param {Look} look
   * @param {number | null} word
   * @param {boolean} ranked
   * @returns {(string | Node)[]}
   */
  #hintOf(look, word, ranked) {
    const cursor = this.#grid?.cursor ?? null
    if (!isSpoken(word)) return [this.#t('chooseWord')]
    if (cursor !== null) return [look.describeHead(cursor)]
    if (!ranked) return [this.#t('noRelevance')]
    const name = el('b', { text: look.wordText(word), dir: 'auto' })
    return [name, ` ${look.conceptsOf(word)} \u00b7 ${look.headsUsed(word)}`]
  }
}
