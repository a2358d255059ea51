/** Paints a picture with maps over it on a canvas. */

import { css, scaleOf } from './colours.js'
import { normalise, otsu, outline, rangeOf, upsample } from './maps.js'

/** Longest side in cells to which maps are interpolated before they are coloured. */
const FINE_SIDE = 256
const OUTLINE_SIDE = 96
const KEPT_LAYERS = 160
const GREY_SHARE = 0.7
const DIMMED = 0.38
const OUTSIDE = 0.8
/** Outlines of regions. */
export const EXPECTED = [86, 180, 233]
export const FOUND = [230, 159, 0]

/** A map ready to be painted: its range, itself at `fine` normalised, and its automatic threshold. */
export function prepare(key, map, aspect) {
  const range = rangeOf(map)
  const fine = normalise(upsample(map, gridOf(FINE_SIDE, aspect)))
  return { key, map, range, fine, automatic: otsu(fine) }
}

function gridOf(side, aspect) {
  return aspect >= 1 ? [Math.max(8, Math.round(side / aspect)), side] : [side, Math.max(8, Math.round(side * aspect))]
}

function blank(width, height) {
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height))
  return canvas
}

/**
 * scene: {
 *   view: 'heat' | 'mask' | 'picture', opacity: 0..1, threshold: 0..1 or 0 for each map's own,
 *   layers: [{prepared, colour: RGB or null for the colour scale}], expected: [map of 0 and 1], spot: {x, y} or null,
 *   found: whether the found region is outlined
 * }
 */
export class Painter {
  #scale
  #scaleName
  #picture = null
  #grounds = new Map()
  #layers = new Map()

  constructor(scaleName = 'inferno') {
    this.scale = scaleName
  }

