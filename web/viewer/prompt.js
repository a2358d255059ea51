/** The prompt as it was written, each word a button that shows how well it landed. */

import { rolesOf } from './claims.js'
import { css } from './colours.js'
import { arrowStep, choice, el, heard } from './dom.js'
import { SPECIAL, colourOf, withSpecial, withText } from './state.js'
import { WordFilter } from './word_filter.js'

/** @import { Look } from './look.js' */
/** @import { Actions, Landing, Manifest, Text, TextKey, Translate, Word } from './types.js' */

/** Claims that are told of a word. */
const CLAIMS = 4
/** Words at the spot that are marked in the text. */
const MARKED = 3

/** @type {readonly [TextKey, string][]} */
const LEGEND = [
  ['landed', 'var(--good)'],
  ['doubtful', 'var(--doubt)'],
  ['warned', 'var(--bad)'],
]

/** @type {Landing} */
const UNCHECKED = Object.freeze({ state: 'unchecked', landed: 0 })

/** @typedef {ReturnType<typeof choice<string>>} Choice */

export class PromptCard {
  #t
  #actions
  /** @type {Map<number, HTMLButtonElement>} */
  #chips = new Map()
  /** @type {Manifest | null} */
  #manifest = null
  /** @type {Text | null} */
  #text = null
  /** @type {Choice | null} */
  #switch = null
  #switchPlace = el('div')
  #special
  #clear
  #filter
  #words
  #legend
  /** @type {Look | null} */
  #look = null
  /** @type {ReturnType<typeof rolesOf>} */
  #roles = new Map()

  /**
   * @param {Translate} t
   * @param {Actions} actions
   */
  constructor(t, actions) {
    this.#t = t
    this.#actions = actions
    this.#special = this.#button('showSpecial', t('showSpecialHint'), () => this.#toggleSpecial())
    this.#clear = this.#button('clear', 'Esc', () => actions.clearChoice())
    this.#words = el('div', {
      class: 'text',
      role: 'toolbar',
      'aria-label': t('words'),
      dir: 'auto',
      on: { keydown: (event) => this.#key(event), pointerleave: () => this.#hover(null) },
    })
    const keys = LEGEND.map(([state, colour]) =>
      el('span', { class: 'key', style: { '--state': colour } }, el('i'), t(state))
    )
    this.#legend = el('div', { class: 'legend', 'aria-hidden': 'true' }, ...keys)
    this.#filter = new WordFilter(t, actions, () => this.#focusFirst())
    const end = el('div', { class: 'end' }, this.#clear, this.#special, this.#switchPlace)
    this.element = el(
      'section',
      { class: 'card prompt', 'aria-label': t('prompt') },
      el('div', { class: 'head' }, el('h2', { text: t('prompt') }), end),
      this.#words,
      el('div', { class: 'foot' }, this.#legend, this.#filter.element)
    )
  }

  /**
   * @param {TextKey} key
   * @param {string} title
   * @param {() => void} click
   */
  #button(key, title, click) {
    return el('button', { type: 'button', class: 'plain', text: this.#t(key), title, on: { click } })
  }

  #toggleSpecial() {
    const state = this.#look?.state
    if (state) this.#actions.change(withSpecial(state, !state.special))
  }

  /** While a word is looked at, the regions of a finding are not. @param {number | null} word */
  #hover(word) {
    this.#actions.change({ hovered: word })
  }

  /**
   * Another run, picture or text is looked at.
   * @param {Look} look
   */
  fill(look) {
    const { manifest, state } = look
    const text = manifest.texts[state.text]
    this.#look = look
    if (this.#manifest !== manifest) this.#fillSwitch(manifest.texts)
    if (this.#manifest !== manifest || this.#text !== text) this.#fillWords(text)
    this.#manifest = manifest
    this.#text = text
    this.#switch?.choose(String(state.text))
    this.#roles = rolesOf(manifest, state.text)
    this.#showLanding(look.landing)
  }

  /** @param {Text} text */
  #fillWords(text) {
    this.#chips.clear()
    const pieces = text.pieces.map(([written, word], i) => {
      if (word === null) return document.createTextNode(written)
      const saysWeight = /^\s*:\s*[+-]?[\d.]/.test(text.pieces[i + 1]?.[0] ?? '')
      return this.#chip(word, written, text.words[word], !saysWeight)
    })
    this.#words.replaceChildren(...pieces, this.#chip(SPECIAL, this.#t('special'), null, false))
    this.#makeReachable(text.words.length ? 0 : SPECIAL)
  }

  /** @param {Text[]} texts */
  #fillSwitch(texts) {
    this.#switchPlace.replaceChildren()
    this.#switch = null
    if (texts.length < 2) return
    const names = texts.map(({ name, kind, pieces }, i) => {
      const asked = kind === 'asked' ? this.#t('asked', { words: pieces.map(([text]) => text).join('').trim() }) : name
      const shown = name === kind && kind !== 'asked' ? this.#t(/** @type {TextKey} */ (kind)) : asked
      return /** @type {const} */ ([String(i), shown])
    })
    this.#switch = choice(this.#t('prompts'), names, (number) => this.#actions.change(withText(Number(number))))
    this.#switchPlace.append(this.#switch.element)
  }

