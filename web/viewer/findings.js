/** What went wrong, worst first; each finding opens to its evidence. Kinds that are not known are shown as named. */

import { el, icon } from './dom.js'
import { whatOf } from './comparison.js'
import { factsToTell, opening, reportOf, spoken, sureFindings } from './report.js'

/** @import { Look } from './look.js' */
/** @import { Actions, Coverage, Facts, Finding, Source, TextKey, Translate, Trial } from './types.js' */

const DETAIL = 3
/** Findings that are shown at once; the others are folded by kind. */
const UNFOLDED = 5
/** Words of a finding that can be asked about. */
const ASKED = 3
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
  /** @type {Source['trials']} */
  #trials = null
  /** @type {Source['questions']} */
  #questions = null
  #picture = 0

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
    const { coverage } = look.manifest
    const notices = spoken(look.manifest, 'notices', t)
    const { findings, checks } = look.report
    this.#opened = null
    this.#cards = findings.map((finding, number) => this.#card(look, finding, number))
    const cards = spoken(look.manifest, 'problems', t).map((problem) => still('problem', 'warning', t('problem'), problem))
    cards.push(...this.#folded(findings))
    if (!cards.length) cards.push(this.#calm(look))
    const right = checks.filter(([, , verdict]) => verdict === 'right').map(([, claim]) => claim)
    if (right.length) cards.push(list(t('checkedRight'), right))
    if (notices.length) cards.push(list(t('notes'), notices))
    if (coverage) cards.push(el('p', { class: 'recorded', text: t('recorded', shares(coverage)) }))
    this.element.replaceChildren(...cards)
  }

  /** Nothing was found: because all is well, or because nothing could be checked. @param {Look} look */
  #calm({ manifest, report: { checks } }) {
    const t = this.#t
    const nothing = !checks.length && manifest.understood !== null && !manifest.understood.claims.some(({ checked }) => checked)
    if (nothing) return still('calm', 'note', t('nothingToCheck'), t('nothingToCheckHint'))
    return still('calm', 'good', t('noFindings'), t('noFindingsHint', { count: checks.length }))
  }

  /**
   * The cards of the worst findings, then the others by kind.
   * @param {Finding[]} findings the worst first
   */
  #folded(findings) {
    const cards = this.#cards.map(({ element }) => element)
    /** @type {Map<string, HTMLElement[]>} */
    const kinds = new Map()
    findings.slice(UNFOLDED).forEach((finding, i) => {
      const kind = titleOf(finding, this.#t)
      kinds.set(kind, [...(kinds.get(kind) ?? []), cards[UNFOLDED + i]])
    })
    const folds = [...kinds].map(([kind, own]) => {
      const text = this.#t('moreFindings', { count: own.length, kind })
      return el('details', { class: 'folded', data: { fold: kind } }, el('summary', { text }), ...own)
    })
    return [...cards.slice(0, UNFOLDED), ...folds]
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
      if (!opened) return
      element.closest('details')?.setAttribute('open', '')
      if (number) element.scrollIntoView({ block: 'nearest' })
    })
  }

  /**
   * @param {Look} look
   * @param {Finding} finding
   * @param {number} number
   * @returns {Card}
   */
  #card({ manifest, state, store }, finding, number) {
    this.#trials = store.source.trials
    this.#questions = store.source.questions
    this.#picture = state.picture
    const t = this.#t
    const toggle = () => this.#actions.change(opening(manifest, state, state.opened === number ? null : number))
    const detail = this.#detail(finding, number)
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
      el('span', { class: 'title' }, titleOf(finding, t), finding.sure ? null : el('em', { text: t(level) })),
      el('span', { class: 'message', text: messageOf(finding, t), dir: 'auto' })
    )
    const element = el('article', { class: `finding ${finding.sure ? 'sure' : level}` }, button, detail)
    return { element, button, detail }
  }

  /**
   * @param {Finding} finding
   * @param {number} number
   */
  #detail(finding, number) {
    const t = this.#t
    const { reason, claim, said } = finding
    return el(
      'div',
      { class: 'detail', hidden: true },
      reason ? el('p', { text: t.say(said?.reason, reason) }) : null,
      this.#tries(finding, number),
      this.#ask(finding),
      claim ? el('p', { class: 'faint' }, `${t('claim')}: `, el('b', { text: claim, dir: 'auto' })) : null,
      this.#numbers(finding)
    )
  }

  /**
   * What to try: what can be done with one click as buttons, the rest as it is said.
   * @param {Finding} finding
   * @param {number} number
   */
  #tries({ suggestion, said, tries = [] }, number) {
    if (!suggestion) return null
    const t = this.#t
    const trials = this.#trials
    const can = tries.filter((trial) => trials?.can(trial))
    const label = el('b', { text: t('try') })
    if (!trials || !can.length) return el('p', { class: 'try' }, label, t.say(said?.suggestion, suggestion))
    const picture = this.#picture
    const start = (/** @type {Trial} */ trial) => this.#actions.attempt('tryFailed', {}, () => trials.start(picture, number, trial))
    const told = tries.filter((trial) => can.includes(trial) || trial.action === 'none')
    const fromPicture = trials.fromPicture()
    return el('div', { class: 'try' }, label, ...told.map((trial) => tryOf(trial, can.includes(trial) ? () => start(trial) : null, fromPicture, t)))
  }

  /**
   * Whether it is this word: the same seed without it shows what it does.
   * @param {Finding} finding
   */
  #ask({ words }) {
    const questions = this.#questions
    if (!questions) return null
    const t = this.#t
    const picture = this.#picture
    const ask = (/** @type {string} */ word) => this.#actions.attempt('tryFailed', {}, () => questions.ask(picture, word))
    const buttons = [...new Set(words)].slice(0, ASKED).map((word) =>
      el('button', { type: 'button', title: t('withoutWordHint'), data: { without: word }, on: { click: () => ask(word) } }, el('span', { text: t('withoutWord', { word }), dir: 'auto' }))
    )
    return buttons.length ? el('div', { class: 'ask' }, el('b', { text: t('isItThisWord') }), ...buttons) : null
  }

  /** @param {Finding} finding */
  #numbers({ confidence, calibrated, evidence, pixels, said }) {
    const t = this.#t
    const trust = t('confidence', { value: confidence.toFixed(2) })
    const times = (said?.helped ?? []).map(([helped, tried]) => t('helpedOf', { helped, tried })).join(', ')
    return el(
      'details',
      { class: 'experts' },
      el('summary', { text: t('experts') }),
      el('p', { class: 'faint', text: calibrated ? trust : `${trust}: ${t('uncalibrated')}` }),
      times ? el('p', { class: 'faint', text: t('helped', { times }) }) : null,
      ...table(t('evidence'), evidence),
      ...table(t('pixels'), pixels)
    )
  }
}