  set scale(name) {
    if (name === this.#scaleName) return
    this.#scaleName = name
    this.#scale = scaleOf(name)
    this.#layers.clear()
  }

  get colours() {
    return this.#scale
  }

  /** An ImageBitmap or another picture that a canvas can draw. */
  set picture(picture) {
    this.#picture = picture
    this.#grounds.clear()
  }

  paint(canvas, scene) {
    const context = canvas.getContext('2d', { alpha: false })
    const { width, height } = canvas
    // Maps are fine already: straight lines between their cells do, and are drawn several times faster.
    context.imageSmoothingQuality = 'low'
    const shown = scene.layers.length > 0 && scene.view !== 'picture'
    if (!this.#picture) {
      context.clearRect(0, 0, width, height)
      return
    }
    if (!shown || scene.view === 'mask') context.drawImage(this.#plain(width, height), 0, 0)
    else context.drawImage(this.#ground(width, height), 0, 0)
    if (shown && scene.view === 'heat') this.#paintHeat(context, scene)
    if (shown && scene.view === 'mask') this.#paintMask(context, scene)
    if (shown) this.#paintOutlines(context, scene)
    for (const map of scene.expected ?? []) {
      this.#trace(context, outline(map, 0.5), EXPECTED)
    }
    if (scene.spot) this.#paintSpot(context, scene.spot)
  }

  #paintHeat(context, scene) {
    const { width, height } = context.canvas
    context.globalAlpha = scene.opacity
    for (const layer of scene.layers) context.drawImage(this.#coloured(layer), 0, 0, width, height)
    context.globalAlpha = 1
  }

  #paintMask(context, scene) {
    const { width, height } = context.canvas
    context.drawImage(this.#veil(scene), 0, 0, width, height)
  }

  #paintOutlines(context, scene) {
    const several = scene.layers.length > 1
    if (!several && scene.view === 'heat' && !scene.found) return
    for (const { prepared, colour } of scene.layers) {
      const threshold = scene.threshold || prepared.automatic
      this.#trace(context, this.#segmentsOf(prepared, threshold), colour ?? FOUND)
    }
  }

  #paintSpot(context, { x, y }) {
    const { width, height } = context.canvas
    const radius = Math.max(5, Math.min(width, height) / 70)
    for (const [line, colour] of [
      [4, 'rgb(0 0 0 / 0.6)'],
      [2, 'white'],
    ]) {
      context.beginPath()
      context.arc(x * width, y * height, radius, 0, 2 * Math.PI)
      context.lineWidth = line
      context.strokeStyle = colour
      context.stroke()
    }
  }

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

  /** The picture as wide and high as the canvas. */
  #plain(width, height) {
    return this.#kept(`plain ${width} ${height}`, () => {
      const plain = blank(width, height)
      const context = plain.getContext('2d')
      context.imageSmoothingQuality = 'high'
      context.drawImage(this.#picture, 0, 0, width, height)
      return plain
    })
  }

  /** The same, paler and darker, so that colours over it are read easily. */
  #ground(width, height) {
    return this.#kept(`ground ${width} ${height}`, () => {
      const ground = blank(width, height)
      const context = ground.getContext('2d')
      context.drawImage(this.#plain(width, height), 0, 0)
      context.globalCompositeOperation = 'saturation'
      context.fillStyle = css([128, 128, 128], GREY_SHARE)
      context.fillRect(0, 0, width, height)
      context.globalCompositeOperation = 'source-over'
      context.fillStyle = css([0, 0, 0], DIMMED)
      context.fillRect(0, 0, width, height)
      return ground
    })
  }

  #kept(key, make) {
    if (!this.#grounds.has(key)) {
      if (this.#grounds.size > 3) this.#grounds.clear()
      this.#grounds.set(key, make())
    }
    return this.#grounds.get(key)
  }

  #layer(key, make) {
    const found = this.#layers.get(key)
    if (found) {
      this.#layers.delete(key)
      this.#layers.set(key, found)
      return found
    }
    const made = make()
    this.#layers.set(key, made)
    if (this.#layers.size > KEPT_LAYERS) this.#layers.delete(this.#layers.keys().next().value)
    return made
  }

  /** The map in the colours of the scale, or in one colour; clear where it is low. */
  #coloured({ prepared, colour }) {
    return this.#layer(`${prepared.key} ${colour ?? 'scale'}`, () => {
      const scale = this.#scale
      return pixelsOf(prepared.fine, (pixels, at, heat) => {
        if (colour) {
          pixels.set(colour, at)
          pixels[at + 3] = 255 * 0.86 * heat ** 1.3
        } else {
          const from = 3 * Math.round(255 * heat)
          pixels[at] = scale[from]
          pixels[at + 1] = scale[from + 1]
          pixels[at + 2] = scale[from + 2]
          pixels[at + 3] = 255 * (0.1 + 0.82 * heat ** 0.7)
        }
      })
    })
  }

  /** What lies outside the regions of all layers, darkened. */
  #veil({ layers, threshold }) {
    const key = layers.map(({ prepared }) => prepared.key).join('|')
    return this.#layer(`veil ${threshold} ${key}`, () => {
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

  #segmentsOf(prepared, threshold) {
    return this.#layer(`outline ${threshold} ${prepared.key}`, () => {
      const [height, width] = prepared.fine.grid
      const coarse = thinned(prepared.fine, Math.max(1, Math.round(Math.max(height, width) / OUTLINE_SIDE)))
      return outline(coarse, threshold)
    })
  }
}

/** Every n-th cell of a map, as means of n by n. */
function thinned({ grid, values }, n) {
  const [height, width] = grid
  const [rows, columns] = [Math.floor(height / n), Math.floor(width / n)]
  const means = new Float32Array(rows * columns)
  for (let y = 0; y < rows * n; y++) {
    for (let x = 0; x < columns * n; x++) {
      means[Math.floor(y / n) * columns + Math.floor(x / n)] += values[y * width + x] / (n * n)
    }
  }
  return { grid: [rows, columns], values: means }
}

function pixelsOf({ grid, values }, colour) {
  const [height, width] = grid
  const canvas = blank(width, height)
  const image = new ImageData(width, height)
  for (let i = 0; i < values.length; i++) {
    colour(image.data, 4 * i, Math.min(1, Math.max(0, values[i])), i)
  }
  canvas.getContext('2d').putImageData(image, 0, 0)
  return canvas
}
