/** Paints a picture with maps over it on a canvas. */

import { blank, contextOf, pixelsOf } from './canvas.js'
import { css, scaleOf } from './colours.js'
import { Lru } from './lru.js'
import { normalise, otsu, outline, rangeOf, thinned, upsample } from './maps.js'

/** @import { Canvas, Context } from './canvas.js' */
/** @import { Grid, PreparedMap, RGB, Scene, ShownLayer, WordMap } from './types.js' */

/** Longest side in cells to which maps are interpolated before they are coloured. */
const FINE_SIDE = 256
const OUTLINE_SIDE = 96
const KEPT_LAYERS = 160
const KEPT_GROUNDS = 4
const GREY_SHARE = 0.7
/** Rings of a spot: width and colour. @type {readonly [number, string][]} */
const SPOT_RINGS = [
  [4, 'rgb(0 0 0 / 0.6)'],
  [2, 'white'],
]
const DIMMED = 0.38
const OUTSIDE = 0.8
/** Outline of a region where a word was expected. @type {RGB} */
export const EXPECTED = [86, 180, 233]
/** Outline of a region where it was found. @type {RGB} */
export const FOUND = [230, 159, 0]

/**
 * A map ready to be painted.
 * @param {string} key that no other map has
 * @param {WordMap} map
 * @param {number} aspect width to height of the picture
 * @returns {PreparedMap}
 */
export function prepare(key, map, aspect) {
  const range = rangeOf(map)
  const enlarged = upsample(map, gridOf(FINE_SIDE, aspect))
  const { low, high } = rangeOf(enlarged)
  const fine = normalise(enlarged)
  return { key, map, range, fine, fineRange: { low, high }, automatic: otsu(fine) }
}

/**
 * The grid of that aspect whose longer side has so many cells.
 * @param {number} side
 * @param {number} aspect
 * @returns {Grid}
 */
function gridOf(side, aspect) {
  return aspect >= 1 ? [Math.max(8, Math.round(side / aspect)), side] : [side, Math.max(8, Math.round(side * aspect))]
}

export class Painter {
  #scaleName
  #scale
  /** @type {CanvasImageSource | null} */
  #picture = null
  /** @type {Lru<string, OffscreenCanvas>} */
  #grounds = new Lru(KEPT_GROUNDS)
  /** @type {Lru<string, OffscreenCanvas>} */
  #layers = new Lru(KEPT_LAYERS)
  /** @type {Lru<string, Float32Array>} */
  #outlines = new Lru(KEPT_LAYERS)

  constructor(scaleName = 'inferno') {
    this.#scaleName = scaleName
    this.#scale = scaleOf(scaleName)
  }

  /** @param {string} name */
  set scale(name) {
    if (name === this.#scaleName) return
    this.#scaleName = name
    this.#scale = scaleOf(name)
    this.#layers.clear()
  }

  get scale() {
    return this.#scaleName
  }

  get colours() {
    return this.#scale
  }

  /** An ImageBitmap or another picture that a canvas can draw. @param {CanvasImageSource | null} picture */
  set picture(picture) {
    this.#picture = picture
    this.#grounds.clear()
  }

  /**
   * @param {Canvas} canvas
   * @param {Scene} scene
   */
  paint(canvas, scene) {
    /** @type {Context} */
    const context = contextOf(canvas, { alpha: false })
    const { width, height } = canvas
    // Maps are fine already: straight lines between their cells do, and are drawn several times faster.
    context.imageSmoothingQuality = 'low'
    const shown = scene.layers.length > 0 && scene.view !== 'picture'
    const picture = this.#picture
    if (!picture) {
      context.clearRect(0, 0, width, height)
      return
    }
    if (!shown || scene.view === 'mask') context.drawImage(this.#plain(picture, width, height), 0, 0)
    else context.drawImage(this.#ground(picture, width, height), 0, 0)
    if (shown && scene.view === 'heat') this.#paintHeat(context, scene)
    if (shown && scene.view === 'mask') this.#paintMask(context, scene)
    if (shown) this.#paintOutlines(context, scene)
    for (const map of scene.expected) {
      this.#trace(context, outline(map, 0.5), EXPECTED)
    }
    if (scene.spot) this.#paintSpot(context, scene.spot)
  }

  /**
   * @param {Context} context
   * @param {Scene} scene
   */
  #paintHeat(context, scene) {
    const { width, height } = context.canvas
    context.globalAlpha = scene.opacity
    for (const layer of scene.layers) context.drawImage(this.#coloured(layer), 0, 0, width, height)
    context.globalAlpha = 1
  }

  /**
   * @param {Context} context
   * @param {Scene} scene
   */
  #paintMask(context, scene) {
    const { width, height } = context.canvas
    context.drawImage(this.#veil(scene), 0, 0, width, height)
  }

  /**
   * @param {Context} context
   * @param {Scene} scene
   */
  #paintOutlines(context, scene) {
    const several = scene.layers.length > 1
    if (!several && scene.view === 'heat' && !scene.found) return
    for (const { prepared, colour, outlined } of scene.layers) {
      if (!outlined && scene.view === 'heat') continue
      const threshold = scene.threshold || prepared.automatic
      this.#trace(context, this.#segmentsOf(prepared, threshold), colour ?? FOUND)
    }
  }

  /**
   * @param {Context} context
   * @param {{x: number, y: number}} spot
   */
  #paintSpot(context, { x, y }) {
    const { width, height } = context.canvas
    const radius = Math.max(5, Math.min(width, height) / 70)
    for (const [line, colour] of SPOT_RINGS) {
      context.beginPath()
      context.arc(x * width, y * height, radius, 0, 2 * Math.PI)
      context.lineWidth = line
      context.strokeStyle = colour
      context.stroke()
    }
  }

  /**
   * @param {Context} context
   * @param {Float32Array} segments see `outline`
   * @param {RGB} colour
   */
  #trace(context, segments, colour) {
    const { width, height } = context.canvas
    const unit = Math.max(1, Math.min(width, height) / 360)
    context.beginPath()
    for (let i = 0; i < segments.length; i += 4) {
      context.moveTo(segments[i] * width, segments[i + 1] * height)
      context.lineTo(segments[i + 2] * width, segments[i + 3] * height)
    }
    context.lineCap = 'round'
    context.lineWidth = 3.5 * unit
    context.strokeStyle = 'rgb(0 0 0 / 0.55)'
    context.stroke()
    context.lineWidth = 1.75 * unit
    context.strokeStyle = css(colour)
    context.stroke()
  }

