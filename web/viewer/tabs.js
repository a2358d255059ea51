/** The tabs beside the picture. A new one is a file with a class as `TabKind` has it, and its place in TABS. */

import { arrowStep, el, heard } from './dom.js'
import { FindingsTab } from './findings.js'
import { GalleryTab } from './gallery.js'
import { HeadsTab } from './heads.js'
import { UnderstoodTab } from './understood.js'

/** @import { Look } from './look.js' */
/** @import { Painter } from './paint.js' */
/** @import { Actions, Tab, TabKind, Translate } from './types.js' */

/** @type {readonly TabKind[]} */
const TABS = [FindingsTab, UnderstoodTab, GalleryTab, HeadsTab]

/** Room that a tab leaves at its sides. */
const MARGIN = 6

/** @typedef {{name: string, button: HTMLButtonElement, count: HTMLElement, tab: Tab}} Entry */

export class TabBar {
  #actions
  #painter
  #panel
  /** @type {Entry[]} */
  #entries

  /**
   * @param {Translate} t
   * @param {Actions} actions
   * @param {Painter} painter
   */
  constructor(t, actions, painter) {
    this.#actions = actions
    this.#painter = painter
    this.#entries = TABS.map((Kind) => this.#entry(Kind, t))
    this.#panel = el('div', { class: 'panel' }, ...this.#entries.map(({ tab }) => tab.element))
    const row = el('div', { class: 'tabs', role: 'tablist' }, ...this.#entries.map(({ button }) => button))
    this.element = el('div', { class: 'below' }, row, this.#panel)
  }

  /**
   * @param {TabKind} Kind
   * @param {Translate} t
   * @returns {Entry}
   */
  #entry(Kind, t) {
    const { key: name } = Kind
    const count = el('span', { class: 'count', hidden: true })
    const button = el(
      'button',
      {
        type: 'button',
        role: 'tab',
        'aria-controls': name,
        data: { tab: name },
        on: { click: () => this.#actions.change({ tab: name }), keydown: (event) => this.#key(event, name) },
      },
      el('span', { text: t(name) }),
      count
    )
    const tab = new Kind(t, this.#actions, () => button.focus(), this.#painter)
    tab.element.id = name
    tab.element.setAttribute('role', 'tabpanel')
    tab.element.hidden = true
    return { name, button, count, tab }
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} name
   */
  #key(event, name) {
    const step = arrowStep(event, 'across')
    if (!step) return
    heard(event)
    const at = this.#entries.findIndex((entry) => entry.name === name)
    const next = this.#entries[(at + step + this.#entries.length) % this.#entries.length]
    this.#actions.change({ tab: next.name })
    next.button.focus()
  }

  /**
   * Another run, picture or text is looked at.
   * @param {Look} look
   */
  fill(look) {
    for (const { tab, count } of this.#entries) {
      tab.fill(look)
      const badge = tab.badge?.(look) ?? { count: 0, bad: false }
      count.textContent = String(badge.count)
      count.hidden = !badge.count
      count.classList.toggle('bad', badge.bad)
    }
  }

  /** @param {Look} look */
  show(look) {
    for (const { name, button, tab } of this.#entries) {
      const on = name === look.state.tab
      button.setAttribute('aria-selected', String(on))
      button.tabIndex = on ? 0 : -1
      const opens = on && tab.element.hidden
      tab.element.hidden = !on
      if (opens) this.resize()
      if (on) tab.show(look)
    }
  }

  /** Fits the open tab into the room that there is. */
  resize() {
    const open = this.#entries.find(({ tab }) => !tab.element.hidden)
    open?.tab.resize?.(this.#panel.clientWidth - MARGIN, this.#panel.clientHeight)
  }
}
