/** The pictures of a batch, one small button each, with the number of its warnings. */

import { arrowStep, el, heard } from './dom.js'
import { reportOf, sureFindings } from './report.js'

/** @import { Look } from './look.js' */
/** @import { Actions, TextKey, Translate } from './types.js' */

/** What a picture of a batch, or a frame of a video, is called: without warnings, and with. @type {[TextKey, TextKey]} */
const PICTURE = ['picture', 'pictureWarnings']
/** @type {[TextKey, TextKey]} */
const FRAME = ['frame', 'frameWarnings']

export class Strip {
  #t
  #actions
  /** @type {HTMLButtonElement[]} */
  #buttons = []

  /**
   * @param {Translate} t
   * @param {Actions} actions
   */
  constructor(t, actions) {
    this.#t = t
    this.#actions = actions
    this.element = el('div', { class: 'strip', role: 'radiogroup', 'aria-label': t('pictures') })
  }

  /**
   * Another run is looked at.
   * @param {Look} look
   */
  fill(look) {
    const { pictures } = look.manifest
    this.#buttons = Array.from({ length: pictures }, (_, number) => this.#button(look, number))
    this.element.replaceChildren(...this.#buttons)
    this.element.hidden = pictures < 2
  }

  /**
   * @param {Look} look
   * @param {number} number
   */
  #button({ store: { manifest, source } }, number) {
    const count = sureFindings(reportOf(manifest, number)).length
    const frame = manifest.frames?.[number]
    const [one, warned] = frame ? FRAME : PICTURE
    const label = this.#t(count ? warned : one, { number: frame ?? number + 1, count })
    return el(
      'button',
      {
        type: 'button',
        role: 'radio',
        title: label,
        'aria-label': label,
        on: { click: () => this.#actions.changePicture(number), keydown: (event) => this.#key(event, number) },
      },
      el('img', { src: source.picture(number), alt: '', draggable: 'false' }),
      count ? el('span', { class: 'count', text: String(count) }) : null
    )
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} number
   */
  #key(event, number) {
    const step = arrowStep(event, 'across')
    if (!step) return
    heard(event)
    const total = this.#buttons.length
    const next = (number + step + total) % total
    this.#actions.changePicture(next)
    this.#buttons[next].focus()
  }

  /** @param {Look} look */
  show({ state }) {
    this.#buttons.forEach((button, number) => {
      const on = number === state.picture
      button.setAttribute('aria-checked', String(on))
      button.tabIndex = on ? 0 : -1
    })
  }
}
