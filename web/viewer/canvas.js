/** Canvases out of sight, and maps drawn on them cell by cell. */

/** @import { WordMap } from './types.js' */
/** @typedef {HTMLCanvasElement | OffscreenCanvas} Canvas */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */

/**
 * @param {number} width
 * @param {number} height
 */
export function blank(width, height) {
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height))
  return { canvas, context: contextOf(canvas) }
}

/**
 * What draws on a canvas. Throws where the browser has none to give, as when its memory is used up.
 * @template {Context} Drawing
 * @param {{getContext(kind: '2d', options?: object): Drawing | null}} canvas
 * @param {object} [options]
 */
export function contextOf(canvas, options) {
  const context = canvas.getContext('2d', options)
  if (!context) throw new Error('The browser cannot draw on a canvas.')
  return context
}

/**
 * A map as pixels, one a cell.
 * @param {WordMap} map
 * @param {(pixels: Uint8ClampedArray, at: number, heat: number, cell: number) => void} colour sets the four bytes
 */
export function pixelsOf({ grid, values }, colour) {
  const [height, width] = grid
  const { canvas, context } = blank(width, height)
  const image = new ImageData(width, height)
  for (let i = 0; i < values.length; i++) {
    colour(image.data, 4 * i, Math.min(1, Math.max(0, values[i])), i)
  }
  context.putImageData(image, 0, 0)
  return canvas
}
