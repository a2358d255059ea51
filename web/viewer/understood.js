/** What was understood of the prompt, thing by thing; a misreading is mended by a line of the artist's claims. */

import { aThing, belonging, ignoring, linesOf, nameOf, thingsOf, understoodOf, withLine, withoutLine } from './claims.js'
import { el, icon } from './dom.js'
import { isSpoken, withText } from './state.js'

/** @import { Look } from './look.js' */
/** @import { Thing } from './claims.js' */
/** @import { Actions, Claim, Spoken, TextKey, Translate } from './types.js' */

export class UnderstoodTab {
  /** @type {TextKey} */
  static key = 'understood'

  #t
  #actions
  /** @type {Look | null} */
  #look = null
  /** The field of claims as it was when the run was shown: other lines do not count yet. */
  #counted = ''
  /** @type {unknown} */
  #manifest = null
  #drawn = ''
  #chosen = el('div', { class: 'mend row', 'aria-live': 'polite' })
  #own = el('div', { class: 'own' })
  #things = el('div', { class: 'things' })

  /**
   * @param {Translate} t
   * @param {Actions} actions
   */
  constructor(t, actions) {
    this.#t = t
    this.#actions = actions
    this.element = el('div', { class: 'understood' }, this.#chosen, this.#own, this.#things)
  }

  /** @param {Look} look */
  badge({ manifest }) {
    return { count: understoodOf(manifest).claims.filter(({ kind }) => kind === 'entity').length, bad: false }
  }

  /** @param {Look} look */
  fill(look) {
    this.#look = look
    this.#drawn = ''
    if (this.#manifest === look.manifest) return
    this.#manifest = look.manifest
    this.#counted = look.store.source.claims?.read() ?? ''
    const t = this.#t
    const { silent } = understoodOf(look.manifest)
    const parts = thingsOf(look.manifest).map((thing) => this.#thing(thing))
    if (!parts.length) parts.push(el('p', { class: 'hint', text: t('nothingUnderstood') }))
    if (silent.length) {
      const words = silent.map((spoken) => this.#part(spoken, spoken.label, t(/** @type {TextKey} */ (`silent_${spoken.reason.replaceAll(' ', '_')}`)), false))
      parts.push(el('p', { class: 'thing silent' }, el('em', { text: t('noThing') }), ...words))
    }
    this.#things.replaceChildren(...parts)
  }

  /** @param {Look} look */
  show(look) {
    const field = look.store.source.claims?.read() ?? ''
    const { state } = look
    const drawn = JSON.stringify([field, state.text, state.pins.at(-1)])
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#showChosen(look)
    this.#showOwn(look, field)
  }

  // --------------------------------------------------------------------------------------------- things

  /** @param {Thing} thing */
  #thing({ thing, claim, said }) {
    const t = this.#t
    const checked = claim?.checked ?? said.some((each) => each.checked)
    const parts = said.map((each) => this.#said(each))
    const sure = checked ? null : this.#mending('isAThing', thing.name && aThing(thing.name))
    return el(
      'p',
      { class: checked ? 'thing' : 'thing unsure' },
      this.#part(thing, thing.label, checked ? '' : t('notChecked'), true),
      sure,
      ...parts
    )
  }

  /** What is said of a thing. @param {Claim} claim */
  #said({ kind, value, words, other, subject, checked }) {
    const label = other ? `${value} ${other.label}` : kind === 'count' ? `\u00d7 ${value}` : (words?.label ?? value)
    return this.#part(words ?? other ?? subject, label, checked ? '' : this.#t('notChecked'), words !== null)
  }

  /**
   * Words as a button that pins them, with one that ignores them.
   * @param {Spoken} spoken
   * @param {string} label
   * @param {string} hint '' where it is checked
   * @param {boolean} ignorable
   */
  #part(spoken, label, hint, ignorable) {
    const { text, words } = spoken
    const title = hint || this.#t('checked')
    const choose = () => this.#actions.change({ ...withText(text), pins: words.slice(0, 6), finding: null })
    return el(
      'span',
      { class: hint ? 'part unsure' : 'part' },
      el('button', { type: 'button', class: 'name', text: label, dir: 'auto', title, on: { click: choose } }),
      ignorable && spoken.name ? this.#ignoring(spoken.name) : null
    )
  }

  /** @param {string} name */
  #ignoring(name) {
    const label = `${this.#t('ignore')}: ${name}`
    const click = () => this.#mend(ignoring(name))
    return el('button', { type: 'button', class: 'drop', 'aria-label': label, title: label, on: { click } }, icon('close'))
  }

  // ---------------------------------------------------------------------------------------------- mending

  /**
   * A button that writes a line.
   * @param {TextKey} key
   * @param {string | null} line
   */
  #mending(key, line) {
    if (!line) return null
    return el('button', { type: 'button', class: 'plain', text: this.#t(key), title: line, data: { mend: key }, on: { click: () => this.#mend(line) } })
  }

  /** @param {string} line */
  #mend(line) {
    this.#write((field) => withLine(field, line))
  }

  /** @param {(field: string) => string} edit */
  #write(edit) {
    const claims = this.#look?.store.source.claims
    if (!claims) {
      this.#actions.complain(this.#t('claimsElsewhere'))
      return
    }
    claims.write(edit(claims.read()))
    if (this.#look) this.show(this.#look)
  }

  /** What can be said of the word that was chosen. @param {Look} look */
  #showChosen({ manifest, state }) {
    const t = this.#t
    const focus = state.pins.at(-1) ?? null
    const name = isSpoken(focus) ? nameOf(manifest, state.text, focus) : null
    if (name === null) {
      this.#chosen.replaceChildren(el('span', { class: 'hint', text: t(focus === null ? 'chooseToMend' : 'cannotMend') }))
      return
    }
    const things = thingsOf(manifest).flatMap(({ thing }) => (thing.name && thing.name !== name ? [thing.name] : []))
    const select = el(
      'select',
      { 'aria-label': t('belongsTo'), on: { change: () => select.value && this.#mend(belonging(name, select.value)) } },
      el('option', { value: '', text: t('belongsTo') }),
      ...things.map((thing) => el('option', { value: thing, text: thing }))
    )
    this.#chosen.replaceChildren(
      el('b', { text: name, dir: 'auto' }),
      this.#mending('ignore', ignoring(name)) ?? '',
      this.#mending('isAThing', aThing(name)) ?? '',
      things.length ? select : ''
    )
  }

  /**
   * The artist's own lines, and whether they count yet.
   * @param {Look} look
   * @param {string} field
   */
  #showOwn({ store }, field) {
    const t = this.#t
    const lines = linesOf(field).map((line) => this.#ownLine(line))
    const { runAgain } = store.source
    const waiting = field !== this.#counted
    const again = () => this.#actions.attempt('runFailed', {}, async () => runAgain?.())
    const hint = waiting ? el('span', { class: 'hint', text: t('countsNextRun') }) : null
    const run = waiting && runAgain ? el('button', { type: 'button', class: 'plain run', text: t('runAgain'), on: { click: again } }) : null
    this.#own.hidden = !lines.length && !waiting
    const head = el('div', { class: 'row' }, el('h2', { text: t('yourClaims') }), hint, run)
    this.#own.replaceChildren(head, ...lines)
  }

  /** @param {string} line */
  #ownLine(line) {
    const label = `${this.#t('takeBack')}: ${line}`
    const click = () => this.#write((field) => withoutLine(field, line))
    const drop = el('button', { type: 'button', class: 'drop', 'aria-label': label, title: label, on: { click } }, icon('close'))
    return el('span', { class: 'part' }, el('span', { class: 'name', text: line, dir: 'auto' }), drop)
  }
}