  /**
   * The picture as wide and high as the canvas.
   * @param {CanvasImageSource} picture
   * @param {number} width
   * @param {number} height
   */
  #plain(picture, width, height) {
    return kept(this.#grounds, `plain ${width} ${height}`, () => {
      const { canvas, context } = blank(width, height)
      context.imageSmoothingQuality = 'high'
      context.drawImage(picture, 0, 0, width, height)
      return canvas
    })
  }

  /**
   * The same, paler and darker, so that colours over it are read easily.
   * @param {CanvasImageSource} picture
   * @param {number} width
   * @param {number} height
   */
  #ground(picture, width, height) {
    return kept(this.#grounds, `ground ${width} ${height}`, () => {
      const { canvas, context } = blank(width, height)
      context.drawImage(this.#plain(picture, width, height), 0, 0)
      context.globalCompositeOperation = 'saturation'
      context.fillStyle = css([128, 128, 128], GREY_SHARE)
      context.fillRect(0, 0, width, height)
      context.globalCompositeOperation = 'source-over'
      context.fillStyle = css([0, 0, 0], DIMMED)
      context.fillRect(0, 0, width, height)
      return canvas
    })
  }

  /**
   * The map in the colours of the scale, or in one colour; clear where it is low.
   * @param {ShownLayer} layer
   */
  #coloured({ prepared, colour, scale }) {
    return kept(this.#layers, `${prepared.key} ${colour ?? 'scale'} ${scale.low} ${scale.high}`, () => {
      const { low, high } = prepared.fineRange
      const spread = scale.high - scale.low || 1
      const [from, by] = [(low - scale.low) / spread, (high - low) / spread]
      return pixelsOf(prepared.fine, (pixels, at, heat) => this.#colour(pixels, at, within(from + by * heat), colour))
    })
  }

  /**
   * One pixel of a map: clear where it is low.
   * @param {Uint8ClampedArray} pixels
   * @param {number} at
   * @param {number} heat 0 to 1
   * @param {RGB | null} colour null for that of the scale
   */
  #colour(pixels, at, heat, colour) {
    if (colour) {
      pixels.set(colour, at)
      pixels[at + 3] = 255 * 0.86 * heat ** 1.3
      return
    }
    const from = 3 * Math.round(255 * heat)
    pixels[at] = this.#scale[from]
    pixels[at + 1] = this.#scale[from + 1]
    pixels[at + 2] = this.#scale[from + 2]
    pixels[at + 3] = 255 * (0.1 + 0.82 * heat ** 0.7)
  }

  /**
   * A small picture of one map, drawn at once from its own cells.
   * @param {Canvas} canvas
   * @param {WordMap} map
   * @param {{low: number, high: number}} scale
   */
  paintSmall(canvas, map, { low, high }) {
    const picture = this.#picture
    if (!picture) return
    const { width, height } = canvas
    const context = contextOf(canvas)
    const spread = high - low || 1
    const values = map.values.map((value) => (value - low) / spread)
    context.drawImage(this.#ground(picture, width, height), 0, 0)
    const cells = pixelsOf({ grid: map.grid, values }, (pixels, at, heat) => this.#colour(pixels, at, heat, null))
    context.drawImage(cells, 0, 0, width, height)
  }

  /** What lies outside the regions of all layers, darkened. @param {Scene} scene */
  #veil({ layers, threshold }) {
    const key = layers.map(({ prepared }) => prepared.key).join('|')
    return kept(this.#layers, `veil ${threshold} ${key}`, () => {
      const [first, ...rest] = layers.map(({ prepared }) => prepared)
      return pixelsOf(first.fine, (pixels, at, heat, i) => {
        let above = heat - (threshold || first.automatic)
        for (const other of rest) {
          above = Math.max(above, other.fine.values[i] - (threshold || other.automatic))
        }
        pixels[at + 3] = 255 * OUTSIDE * Math.min(1, Math.max(0, 0.5 - above * 25))
      })
    })
  }

  /**
   * The outline of where a map is above a threshold, coarse enough to be drawn quickly.
   * @param {PreparedMap} prepared
   * @param {number} threshold
   */
  #segmentsOf(prepared, threshold) {
    return kept(this.#outlines, `${threshold} ${prepared.key}`, () => {
      const [height, width] = prepared.fine.grid
      const coarse = thinned(prepared.fine, Math.max(1, Math.round(Math.max(height, width) / OUTLINE_SIDE)))
      return outline(coarse, threshold)
    })
  }
}

/** @param {number} share */
const within = (share) => Math.min(1, Math.max(0, share))

/**
 * What is kept under a key, made if it is not there.
 * @template {object} Value
 * @param {Lru<string, Value>} values
 * @param {string} key
 * @param {() => Value} make
 */
function kept(values, key, make) {
  return values.get(key) ?? values.set(key, make())
}
