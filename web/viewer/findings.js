/** What went wrong, worst first; each finding opens to its evidence. Kinds that are not known are shown as named. */

import { el, icon } from './dom.js'
import { factsToTell, opening, reportOf, sureFindings } from './report.js'

/** @import { Look } from './look.js' */
/** @import { Actions, Coverage, Facts, Finding, TextKey, Translate } from './types.js' */

const DETAIL = 3
/** @typedef {{element: HTMLElement, button: HTMLButtonElement, detail: HTMLElement}} Card */

export class FindingsTab {
  /** @type {TextKey} */
  static key = 'findings'

  #t
  #actions
  /** @type {Card[]} */
  #cards = []
  /** @type {number | null} */
  #opened = null

  /**
   * @param {Translate} t
   * @param {Actions} actions
   */
  constructor(t, actions) {
    this.#t = t
    this.#actions = actions
    this.element = el('div', { class: 'findings' })
  }

  /** @param {Look} look */
  badge({ manifest, state }) {
    const report = reportOf(manifest, state.picture)
    const problems = manifest.problems.length
    return { count: report.findings.length + problems, bad: sureFindings(report).length + problems > 0 }
  }

  /** @param {Look} look */
  fill(look) {
    const t = this.#t
    const { problems, notices, coverage } = look.manifest
    const { findings, checks } = look.report
    this.#opened = null
    this.#cards = findings.map((finding, number) => this.#card(look, finding, number))
    const cards = problems.map((problem) => still('problem', 'warning', t('problem'), problem))
    cards.push(...this.#cards.map(({ element }) => element))
    if (!cards.length) cards.push(still('calm', 'good', t('noFindings'), t('noFindingsHint', { count: checks.length })))
    const right = checks.filter(([, , verdict]) => verdict === 'right').map(([, claim]) => claim)
    if (right.length) cards.push(list(t('checkedRight'), right))
    if (notices.length) cards.push(list(t('notes'), notices))
    if (coverage) cards.push(el('p', { class: 'recorded', text: t('recorded', shares(coverage)) }))
    this.element.replaceChildren(...cards)
  }

  /** @param {Look} look */
  show({ state }) {
    if (state.opened !== this.#opened) this.#open(state.opened)
  }

  /**
   * Opens the finding of that number and closes the others; null closes all.
   * @param {number | null} number
   */
  #open(number) {
    this.#opened = number
    this.#cards.forEach(({ element, button, detail }, i) => {
      const opened = i === number
      element.classList.toggle('open', opened)
      button.setAttribute('aria-expanded', String(opened))
      detail.hidden = !opened
      if (opened) element.scrollIntoView({ block: 'nearest' })
    })
  }

  /**
   * @param {Look} look
   * @param {Finding} finding
   * @param {number} number
   * @returns {Card}
   */
  #card({ manifest, state }, finding, number) {
    const t = this.#t
    const toggle = () => this.#actions.change(opening(manifest, state, state.opened === number ? null : number))
    const detail = this.#detail(finding)
    const level = finding.level === 'information' ? 'information' : 'unsure'
    const button = el(
      'button',
      {
        type: 'button',
        'aria-expanded': 'false',
        data: { finding: number },
        on: { click: toggle },
      },
      icon(finding.sure ? 'warning' : level === 'information' ? 'note' : 'doubt'),
      el('span', { class: 'title' }, this.#nameOf(finding), finding.sure ? null : el('em', { text: t(level) })),
      el('span', { class: 'message', text: finding.message, dir: 'auto' })
    )
    const element = el('article', { class: `finding ${finding.sure ? 'sure' : level}` }, button, detail)
    return { element, button, detail }
  }

  /**
   * The kind of a finding in words; one that has no text of its own is shown as it is named.
   * @param {Finding} finding
   */
  #nameOf({ kind }) {
    const text = this.#t(/** @type {TextKey} */ (kind))
    return text === kind ? kind.replaceAll('_', ' ') : text
  }

  /** @param {Finding} finding */
  #detail(finding) {
    const t = this.#t
    const trust = t('confidence', { value: finding.confidence.toFixed(2) })
    return el(
      'div',
      { class: 'detail', hidden: true },
      finding.reason ? el('p', { text: finding.reason }) : null,
      finding.suggestion ? el('p', { class: 'try' }, el('b', { text: t('try') }), finding.suggestion) : null,
      finding.claim ? el('p', { class: 'faint' }, `${t('claim')}: `, el('b', { text: finding.claim, dir: 'auto' })) : null,
      ...table(t('evidence'), finding.evidence),
      ...table(t('pixels'), finding.pixels),
      el('p', { class: 'faint', text: finding.calibrated ? trust : `${trust}: ${t('uncalibrated')}` })
    )
  }
}

/**
 * @param {string} title
 * @param {Facts | undefined} facts
 */
function table(title, facts) {
  const rows = factsToTell(facts).flatMap(([name, value]) => [
    el('dt', { text: name.replaceAll('_', ' ') }),
    el('dd', { text: shown(value) }),
  ])
  return rows.length ? [el('p', { class: 'faint', text: title }), el('dl', { 'aria-label': title }, ...rows)] : []
}

/**
 * @param {string} title
 * @param {string[]} lines
 */
function list(title, lines) {
  const items = [...new Set(lines)].map((line) => el('li', { text: line, dir: 'auto' }))
  return el('details', { class: 'notes' }, el('summary', { text: `${title} (${items.length})` }), el('ul', {}, ...items))
}

/**
 * @param {'problem' | 'calm'} kind
 * @param {Parameters<typeof icon>[0]} picture
 * @param {string} title
 * @param {string} message
 */
function still(kind, picture, title, message) {
  return el(
    'article',
    { class: `finding static ${kind}` },
    icon(picture),
    el('span', { class: 'title', text: title }),
    el('span', { class: 'message', text: message, dir: 'auto' })
  )
}

/** @param {Facts[string]} value */
function shown(value) {
  return typeof value === 'number' ? String(Number(value.toFixed(DETAIL))) : String(value)
}

/**
 * {layers: [16, 16], ...} -> {layers: '16/16', ...}
 * @param {Coverage} coverage
 */
function shares(coverage) {
  return Object.fromEntries(Object.entries(coverage).map(([name, counts]) => [name, counts.join('/')]))
}
