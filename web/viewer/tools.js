/** How maps are shown: as heat or as a mask, how opaque, from which threshold, of which part of the run. */

import { choice, el, icon, slider } from './dom.js'

/** @import { Look } from './look.js' */
/** @import { Actions, Translate } from './types.js' */

/** @param {number} value */
const percent = (value) => `${Math.round(value)}%`

export class Tools {
  #views
  #scales
  #opacity
  #threshold

  /**
   * @param {Translate} t
   * @param {Actions} actions
   * @param {HTMLElement} exportMenu
   */
  constructor(t, actions, exportMenu) {
    this.#views = choice(
      t('show'),
      [
        ['heat', t('heat')],
        ['mask', t('mask')],
        ['picture', t('plain')],
      ],
      (view) => actions.change({ view })
    )
    this.#scales = choice(
      t('strength'),
      [
        ['one', t('oneScale')],
        ['own', t('ownScale')],
      ],
      (scale) => actions.change({ scale }),
      { one: t('oneScaleHint'), own: t('ownScaleHint') }
    )
    this.#opacity = slider(
      t('opacity'),
      { min: 10, max: 100, step: 1 },
      (value) => actions.change({ opacity: value / 100 }),
      percent
    )
    this.#threshold = slider(
      t('threshold'),
      { min: 0, max: 95, step: 1 },
      (value) => actions.change({ threshold: value / 100 }),
      (value) => (value ? percent(value) : t('automatic'))
    )
    const full = el(
      'button',
      { type: 'button', class: 'tool', title: t('fullScreen'), 'aria-label': t('fullScreen'), on: { click: () => actions.toggleFullScreen() } },
      icon('expand')
    )
    this.element = el(
      'div',
      { class: 'tools' },
      this.#views.element,
      this.#scales.element,
      this.#opacity.element,
      this.#threshold.element,
      el('div', { class: 'end' }, exportMenu, full)
    )
  }

  /** @param {Look} look */
  show({ state }) {
    this.#views.choose(state.view)
    this.#scales.choose(state.scale)
    this.#scales.element.hidden = state.view !== 'heat'
    this.#opacity.set(state.opacity * 100)
    this.#threshold.set(state.threshold * 100)
  }
}

/** Chooses a part of the run, where the maps of its parts were recorded. */
export class StepSlider {
  #t
  #actions

  /**
   * @param {Translate} t
   * @param {Actions} actions
   */
  constructor(t, actions) {
    this.#t = t
    this.#actions = actions
    this.element = el('div', { class: 'steps', hidden: true })
  }

  /**
   * Another run is looked at.
   * @param {Look} look
   */
  fill({ manifest }) {
    const bins = Math.max(0, ...manifest.texts.map((text) => text.bins))
    this.element.hidden = bins < 2
    if (bins < 2) return
    const steps = slider(
      this.#t('steps'),
      { min: 0, max: bins, step: 1 },
      (value) => this.#actions.change({ step: value ? value - 1 : null }),
      (value) => (value ? this.#t('stepOf', { number: value, total: bins }) : this.#t('wholeRun'))
    )
    steps.set(0)
    this.element.replaceChildren(steps.element)
  }
}
