/** The export menu: what is seen, the maps, and the report, as files. */

import { blank } from './canvas.js'
import { cardOf } from './card.js'
import { messageOf } from './complaint.js'
import { el, icon } from './dom.js'
import { fetched, save } from './files.js'
import { safeName, withTexts } from './png.js'

/** @import { Look } from './look.js' */
/** @import { Painter } from './paint.js' */
/** @import { Actions, TextKey, Translate } from './types.js' */

/** Least pixels of the shorter side of a saved picture. */
const SMALLEST_EXPORT = 768
const MAPS_FILE = 'selagg_maps.safetensors'
const REPORT_FILE = 'selagg_report.json'

export class ExportMenu {
  #t
  #painter
  #actions
  #summary
  #report
  /** @type {Look | null} */
  #look = null

  /**
   * @param {Translate} t
   * @param {Painter} painter
   * @param {Actions} actions
   */
  constructor(t, painter, actions) {
    this.#t = t
    this.#painter = painter
    this.#actions = actions
    this.#report = this.#entry('exportReport', async ({ store }) => save(await fetched(store.source.report), REPORT_FILE))
    this.#summary = el('summary', { class: 'tool', title: t('export'), 'aria-label': t('export') }, icon('save'))
    this.element = el(
      'details',
      { class: 'menu' },
      this.#summary,
      el(
        'div',
        {},
        this.#entry('exportPicture', (look) => this.#savePicture(look)),
        this.#entry('exportCard', (look) => this.#saveCard(look)),
        this.#entry('exportMaps', async ({ store }) => save(await fetched(store.source.maps), MAPS_FILE)),
        this.#report
      )
    )
  }

  get open() {
    return this.element.open
  }

  close() {
    this.element.open = false
  }

  /**
   * Another run is looked at.
   * @param {Look} look
   */
  fill(look) {
    this.#look = look
    this.#report.hidden = !look.manifest.report.length
  }

  /**
   * @param {TextKey} key
   * @param {(look: Look) => Promise<void>} run
   */
  #entry(key, run) {
    const name = this.#t(key)
    const chosen = () => {
      this.close()
      // What is hidden cannot keep the focus, and keys would be lost.
      this.#summary.focus()
      const look = this.#look
      if (look) this.#actions.attempt('saveFailed', { name }, () => run(look))
    }
    return el('button', { type: 'button', text: name, data: { export: key }, on: { click: chosen } })
  }

  /**
   * What is seen, with the workflow in it; without, should the workflow not be had.
   * @param {Look} look
   */
  async #savePicture(look) {
    const [height, width] = look.manifest.size
    const larger = Math.max(1, SMALLEST_EXPORT / Math.min(height, width))
    const canvas = new OffscreenCanvas(Math.round(width * larger), Math.round(height * larger))
    this.#painter.paint(canvas, { ...look.scene(), spot: null })
    await this.#savePng(look, canvas, look.painted.map((word) => look.wordText(word)))
  }

  /**
   * A card to share, on light or on dark as the viewer is.
   * @param {Look} look
   */
  async #saveCard(look) {
    await this.#savePng(look, cardOf(look, this.#painter, this.#t, isDark(this.element)), ['card'])
  }

  /**
   * @param {Look} look
   * @param {OffscreenCanvas} canvas
   * @param {string[]} words for the name of the file
   */
  async #savePng(look, canvas, words) {
    const [png, graph] = await Promise.all([canvas.convertToBlob({ type: 'image/png' }), this.#graphOf(look)])
    save(withTexts(png, graph), safeName(words, 'png'))
  }

  /** @param {Look} look */
  async #graphOf({ store }) {
    try {
      return (await store.source.workflow()) ?? {}
    } catch (error) {
      this.#actions.complain(this.#t('savedWithoutWorkflow', { reason: messageOf(error) }))
      return {}
    }
  }
}

/** Whether the text of an element is light, so that what is under it is dark. @param {HTMLElement} element */
function isDark(element) {
  const { context } = blank(1, 1)
  context.fillStyle = getComputedStyle(element).color
  context.fillRect(0, 0, 1, 1)
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data
  return red + green + blue > 3 * 128
}
