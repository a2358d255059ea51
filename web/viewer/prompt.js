/** The prompt as it was written, each word a button that shows how well it landed. */

import { choice, el } from './dom.js'

/** The word number that stands for begin, end and padding marks. */
export const SPECIAL = -1

const LEGEND = ['landed', 'doubtful', 'warned']

export class PromptCard {
  #t
  #on
  #chips = new Map()
  #texts = null
  #parts = {}

  /** on: {onHover(word or null), onPin(word), onText(number), onSpecial(boolean), onClear()} */
  constructor(t, on) {
    this.#t = t
    this.#on = on
    const parts = this.#parts
    parts.switch = el('div')
    parts.special = el('button', {
      type: 'button',
      class: 'plain',
      text: t('showSpecial'),
      title: t('showSpecialHint'),
      'aria-pressed': 'false',
      on: { click: () => on.onSpecial(parts.special.getAttribute('aria-pressed') !== 'true') },
    })
    parts.clear = el('button', { type: 'button', class: 'plain', text: t('clear'), title: 'Esc', hidden: true, on: { click: () => on.onClear() } })
    parts.text = el('div', { class: 'text', role: 'toolbar', 'aria-label': t('words'), dir: 'auto' })
    parts.text.addEventListener('keydown', (event) => this.#key(event))
    parts.text.addEventListener('pointerleave', () => on.onHover(null))
    parts.legend = el(
      'div',
      { class: 'legend', 'aria-hidden': 'true' },
      ...LEGEND.map((state) =>
        el('span', { class: 'key', style: { '--state': `var(--${{ landed: 'good', doubtful: 'doubt', warned: 'bad' }[state]})` } }, el('i'), t(state))
      )
    )
    this.element = el(
      'section',
      { class: 'card prompt', 'aria-label': t('prompt') },
      el('div', { class: 'head' }, el('h2', { text: t('prompt') }), el('div', { class: 'end' }, parts.clear, parts.special, parts.switch)),
      parts.text,
      parts.legend
    )
  }

  /** texts: as in the manifest; shown: number of the one to show; landing: Map of word -> evidence. */
  show(texts, shown, landing) {
    const text = texts[shown]
    if (this.#texts !== texts) this.#showSwitch(texts)
    this.#texts = texts
    this.#switch?.choose(shown)
    this.#chips.clear()
    const pieces = text.pieces.map(([written, word], i) => {
      if (word === null) return document.createTextNode(written)
      const saysWeight = /^\s*:\s*[+-]?[\d.]/.test(text.pieces[i + 1]?.[0] ?? '')
      return this.#chip(word, written, text.words[word], !saysWeight)
    })
    this.#parts.text.replaceChildren(...pieces, this.#chip(SPECIAL, this.#t('special'), null, false))
    this.landing = landing
    this.#makeReachable(text.words.length ? 0 : SPECIAL)
  }

  #switch = null

  #showSwitch(texts) {
    this.#parts.switch.replaceChildren()
    this.#switch = null
    if (texts.length < 2) return
    const names = texts.map(({ name, kind }, i) => [i, name === kind ? this.#t(kind) : name])
    this.#switch = choice(this.#t('prompts'), names, (number) => this.#on.onText(number))
    this.#parts.switch.append(this.#switch.element)
  }

  /** How well each word landed: Map of word -> {state, landed}. */
  set landing(landing) {
    for (const [word, chip] of this.#chips) {
      const { state = 'unchecked', landed = 0 } = landing.get(word) ?? {}
      chip.dataset.state = state
      chip.style.setProperty('--landed', state === 'unchecked' ? 0 : Math.max(0.06, landed).toFixed(3))
      chip.setAttribute('aria-description', this.#t(state))
      const weight = chip.dataset.weight && this.#t('weight', { weight: chip.dataset.weight })
      chip.title = [chip.dataset.concepts, weight, this.#t(state)].filter(Boolean).join(' \u00b7 ')
    }
    this.#parts.legend.hidden = landing.size === 0
  }

  #chip(word, written, about, showWeight) {
    const kind = word === SPECIAL ? 'word marks' : about.function ? 'word function' : 'word'
    const weighted = about && Math.abs(about.weight - 1) > 1e-3
    const weight = weighted ? String(Number(about.weight.toFixed(2))) : ''
    const chip = el(
      'button',
      {
        type: 'button',
        class: kind,
        'aria-pressed': 'false',
        tabindex: -1,
        data: { word, weight, concepts: about?.concepts.join(' + ') ?? '' },
        on: {
          pointerenter: () => this.#on.onHover(word),
          focus: () => {
            this.#makeReachable(word)
            if (chip.matches(':focus-visible')) this.#on.onHover(word)
          },
          blur: () => this.#on.onHover(null),
          click: () => this.#on.onPin(word),
        },
      },
      el('span', { text: written, dir: 'auto' }),
      weight && showWeight ? el('sup', { text: weight }) : null,
      el('i')
    )
    this.#chips.set(word, chip)
    return chip
  }

  #makeReachable(word) {
    for (const [number, chip] of this.#chips) chip.tabIndex = number === word ? 0 : -1
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation()
    const shown = [...this.#chips.values()].filter((chip) => !chip.hidden)
    const at = shown.findIndex((chip) => chip.tabIndex === 0)
    shown[(at + step + shown.length) % shown.length].focus()
  }

  /** active: word under the pointer or null; pins: Map of word -> colour; here: words at the spot. */
  mark({ active, pins, here, special }) {
    for (const [word, chip] of this.#chips) {
      chip.classList.toggle('active', word === active)
      chip.classList.toggle('here', here.has(word))
      chip.setAttribute('aria-pressed', pins.has(word))
      if (pins.has(word)) chip.style.setProperty('--pin', pins.get(word))
    }
    const marks = this.#chips.get(SPECIAL)
    if (marks) marks.hidden = !special
    this.#parts.special.setAttribute('aria-pressed', special)
    this.#parts.clear.hidden = pins.size === 0
  }
}
