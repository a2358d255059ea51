/**
 * A spot check: claims that judges have decided, asked of the artist one by one, each answered by one key.
 *
 * What the judges say is not shown, and the page is not told it: who knows it agrees more often than who does not.
 */

import { Complaint, messageOf } from './complaint.js'
import { el, heard } from './dom.js'
import { SPOT_CHECK_STYLE } from './spot_check_style.js'
import { STYLE } from './style.js'
import { translator } from './text.js'

/** @import { SpotAnswer, SpotSource, SpotState } from './types.js' */

/** Keys by their place on the keyboard: digits need shift on some. @type {Record<string, SpotAnswer>} */
const KEYS = {
  Digit1: 'right',
  Numpad1: 'right',
  Digit2: 'wrong',
  Numpad2: 'wrong',
  Digit3: 'unclear',
  Numpad3: 'unclear',
}
/** @type {SpotAnswer[]} */
const ANSWERS = ['right', 'wrong', 'unclear']
const TEXTS = /** @type {const} */ ({ right: 'spotRight', wrong: 'spotWrong', unclear: 'spotUnclear' })

export class SpotCheck {
  #t
  #shadow
  #root
  #complaint
  /** @type {SpotSource | null} */
  #source = null
  /** @type {SpotState | null} */
  #state = null
  #at = 0
  /** Whether an answer is on its way: keys count once. */
  #busy = false
  /** Claims that were answered here, for taking answers back. @type {number[]} */
  #given = []

  /** @param {Record<string, unknown>} [texts] those of another language */
  constructor(texts = {}) {
    this.#t = translator(texts)
    this.element = el('div', { style: { width: '100%', height: '100%' } })
    this.#shadow = this.element.attachShadow({ mode: 'open' })
    this.#complaint = new Complaint(this.#t)
    this.#root = el('div', { class: 'root spot-check', role: 'group', tabindex: '0', 'aria-label': this.#t('spotCheck') })
    this.#root.addEventListener('keydown', (event) => this.#key(event))
    this.#shadow.append(el('style', { text: STYLE + SPOT_CHECK_STYLE }), this.#root, this.#complaint.element)
  }

  /** @param {SpotSource} source */
  async show(source) {
    this.#source = source
    this.#given = []
    const state = await source.state()
    if (this.#source !== source) return
    this.#state = state
    this.#at = this.#next(0)
    this.#draw()
  }

  /** @param {string} text why there is nothing */
  clear(text) {
    this.#source = this.#state = null
    this.#root.replaceChildren(el('div', { class: 'empty', role: 'note' }, el('p', { text })))
  }

  /** The first claim from there on that has no answer; the number of claims if there is none. @param {number} from */
  #next(from) {
    const claims = this.#state?.claims ?? []
    const open = (/** @type {number} */ start) => claims.findIndex(({ answer }, i) => i >= start && answer === null)
    const later = open(from)
    const found = later < 0 ? open(0) : later
    return found < 0 ? claims.length : found
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const answer = KEYS[event.code]
    if (answer) {
      heard(event)
      if (!event.repeat) this.#answer(answer)
    } else if (event.code === 'Backspace') {
      heard(event)
      this.#takeBack()
    }
  }

  /** @param {SpotAnswer} answer */
  #answer(answer) {
    const claims = this.#state?.claims ?? []
    if (this.#at < claims.length) this.#send(this.#at, answer)
  }

  /** The last answer that was given here, or of the last claim that has one. */
  #takeBack() {
    const claims = this.#state?.claims ?? []
    const last = this.#given.at(-1) ?? claims.findLastIndex(({ answer }) => answer !== null)
    if (last >= 0) this.#send(last, null)
  }

  /** @param {number} claim @param {SpotAnswer | null} answer null takes it back */
  #send(claim, answer) {
    const source = this.#source
    if (!source || this.#busy) return
    this.#busy = true
    source
      .answer(claim, answer)
      .then((state) => {
        if (this.#source === source) this.#taken(state, claim, answer)
      })
      .catch((error) => this.#complaint.say(this.#t('spotFailed', { reason: messageOf(error) })))
      .finally(() => (this.#busy = false))
  }

  /** An answer is kept. @param {SpotState} state @param {number} claim @param {SpotAnswer | null} answer */
  #taken(state, claim, answer) {
    this.#state = state
    this.#given = this.#given.filter((own) => own !== claim)
    if (answer) this.#given.push(claim)
    this.#at = answer ? this.#next(claim + 1) : claim
    this.#complaint.hide()
    this.#draw()
  }

  #draw() {
    const { claims = [] } = this.#state ?? {}
    this.#root.replaceChildren(...(this.#at < claims.length ? this.#question() : this.#result()))
  }

  #question() {
    const t = this.#t
    const state = /** @type {SpotState} */ (this.#state)
    const { sentence, said, prompt, things } = state.claims[this.#at]
    const done = state.claims.filter(({ answer }) => answer !== null).length
    const picture = /** @type {SpotSource} */ (this.#source).picture(this.#at)
    const legend = things.map(([name, colour]) =>
      el('span', { class: 'thing' }, el('i', { style: { '--colour': colour } }), el('span', { text: name, dir: 'auto' }))
    )
    return [
      el('div', { class: 'seen' }, el('img', { src: picture, alt: t('spotPicture'), draggable: 'false' })),
      el('div', { class: 'things' }, ...legend),
      el('p', { class: 'sentence', text: t.say(said ?? undefined, sentence), dir: 'auto', 'aria-live': 'polite' }),
      el('p', { class: 'faint', text: `${t('prompt')}: ${prompt}`, title: prompt, dir: 'auto' }),
      el('div', { class: 'answers' }, ...ANSWERS.map((answer, i) => this.#button(answer, String(i + 1)))),
      this.#footer(t('spotDone', { count: done, total: state.claims.length })),
    ]
  }

  /** @param {SpotAnswer} answer @param {string} key */
  #button(answer, key) {
    return el(
      'button',
      { type: 'button', data: { answer }, 'aria-keyshortcuts': key, on: { click: () => this.#answer(answer) } },
      el('kbd', { text: key }),
      el('span', { text: this.#t(TEXTS[answer]) })
    )
  }

  #result() {
    const t = this.#t
    const found = this.#state?.agreement
    if (!found) return [el('div', { class: 'empty', role: 'note' }, el('p', { text: t('spotNothing') }))]
    const { agree, answered, unclear, low, high, enough } = found
    const per = (/** @type {number} */ share) => `${Math.round(share * 100)} %`
    const values = { agree, answered, unclear, share: answered ? per(agree / answered) : '-', low: per(low), high: per(high) }
    return [
      el(
        'div',
        { class: 'empty', role: 'status' },
        el('p', { class: 'sentence', text: t('spotAgree', values) }),
        enough ? null : el('p', { text: t('spotTooFew') }),
        el('p', { text: t('spotRunAgain') })
      ),
      this.#footer(''),
    ]
  }

  /** @param {string} text */
  #footer(text) {
    const back = el('button', { type: 'button', class: 'plain', data: { answer: 'back' }, on: { click: () => this.#takeBack() } })
    back.append(el('kbd', { text: '\u232b' }), el('span', { text: this.#t('takeBack') }))
    back.disabled = !this.#state?.claims.some(({ answer }) => answer !== null)
    return el('div', { class: 'progress' }, el('span', { text }), back)
  }
}
