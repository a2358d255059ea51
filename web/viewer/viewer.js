/**
 * The prompt viewer: a picture, its prompt word by word, what went wrong, and the heads behind it.
 *
 * Knows nothing of ComfyUI. `mount` it in an element, then `show(manifest, source)`. It puts its parts together, keeps
 * what was chosen, and has the parts drawn anew when that changes: each shows a `Look`, and asks for `Actions`.
 */

import { beginning, keptOf } from './beginning.js'
import { messageOf } from './complaint.js'
import { el, heard } from './dom.js'
import { Look } from './look.js'
import { MapStore } from './map_store.js'
import { Painter } from './paint.js'
import { buildParts } from './parts.js'
import { remember, remembered } from './remembered.js'
import { isMeant, withPin } from './state.js'
import { STYLE } from './style.js'
import { translator } from './text.js'

/** @import { Kept } from './beginning.js' */
/** @import { ViewState } from './state.js' */
/** @import { Actions, Compared, Effect, Manifest, Source, TextKey, Values } from './types.js' */

/**
 * @typedef {object} Options
 * @property {Record<string, unknown>} [texts] those of another language
 * @property {string} [scale] name of a colour scale
 * @property {number} [opacity] 0 to 1
 * @property {boolean} [compact] without tabs
 * @property {(ms: number) => void} [onPaint] told how long each paint took
 */

export class Viewer {
  #t
  #options
  #painter
  #shadow
  #parts
  /** @type {Look | null} */
  #look = null
  /** What was chosen when a run was looked at last. @type {Kept | null} */
  #kept = null
  /** What an empty viewer says; '' for its own words. */
  #message = ''
  #observer
  #frame = 0
  /** @type {(() => Promise<void>) | null} */
  #again = null
  #earlier = false
  /** Counts what was to be shown, and which pictures were asked for: only the last one counts. */
  #shownCount = 0
  #askedCount = 0

  /** @param {Options} [options] */
  constructor(options = {}) {
    this.#options = { scale: 'inferno', opacity: 1, compact: false, ...options }
    this.#t = translator(options.texts)
    this.#painter = new Painter(this.#options.scale)
    this.element = el('div', { style: { width: '100%', height: '100%' } })
    this.#shadow = this.element.attachShadow({ mode: 'open' })
    this.#observer = new ResizeObserver(() => this.#resize())
    this.#parts = this.#build()
    this.clear()
  }

  // ---------------------------------------------------------------------------------------- from outside

  /** @param {HTMLElement} container */
  mount(container) {
    container.append(this.element)
    return this
  }

