/** The line that says why something could not be done. It stays until it is closed, or something else is done. */

import { el, icon } from './dom.js'

/** @import { Translate } from './types.js' */

export class Complaint {
  #text = el('span', { dir: 'auto' })

  /** @param {Translate} t */
  constructor(t) {
    const close = el(
      'button',
      { type: 'button', class: 'tool', title: t('dismiss'), 'aria-label': t('dismiss'), on: { click: () => this.hide() } },
      icon('close')
    )
    this.element = el('div', { class: 'complaint', role: 'alert', hidden: true }, icon('warning'), this.#text, close)
  }

  get shown() {
    return !this.element.hidden
  }

  /** @param {string} text */
  say(text) {
    this.#text.textContent = text
    this.element.hidden = false
  }

  hide() {
    this.element.hidden = true
  }
}

/**
 * What to tell people of anything that was thrown.
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}