  /** @param {Map<number, Landing>} landing */
  #showLanding(landing) {
    for (const [word, chip] of this.#chips) {
      const { state, landed } = landing.get(word) ?? UNCHECKED
      chip.dataset.state = state
      chip.style.setProperty('--landed', state === 'unchecked' ? '0' : Math.max(0.06, landed).toFixed(3))
      chip.setAttribute('aria-description', this.#t(state))
      const weight = chip.dataset.weight && this.#t('weight', { weight: chip.dataset.weight })
      const role = this.#roles.get(word)
      chip.dataset.role = role?.role ?? ''
      chip.classList.toggle('guessed', role !== undefined && role.role !== 'silent' && !role.checked)
      const read = role && role.claims.length > 0 && `${role.claims.slice(0, CLAIMS).join('; ')}${role.checked ? '' : ` (${this.#t('notChecked')})`}`
      chip.title = [read, chip.dataset.concepts, weight, this.#t(state)].filter(Boolean).join(' \u00b7 ')
    }
    this.#legend.hidden = landing.size === 0
  }

  /**
   * @param {number} word
   * @param {string} written
   * @param {Word | null} about null for the marks
   * @param {boolean} showWeight
   */
  #chip(word, written, about, showWeight) {
    const kind = about === null ? 'word marks' : about.function ? 'word function' : 'word'
    const weighted = about !== null && Math.abs(about.weight - 1) > 1e-3
    const weight = weighted ? String(Number(about.weight.toFixed(2))) : ''
    /** @type {HTMLButtonElement} */
    const chip = el(
      'button',
      {
        type: 'button',
        class: kind,
        'aria-pressed': 'false',
        tabindex: -1,
        data: { word, weight, concepts: about?.concepts.join(' + ') ?? '' },
        on: {
          pointerenter: () => this.#hover(word),
          focus: () => {
            this.#makeReachable(word)
            if (chip.matches(':focus-visible')) this.#hover(word)
          },
          blur: () => this.#hover(null),
          click: () => this.#actions.togglePin(word),
        },
      },
      el('span', { text: written, dir: 'auto' }),
      weight && showWeight ? el('sup', { text: weight }) : null,
      el('i')
    )
    this.#chips.set(word, chip)
    return chip
  }

  /** The first word that was looked for. */
  #focusFirst() {
    const first = [...this.#chips].find(([, chip]) => !chip.hidden && !chip.classList.contains('out'))
    if (first) this.#makeReachable(first[0])
    first?.[1].focus()
  }

  /** The word that Tab leads to. @param {number} word */
  #makeReachable(word) {
    for (const [number, chip] of this.#chips) chip.tabIndex = number === word ? 0 : -1
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = arrowStep(event, 'both')
    if (!step) return
    heard(event)
    const all = [...this.#chips.values()]
    const shown = all.filter((chip) => chip.tabIndex === 0 || (!chip.hidden && !chip.classList.contains('out')))
    const at = shown.findIndex((chip) => chip.tabIndex === 0)
    shown[(at + step + shown.length) % shown.length].focus()
  }

  /**
   * @param {Look} look
   * @param {ReturnType<Look['ranking']>} ranked words at the spot, the strongest first
   */
  show(look, ranked) {
    const { hovered, pins, special, filter } = look.state
    this.#filter.show(look)
    const { wanted } = look
    const here = new Set(ranked.slice(0, MARKED).map(({ word }) => word))
    const kin = (hovered !== null && this.#roles.get(hovered)?.kin) || new Set()
    for (const [word, chip] of this.#chips) {
      const colour = colourOf(pins, word)
      chip.classList.toggle('out', filter !== '' && !wanted(word))
      chip.classList.toggle('active', word === hovered)
      chip.classList.toggle('here', here.has(word))
      chip.classList.toggle('kin', kin.has(word))
      chip.setAttribute('aria-pressed', String(colour !== null))
      if (colour) chip.style.setProperty('--pin', css(colour))
    }
    const marks = this.#chips.get(SPECIAL)
    if (marks) marks.hidden = !special
    this.#special.setAttribute('aria-pressed', String(special))
    this.#clear.hidden = pins.length === 0
  }
}