/**
 * @param {Trial} trial
 * @param {(() => void) | null} start null for what can only be said
 * @param {boolean | null} fromPicture whether the run started from a picture
 * @param {Translate} t
 */
function tryOf(trial, start, fromPicture, t) {
  const text = whatOf(trial, t)
  const counted = countsOf(trial, fromPicture, t)
  if (!start) return el('span', { class: 'only', dir: 'auto' }, text, ...counted)
  const data = { action: trial.action, remedy: trial.remedy }
  return el('button', { type: 'button', title: t('tryOut'), data, on: { click: start } }, el('span', { text, dir: 'auto' }), ...counted)
}

/**
 * How often a remedy helped, and what it may break: for the start of this run, or for both where that is not known.
 * @param {Trial} trial
 * @param {boolean | null} fromPicture
 * @param {Translate} t
 */
function countsOf({ helped: [all, ofAll], by_start: byStart = [] }, fromPicture, t) {
  const fitting = byStart.filter((count) => fromPicture === null || count.from_picture === fromPicture)
  const told = fitting.map(({ from_picture: picture, helped: [helped, tried] }) => t(picture ? 'tryHelpedPicture' : 'tryHelpedEmpty', { helped, tried }))
  if (ofAll) told.push(t('tryHelped', { helped: all, tried: ofAll }))
  const broke = fitting.flatMap(({ broken: [broken, right] }) => (right ? [t('tryBroke', { broken, right })] : []))
  return [...told.length ? [el('small', { text: told.join('; ') })] : [], ...broke.map((text) => el('small', { class: 'breaks', text }))]
}

/**
 * What a fault is called in the artist's language; a kind that has no name is shown by its id.
 * @param {Finding} finding
 * @param {Translate} t
 */
export function titleOf({ kind, title, said }, t) {
  return t.say(said?.title, title ?? kind.replaceAll('_', ' '))
}

/**
 * @param {Finding} finding
 * @param {Translate} t
 */
export function messageOf({ message, said }, t) {
  return t.say(said?.message, message)
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
