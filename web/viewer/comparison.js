/** What was tried: the picture before and after it, one over the other, and what became of the finding. */

import { el, slider } from './dom.js'
import { reportOf } from './report.js'

/** @import { Actions, Compared, Finding, Manifest, TextKey, Translate, Trial } from './types.js' */

/** What something to try is called in the artist's language. @param {Trial} trial @param {Translate} t */
export function whatOf({ said, what }, t) {
  return t.say(said, what)
}

export class Comparison {
  #t
  #actions
  /** Address of the picture before, which the page holds. */
  #address = ''

  /**
   * @param {Translate} t
   * @param {Actions} actions
   */
  constructor(t, actions) {
    this.#t = t
    this.#actions = actions
    this.element = el('section', { class: 'comparison', hidden: true })
  }

  get shown() {
    return !this.element.hidden
  }

  hide() {
    this.element.hidden = true
    this.element.replaceChildren()
    if (this.#address) URL.revokeObjectURL(this.#address)
    this.#address = ''
  }

  /**
   * @param {Compared} compared
   * @param {Manifest} manifest of what is now
   * @param {string} after address of the picture that is now
   */
  show({ finding, trial, before, picture, undo }, manifest, after) {
    const t = this.#t
    this.hide()
    this.#address = URL.createObjectURL(before)
    const [height, width] = manifest.size
    const frame = el(
      'div',
      { class: 'both', style: { '--wide': String(width), '--high': String(height) } },
      el('img', { src: after, alt: t('after'), draggable: 'false' }),
      el('img', { class: 'before', src: this.#address, alt: t('before'), draggable: 'false' }),
      el('i', { class: 'edge' }),
      el('span', { class: 'tag', text: t('before') }),
      el('span', { class: 'tag after', text: t('after') })
    )
    const share = (/** @type {number} */ value) => frame.style.setProperty('--share', `${value}%`)
    const handle = slider(t('compared'), { min: 0, max: 100, step: 1 }, share, (value) => `${value} %`)
    handle.input.classList.add('wipe')
    handle.set(50)
    share(50)
    frame.append(handle.input)
    const taken = () => this.#actions.attempt('undoFailed', {}, undo)
    const buttons = el(
      'span',
      { class: 'end' },
      el('button', { type: 'button', class: 'plain', data: { compared: 'undo' }, text: t('undo'), on: { click: taken } }),
      el('button', { type: 'button', class: 'plain', data: { compared: 'keep' }, text: t('keep'), on: { click: () => this.hide() } })
    )
    this.element.replaceChildren(
      el('div', { class: 'row' }, el('b', { text: t('tried', { what: whatOf(trial, t) }), dir: 'auto' }), buttons),
      el('div', { class: 'room' }, frame),
      el('dl', {}, ...this.#state('before', levelOf(finding, t)), ...this.#state('after', stateOf(manifest, picture, finding, t)))
    )
    this.element.hidden = false
  }

  /**
   * @param {'before' | 'after'} when
   * @param {string} text
   */
  #state(when, text) {
    return [el('dt', { text: this.#t(when) }), el('dd', { text, data: { state: when } })]
  }
}

/**
 * @param {Finding} finding
 * @param {Translate} t
 */
function levelOf({ level, confidence, sure }, t) {
  const name = sure ? 'onlyWarning' : level === 'information' ? 'information' : 'unsure'
  return t('stillThere', { level: t(name), value: confidence.toFixed(2) })
}

/**
 * What became of a finding in another picture of the prompt, in words.
 * @param {Manifest} manifest
 * @param {number} picture
 * @param {Finding} finding
 * @param {Translate} t
 */
export function stateOf(manifest, picture, finding, t) {
  const { findings, checks } = reportOf(manifest, picture)
  const words = (/** @type {Finding} */ own) => own.words.join('\n')
  const same = findings.find((own) => own.kind === finding.kind && words(own) === words(finding))
  if (same) return levelOf(same, t)
  const own = checks.filter(([kind, claim]) => kind === finding.kind && claim === finding.claim)
  /** @type {TextKey} */
  const key = !own.length ? 'notCheckedNow' : own.every(([, , verdict]) => verdict === 'right') ? 'notFoundNow' : 'notSureNow'
  return t(key)
}
