/** What was tried, or what a word does: two pictures one over the other, and what is to be said of them. */

import { el, slider } from './dom.js'
import { reportOf } from './report.js'

/** @import { Actions, Compared, Effect, Finding, Manifest, TextKey, Translate, Trial } from './types.js' */

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
   * The picture before something was tried, what is now, and what became of the finding.
   * @param {Compared} compared
   * @param {Manifest} manifest of what is now
   * @param {string} after address of the picture that is now
   */
  show({ finding, trial, before, picture, undo }, manifest, after) {
    const t = this.#t
    this.hide()
    this.#address = URL.createObjectURL(before)
    const said = el('dl', {}, ...this.#state('before', levelOf(finding, t)), ...this.#state('after', stateOf(manifest, picture, finding, t)))
    this.#fill(t('tried', { what: whatOf(trial, t) }), undo, [this.#wipe(manifest, [this.#address, t('before')], [after, t('after')])], said)
  }

  /**
   * A picture with a word and without it, and where it changes.
   * @param {Effect} effect
   * @param {Manifest} manifest
   * @param {string} withIt address of the picture with it
   */
  explain({ word, said, told, without, change, undo }, manifest, withIt) {
    const t = this.#t
    this.hide()
    const frame = this.#wipe(manifest, [withIt, t('withIt')], [without, t('withoutIt')])
    const where = el(
      'div',
      { class: 'both still', style: sizeOf(manifest) },
      el('img', { src: change, alt: t('whereItChanges'), draggable: 'false' }),
      el('span', { class: 'tag', text: t('whereItChanges') })
    )
    this.#fill(t('withoutWord', { word }), undo, [frame, where], el('p', { class: 'effect', text: t.say(said, told), dir: 'auto' }))
  }

  /**
   * @param {string} title
   * @param {() => Promise<void>} undo
   * @param {HTMLElement[]} pictures
   * @param {HTMLElement} said
   */
  #fill(title, undo, pictures, said) {
    const t = this.#t
    const taken = () => this.#actions.attempt('undoFailed', {}, undo)
    const buttons = el(
      'span',
      { class: 'end' },
      el('button', { type: 'button', class: 'plain', data: { compared: 'undo' }, text: t('undo'), on: { click: taken } }),
      el('button', { type: 'button', class: 'plain', data: { compared: 'keep' }, text: t('keep'), on: { click: () => this.hide() } })
    )
    const rooms = pictures.map((picture) => el('div', { class: 'room' }, picture))
    this.element.replaceChildren(
      el('div', { class: 'row' }, el('b', { text: title, dir: 'auto' }), buttons),
      el('div', { class: `rooms of${rooms.length}` }, ...rooms),
      said
    )
    this.element.hidden = false
  }

  /**
   * Two pictures, one over the other, with a slider between them.
   * @param {Manifest} manifest
   * @param {[address: string, name: string]} first
   * @param {[address: string, name: string]} second
   */
  #wipe(manifest, [before, beforeName], [after, afterName]) {
    const frame = el(
      'div',
      { class: 'both', style: sizeOf(manifest) },
      el('img', { src: after, alt: afterName, draggable: 'false' }),
      el('img', { class: 'before', src: before, alt: beforeName, draggable: 'false' }),
      el('i', { class: 'edge' }),
      el('span', { class: 'tag', text: beforeName }),
      el('span', { class: 'tag after', text: afterName })
    )
    const share = (/** @type {number} */ value) => frame.style.setProperty('--share', `${value}%`)
    const handle = slider(this.#t('compared'), { min: 0, max: 100, step: 1 }, share, (value) => `${value} %`)
    handle.input.classList.add('wipe')
    handle.set(50)
    share(50)
    frame.append(handle.input)
    return frame
  }

  /**
   * @param {'before' | 'after'} when
   * @param {string} text
   */
  #state(when, text) {
    return [el('dt', { text: this.#t(when) }), el('dd', { text, data: { state: when } })]
  }
}

/** @param {Manifest} manifest */
const sizeOf = ({ size: [height, width] }) => ({ '--wide': String(width), '--high': String(height) })

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
