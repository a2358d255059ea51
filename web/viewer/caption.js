/** The line under the picture: what is painted, and what its colours and outlines mean. */

import { css, gradientOf } from './colours.js'
import { el } from './dom.js'
import { EXPECTED, FOUND } from './paint.js'
import { SPECIAL } from './state.js'

/** @import { Look } from './look.js' */
/** @import { Painter } from './paint.js' */
/** @import { RGB, Scene, ShownLayer, TextKey, Translate } from './types.js' */

export class Caption {
  #t
  #painter

  /**
   * @param {Translate} t
   * @param {Painter} painter
   */
  constructor(t, painter) {
    this.#t = t
    this.#painter = painter
    this.element = el('div', { class: 'caption' })
  }

  /**
   * @param {Look} look
   * @param {Scene} scene
   */
  show(look, scene) {
    const named = el('span', { class: 'named' })
    if (scene.layers.length === 1) named.append(...this.#aboutWord(look, scene.layers[0]))
    else if (scene.layers.length) named.append(...scene.layers.flatMap((layer) => swatchAndWord(look, layer)))
    else named.append(`${look.manifest.size[1]} \u00d7 ${look.manifest.size[0]}`)
    this.element.replaceChildren(named, ...this.#keys(look, scene))
  }

  /**
   * @param {Look} look
   * @param {ShownLayer} layer
   */
  #aboutWord(look, { word, prepared, loading, weak }) {
    const t = this.#t
    const { head } = look.state
    const about = [head === null ? look.conceptsOf(word) : look.describeHead(head)]
    about.push(t('peak', { value: shortNumber(prepared.range.high) }))
    if (word !== SPECIAL && head === null) about.push(weak ? t('weakMap') : '', look.headsUsed(word))
    return [
      el('b', { text: look.wordText(word), dir: 'auto' }),
      loading ? t('loading') : about.filter(Boolean).join(' \u00b7 '),
    ]
  }

  /**
   * @param {Look} look
   * @param {Scene} scene
   */
  #keys({ state, opened }, { layers, expected, found }) {
    const keys = opened ? this.#outlineKeys(found && layers.length === 1 && layers[0].outlined, expected.length > 0) : []
    if (!keys.length && layers.length === 1 && state.view === 'heat') return [this.#scaleBar(layers[0].scale)]
    return keys
  }

  /**
   * What the outlines mean while a finding is open.
   * @param {boolean} found
   * @param {boolean} expected
   */
  #outlineKeys(found, expected) {
    /** @type {[TextKey, RGB][]} */
    const keys = []
    if (found) keys.push(['found', FOUND])
    if (expected) keys.push(['expected', EXPECTED])
    return keys.map(([name, colour]) =>
      el('span', { class: 'key' }, el('i', { class: 'swatch line', style: { '--colour': css(colour) } }), this.#t(name))
    )
  }

  /** @param {{low: number, high: number}} range */
  #scaleBar({ low, high }) {
    return el(
      'span',
      { class: 'scale' },
      shortNumber(Math.max(0, low)),
      el('i', { style: { '--gradient': gradientOf(this.#painter.colours) } }),
      shortNumber(high)
    )
  }
}

/**
 * @param {Look} look
 * @param {ShownLayer} layer
 */
function swatchAndWord(look, { word, colour }) {
  const name = el('b', { text: look.wordText(word), dir: 'auto' })
  return colour ? [el('i', { class: 'swatch', style: { '--colour': css(colour) } }), name] : [name]
}

/** @param {number} value */
function shortNumber(value) {
  if (value >= 0.1) return value.toFixed(2)
  if (value >= 0.001) return value.toFixed(3)
  return value === 0 ? '0' : value.toExponential(1)
}
