/** What could not be done, above all else, where the list of findings does not say it. */

import { el, icon } from './dom.js'
import { spoken } from './report.js'

/** @import { Look } from './look.js' */
/** @import { Actions, Translate } from './types.js' */

export class Trouble {
  #t
  #compact
  #text = el('span', { dir: 'auto' })

  /**
   * @param {Translate} t
   * @param {Actions} actions
   * @param {boolean} compact without tabs
   */
  constructor(t, actions, compact) {
    this.#t = t
    this.#compact = compact
    const open = () => actions.change({ tab: 'findings' })
    const content = [icon('warning'), this.#text]
    this.element = compact
      ? el('p', { class: 'trouble', role: 'note', hidden: true }, ...content)
      : el('button', { type: 'button', class: 'trouble', hidden: true, on: { click: open } }, ...content)
  }

  /** Another run is looked at. @param {Look} look */
  fill({ manifest }) {
    const problems = spoken(manifest, 'problems', this.#t)
    const more = problems.length > 1 ? ` (${this.#t('moreProblems', { count: problems.length - 1 })})` : ''
    this.#text.textContent = problems.length ? `${this.#t('problem')}: ${problems[0]}${more}` : ''
  }

  /** @param {Look} look */
  show({ manifest, state }) {
    this.element.hidden = !manifest.problems.length || (!this.#compact && state.tab === 'findings')
  }
}
