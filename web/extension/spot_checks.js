/** Puts spot checks into SelAgg Calibrate: only where the node has one to show. */

import { api } from '../../../scripts/api.js'
import { messageOf } from '../viewer/complaint.js'
import { SpotCheck } from '../viewer/spot_check.js'
import { keepEventsInside } from './events_inside.js'
import { resultFirst } from './result_first.js'
import { asked } from './sources.js'

/** @import { HostNode } from '../../scripts/app.js' */
/** @import { SpotSource } from '../viewer/types.js' */
/** @import { Language } from './sources.js' */

/** Says what went wrong where no artist needs to know of it. @param {unknown} error */
const note = (error) => console.warn('SelAgg:', error)

export const SPOT_NODE = 'SelAggCalibrate'
const WIDGET = 'selagg_spot_check'
const HEIGHT = 460
/** What the classic canvas leaves around a DOM widget, above and below. */
const MARGINS = 20
/** @type {[number, number]} */
const SIZE = [460, 660]

export class SpotChecks {
  #language
  #workflow
  #memory
  /** @type {Map<HostNode, {widget: SpotCheck, shown: string}>} */
  #widgets = new Map()

  /**
   * @param {Language} language
   * @param {() => string} workflow the id of the one that is open
   * @param {{of(workflow: string, node: string | number): string | null}} memory
   */
  constructor(language, workflow, memory) {
    this.#language = language
    this.#workflow = workflow
    this.#memory = memory
  }

  /** @param {HostNode} node */
  watch(node) {
    const { onExecuted, onRemoved } = node
    node.onExecuted = (...told) => {
      onExecuted?.apply(node, told)
      const own = /** @type {{selagg?: {id: string | null, workflow: string}[]} | null} */ (told[0])?.selagg?.[0]
      if (own?.id && own.workflow === this.#workflow()) this.#show(node, own.id).catch(note)
    }
    node.onRemoved = (...told) => {
      onRemoved?.apply(node, told)
      this.#widgets.get(node)?.widget.element.remove()
      this.#widgets.delete(node)
    }
  }

  /** After a reload of the page: the last spot check that this tab was given for the node. @param {HostNode} node */
  restore(node) {
    const id = this.#widgets.has(node) ? null : this.#memory.of(this.#workflow(), node.id)
    if (id) this.#show(node, id).catch(note)
  }

  /** @param {HostNode} node @param {string} id */
  async #show(node, id) {
    await this.#language.ready
    const own = this.#widgets.get(node) ?? { widget: this.#added(node), shown: '' }
    this.#widgets.set(node, own)
    if (own.shown === id) return
    own.shown = id
    try {
      await own.widget.show(this.#source(id))
    } catch (error) {
      own.widget.clear(messageOf(error))
    }
  }

  /** @param {HostNode} node */
  #added(node) {
    const widget = new SpotCheck(this.#language.texts)
    const dom = node.addDOMWidget(WIDGET, WIDGET, widget.element, {
      serialize: false,
      hideOnZoom: false,
      getMinHeight: () => HEIGHT,
      getValue: () => '',
      setValue: () => {},
    })
    dom.serialize = false
    resultFirst(node, dom)
    widget.element.style.minHeight = `${HEIGHT - MARGINS}px`
    keepEventsInside(widget.element)
    node.setSize([Math.max(node.size[0], SIZE[0]), Math.max(node.size[1], SIZE[1])])
    return widget
  }

  /** @param {string} id @returns {SpotSource} */
  #source(id) {
    const place = `/selagg/spot_checks/${encodeURIComponent(id)}`
    return {
      state: () => asked(place, this.#language),
      picture: (number) => api.apiURL(`${place}/pictures/${number}`),
      answer: (claim, answer) =>
        asked(`${place}/answers`, this.#language, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ claim, answer }),
        }),
    }
  }
}
