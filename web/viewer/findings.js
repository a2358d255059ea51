/** What went wrong, worst first; each finding opens to its evidence. Kinds that are not known are shown as named. */

import { el, icon } from './dom.js'

const DETAIL = 3
/** Coordinates are for programs; people read the names of the places beside them. */
const COORDINATE = /_[xy]$/

export class FindingList {
  #t
  #onOpen
  #cards = []
  #opened = null

  constructor(t, onOpen) {
    this.#t = t
    this.#onOpen = onOpen
    this.element = el('div', { class: 'findings', role: 'tabpanel' })
  }

  /**
   * findings: those of one picture, worst first; checks: [kind, claim, verdict] of each claim that was checked;
   * coverage: {layers, heads, steps, rows: [seen, expected]} of the recording, null if it is not known.
   */
  show({ findings, checks }, problems, notices, coverage = null) {
    const t = this.#t
    this.#opened = null
    this.#cards = findings.map((finding, number) => this.#card(finding, number))
    const cards = problems.map((problem) => still('problem', 'warning', t('problem'), problem))
    cards.push(...this.#cards.map(({ element }) => element))
    if (!cards.length) cards.push(still('calm', 'good', t('noFindings'), t('noFindingsHint', { count: checks.length })))
    const right = checks.filter(([, , verdict]) => verdict === 'right').map(([, claim]) => claim)
    if (right.length) cards.push(list(t('checkedRight'), right))
    if (notices.length) cards.push(list(t('notes'), notices))
    if (coverage) cards.push(el('p', { class: 'recorded', text: t('recorded', shares(coverage)) }))
    this.element.replaceChildren(...cards)
  }

  /** Opens the finding of that number and closes the others; null closes all. */
  open(number) {
    this.#opened = number
    this.#cards.forEach(({ element, button, detail }, i) => {
      const opened = i === number
      element.classList.toggle('open', opened)
      button.setAttribute('aria-expanded', opened)
      detail.hidden = !opened
      if (opened) element.scrollIntoView({ block: 'nearest' })
    })
  }

  #card(finding, number) {
    const t = this.#t
    const detail = this.#detail(finding)
    const level = finding.level === 'information' ? 'information' : 'unsure'
    const name = t(finding.kind) === finding.kind ? finding.kind.replaceAll('_', ' ') : t(finding.kind)
    const button = el(
      'button',
      {
        type: 'button',
        'aria-expanded': 'false',
        data: { finding: number },
        on: { click: () => this.#onOpen(this.#opened === number ? null : number) },
      },
      icon(finding.sure ? 'warning' : level === 'information' ? 'note' : 'doubt'),
      el('span', { class: 'title' }, name, finding.sure ? null : el('em', { text: t(level) })),
      el('span', { class: 'message', text: finding.message, dir: 'auto' })
    )
    const element = el('article', { class: `finding ${finding.sure ? 'sure' : level}` }, button, detail)
    return { element, button, detail }
  }

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

function table(title, values) {
  const told = Object.entries(values ?? {}).filter(([name]) => !COORDINATE.test(name))
  const rows = told.flatMap(([name, value]) => [
    el('dt', { text: name.replaceAll('_', ' ') }),
    el('dd', { text: shown(value) }),
  ])
  return rows.length ? [el('p', { class: 'faint', text: title }), el('dl', { 'aria-label': title }, ...rows)] : []
}

function list(title, lines) {
  const items = [...new Set(lines)].map((line) => el('li', { text: line, dir: 'auto' }))
  return el('details', { class: 'notes' }, el('summary', { text: `${title} (${items.length})` }), el('ul', {}, ...items))
}

function still(kind, picture, title, message) {
  return el(
    'article',
    { class: `finding static ${kind}` },
    icon(picture),
    el('span', { class: 'title', text: title }),
    el('span', { class: 'message', text: message, dir: 'auto' })
  )
}

function shown(value) {
  return typeof value === 'number' ? String(Number(value.toFixed(DETAIL))) : String(value)
}

/** {layers: [16, 16], ...} -> {layers: '16/16', ...} */
function shares(coverage) {
  return Object.fromEntries(Object.entries(coverage).map(([name, counts]) => [name, counts.join('/')]))
}