  destroy() {
    this.#shownCount++
    this.#look = null
    this.#observer.disconnect()
    cancelAnimationFrame(this.#frame)
    this.element.remove()
  }

  /** @param {string} name */
  set scale(name) {
    this.#options.scale = name
    this.#painter.scale = name
    this.#update()
  }

  /** @param {number} opacity 0 to 1 */
  set opacity(opacity) {
    this.#options.opacity = opacity
    this.#change({ opacity })
  }

  /** Texts of another language, for what is shown from now on. @param {Record<string, unknown>} own */
  set texts(own) {
    this.#t = translator(own)
    this.#observer.disconnect()
    this.#parts = this.#build()
    if (this.#look) this.#display(this.#look.store)
    else this.#showMessage()
  }

  /** Whether what is shown is of an earlier run than the last, or of one that this page did not see. @param {boolean} earlier */
  set earlier(earlier) {
    this.#earlier = earlier
    this.#parts.earlier.hidden = !earlier
  }

  /**
   * An empty viewer with a message.
   * @param {string} [message]
   * @param {(() => Promise<void>) | null} [again] runs the workflow once more, if that is offered
   */
  clear(message = '', again = null) {
    this.#shownCount++
    this.#keep()
    this.#look = null
    this.#message = message
    this.#again = again
    this.#showMessage()
  }

  /** What was chosen counts for the next run as well. */
  #keep() {
    if (this.#look) this.#kept = keptOf(this.#look)
  }

  #showMessage() {
    const { comparison, complaint, message, again, empty, grid } = this.#parts
    complaint.hide()
    comparison.hide()
    message.textContent = this.#message || this.#t('empty')
    again.hidden = this.#again === null
    empty.hidden = false
    grid.inert = true
  }

  /**
   * Shows a run. Rejects, and shows what it did, if it cannot be shown.
   * @param {Manifest} manifest
   * @param {Source} source
   */
  async show(manifest, source) {
    const number = ++this.#shownCount
    if (!this.#look) this.#parts.message.textContent = this.#t('loading')
    const store = await MapStore.open(manifest, source)
    if (number === this.#shownCount) this.#display(store)
  }

  /** What was before something was tried, beside what is shown now. @param {Compared} compared */
  compare(compared) {
    const look = this.#look
    if (look) this.#parts.comparison.show(compared, look.manifest, look.store.source.picture(compared.picture))
  }

  /** What the picture that is shown would be without a word. @param {Effect} effect */
  explain(effect) {
    const look = this.#look
    if (look) this.#parts.comparison.explain(effect, look.manifest, look.store.source.picture(effect.picture))
  }

  /** @param {MapStore} store */
  #display(store) {
    const { strip, steps, menu, trouble, complaint, comparison, empty, grid } = this.#parts
    comparison.hide()
    this.#keep()
    const { opacity } = this.#options
    const state = beginning(store.manifest, { opacity, ...remembered() }, this.#kept)
    const look = new Look(store, state, this.#t)
    store.listener = {
      onArrival: () => this.#update(),
      onFailure: (error) => {
        if (this.#look === look) this.#complain('failed', {}, error)
        this.#update()
      },
    }
    this.#look = look
    this.#askedCount++
    this.#painter.picture = store.firstPicture
    complaint.hide()
    empty.hidden = true
    grid.inert = false
    for (const part of [strip, steps, menu, trouble]) part.fill(look)
    this.#fill(look)
    this.#resize()
  }

  // -------------------------------------------------------------------------------------------- building

  #build() {
    const { compact } = this.#options
    const parts = buildParts(this.#t, this.#painter, this.#actions(), compact)
    parts.root.addEventListener('keydown', (event) => this.#key(event))
    parts.again.addEventListener('click', () => this.#attempt('runFailed', {}, async () => this.#again?.()))
    parts.earlier.hidden = !this.#earlier
    this.#shadow.replaceChildren(el('style', { text: STYLE }), parts.root)
    this.#observer.observe(parts.stage.element)
    return parts
  }

  /** @returns {Actions} */
  #actions() {
    return {
      change: (changes) => this.#change(changes),
      togglePin: (word) => this.#togglePin(word),
      changePicture: (picture) => this.#attempt('pictureFailed', { number: picture + 1 }, () => this.#changePicture(picture)),
      clearChoice: () => this.#clearChoice(),
      toggleFullScreen: () => this.#attempt('fullScreenFailed', {}, () => this.#toggleFullScreen()),
      attempt: (failure, values, work) => this.#attempt(failure, values, work),
      complain: (message) => this.#parts.complaint.say(message),
      say: (text) => {
        this.#parts.live.textContent = text
      },
    }
  }

  // -------------------------------------------------------------------------------------------- changing

  /**
   * The one way to change what is chosen.
   * @param {Partial<ViewState>} changes
   */
  #change(changes) {
    const look = this.#look
    if (!look) return
    const { picture, text } = look.state
    if (isMeant(changes)) {
      this.#parts.complaint.hide()
      look.store.retry()
    }
    if (changes.scale) remember({ scale: changes.scale })
    Object.assign(look.state, changes)
    if (look.state.picture !== picture || look.state.text !== text) this.#fill(look)
    this.#update()
  }

  /** @param {number} picture */
  async #changePicture(picture) {
    const look = this.#look
    if (!look) return
    const number = ++this.#askedCount
    const bitmap = await look.store.bitmap(picture)
    if (look !== this.#look || number !== this.#askedCount) return
    this.#painter.picture = bitmap
    this.#change({ picture, finding: null, opened: null, spot: null })
  }

  /** @param {number} word */
  #togglePin(word) {
    if (this.#look) this.#change(withPin(this.#look.state, word))
  }

  #clearChoice() {
    this.#change({ pins: [], byFinding: false, hovered: null, finding: null, opened: null, spot: null, picked: null, head: null })
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { comparison, complaint, menu } = this.#parts
    if (event.key !== 'Escape' || !this.#look) return
    if (menu.open) menu.close()
    else if (complaint.shown) complaint.hide()
    else if (comparison.shown) comparison.hide()
    else this.#clearChoice()
    heard(event)
  }

  async #toggleFullScreen() {
    const { root } = this.#parts
    if (this.#shadow.fullscreenElement) await document.exitFullscreen()
    else if (root.requestFullscreen) await root.requestFullscreen()
    else throw new Error(this.#t('notOffered'))
  }

  // ------------------------------------------------------------------------------------------- complaints

  /**
   * Does what a click asks for; says so if it fails.
   * @param {TextKey} failure a text with {reason}
   * @param {Values} values
   * @param {() => Promise<void>} work
   */
  #attempt(failure, values, work) {
    this.#parts.complaint.hide()
    const trying = async () => work()
    trying().catch((error) => this.#complain(failure, values, error))
  }

  /**
   * @param {TextKey} failure
   * @param {Values} values
   * @param {unknown} error
   */
  #complain(failure, values, error) {
    this.#parts.complaint.say(this.#t(failure, { ...values, reason: messageOf(error) }))
  }

  // --------------------------------------------------------------------------------------------- showing

  /**
   * Another run, picture or text is looked at.
   * @param {Look} look
   */
  #fill(look) {
    this.#parts.prompt.fill(look)
    this.#parts.tabs?.fill(look)
  }

  #resize() {
    if (!this.#look || !this.#parts.stage.resize(this.#look.manifest.size)) return
    this.#parts.tabs?.resize()
    this.#update()
  }

  /** Draws at the next frame, however much changes until then. */
  #update() {
    if (!this.#look || this.#frame) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      if (this.#look) this.#tryToShow(this.#look)
    })
  }

  /** @param {Look} look */
  #tryToShow(look) {
    try {
      this.#show(look)
    } catch (error) {
      this.#complain('paintFailed', {}, error)
      throw error
    }
  }

  /** @param {Look} look */
  #show(look) {
    const started = performance.now()
    const { stage, caption, strip, tools, prompt, trouble, tabs } = this.#parts
    const scene = look.scene()
    const ranked = stage.show(look, scene)
    tools.show(look)
    strip.show(look)
    prompt.show(look, ranked)
    caption.show(look, scene)
    trouble.show(look)
    tabs?.show(look)
    this.#options.onPaint?.(performance.now() - started)
  }
}
