/** Maps in the browser: interpolate, combine heads, threshold, rank words at a spot. */

/** @import { Grid, WordMap } from './types.js' */

// -------------------------------------------------------------------------------------- interpolation

/**
 * Bicubic taps (a = -0.75, as PyTorch has them) by which `wanted` cells are made of `cells`: for each of them four
 * times a cell and its weight.
 * @param {number} cells
 * @param {number} wanted
 */
function cubicTaps(cells, wanted) {
  const taps = []
  const scale = cells / wanted
  for (let i = 0; i < wanted; i++) {
    const centre = (i + 0.5) * scale - 0.5
    const base = Math.floor(centre)
    for (let k = -1; k <= 2; k++) {
      const distance = Math.abs(centre - base - k)
      const a = -0.75
      const weight =
        distance <= 1
          ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
          : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
      taps.push(Math.min(cells - 1, Math.max(0, base + k)), weight)
    }
  }
  return taps
}

/**
 * A map on a finer grid, bicubic.
 * @param {WordMap} map
 * @param {Grid} grid
 * @returns {WordMap}
 */
export function upsample(map, grid) {
  const [height, width] = map.grid
  const [rows, columns] = grid
  if (height === rows && width === columns) return map
  const across = cubicTaps(width, columns)
  const down = cubicTaps(height, rows)
  const wide = new Float32Array(height * columns)
  for (let y = 0; y < height; y++) {
    const from = y * width
    for (let x = 0; x < columns; x++) {
      const t = 8 * x
      wide[y * columns + x] =
        map.values[from + across[t]] * across[t + 1] +
        map.values[from + across[t + 2]] * across[t + 3] +
        map.values[from + across[t + 4]] * across[t + 5] +
        map.values[from + across[t + 6]] * across[t + 7]
    }
  }
  const values = new Float32Array(rows * columns)
  for (let y = 0; y < rows; y++) {
    const t = 8 * y
    const [r0, r1, r2, r3] = [down[t], down[t + 2], down[t + 4], down[t + 6]].map((r) => r * columns)
    const [w0, w1, w2, w3] = [down[t + 1], down[t + 3], down[t + 5], down[t + 7]]
    for (let x = 0; x < columns; x++) {
      values[y * columns + x] = wide[r0 + x] * w0 + wide[r1 + x] * w1 + wide[r2 + x] * w2 + wide[r3 + x] * w3
    }
  }
  return { grid: [rows, columns], values }
}

/**
 * Every n-th cell of a map, as means of n by n.
 * @param {WordMap} map
 * @param {number} n
 * @returns {WordMap}
 */
export function thinned({ grid, values }, n) {
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

/**
 * The plain mean over heads (DAAM): each head's map on the finest grid without negative overshoot.
 *
 * Heads that were not recorded are left out; null if none is left.
 * @param {Map<number, WordMap>} heads by number
 * @param {number[]} chosen numbers
 * @returns {WordMap | null}
 */
export function meanOfHeads(heads, chosen) {
  const grid = [...heads.values()].map((map) => map.grid).reduce((a, b) => (b[0] * b[1] > a[0] * a[1] ? b : a))
  const sum = new Float32Array(grid[0] * grid[1])
  let count = 0
  for (const number of chosen) {
    const map = heads.get(number)
    if (!map) continue
    const { values } = upsample(map, grid)
    for (let i = 0; i < sum.length; i++) sum[i] += values[i] > 0 ? values[i] : 0
    count++
  }
  if (!count) return null
  for (let i = 0; i < sum.length; i++) sum[i] /= count
  return { grid, values: sum }
}

// --------------------------------------------------------------------------------------------- measures

/** Lowest, highest and mean value. @param {WordMap} map */
export function rangeOf(map) {
  let low = Infinity
  let high = -Infinity
  let sum = 0
  for (const value of map.values) {
    if (value < low) low = value
    if (value > high) high = value
    sum += value
  }
  return { low, high, mean: sum / map.values.length }
}

/**
 * The map between 0 and 1 by its own range; a flat map becomes zeros.
 * @param {WordMap} map
 * @returns {WordMap}
 */
export function normalise(map) {
  const { low, high } = rangeOf(map)
  const spread = high - low
  const values = new Float32Array(map.values.length)
  if (spread > 1e-6 * Math.max(Math.abs(low), Math.abs(high))) {
    for (let i = 0; i < values.length; i++) values[i] = (map.values[i] - low) / spread
  }
  return { grid: map.grid, values }
}

/** Otsu's threshold of a normalised map; 1 for a flat one: nothing is above it. @param {WordMap} map */
export function otsu(map) {
  const counts = new Float64Array(256)
  for (const value of map.values) counts[Math.min(255, Math.max(0, Math.round(value * 255)))]++
  const total = map.values.length
  let mean = 0
  for (let i = 0; i < 256; i++) mean += (i * counts[i]) / total
  let [below, sum, best, threshold] = [0, 0, 0, 1]
  for (let i = 0; i < 255; i++) {
    below += counts[i] / total
    sum += (i * counts[i]) / total
    if (below <= 0 || below >= 1) continue
    const between = (mean * below - sum) ** 2 / (below * (1 - below))
    if (between > best) {
      best = between
      threshold = i / 255
    }
  }
  return threshold
}

/**
 * The value at a spot in shares of width and height, between cells linear.
 * @param {WordMap} map
 * @param {number} x
 * @param {number} y
 */
export function valueAt(map, x, y) {
  const [height, width] = map.grid
  const across = Math.min(width - 1, Math.max(0, x * width - 0.5))
  const down = Math.min(height - 1, Math.max(0, y * height - 0.5))
  const [left, top] = [Math.floor(across), Math.floor(down)]
  const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)]
  const [fx, fy] = [across - left, down - top]
  const at = (/** @type {number} */ row, /** @type {number} */ column) => map.values[row * width + column]
  return (
    (at(top, left) * (1 - fx) + at(top, right) * fx) * (1 - fy) +
    (at(bottom, left) * (1 - fx) + at(bottom, right) * fx) * fy
  )
}

/**
 * Words at a spot, the strongest first: [{word, lift}].
 *
 * lift: attention to the word here over its mean in the picture, so words of different strength compare.
 * @param {WordMap[]} maps
 * @param {number[]} means
 * @param {number} x
 * @param {number} y
 */
export function rankAt(maps, means, x, y) {
  return maps
    .map((map, word) => ({ word, lift: means[word] > 0 ? valueAt(map, x, y) / means[word] : 0 }))
    .sort((one, other) => other.lift - one.lift)
}

/**
 * The outline of where a map is above a threshold, as line segments in shares of width and height
 * (marching squares; the border of the picture closes it): Float32Array of x0, y0, x1, y1.
 * @param {WordMap} map
 * @param {number} threshold
 */
export function outline(map, threshold) {
  const [height, width] = map.grid
  const outside = threshold - 1
  const at = (/** @type {number} */ y, /** @type {number} */ x) =>
    y < 0 || x < 0 || y >= height || x >= width ? outside : map.values[y * width + x]
  const place = (/** @type {number} */ y, /** @type {number} */ x) => [
    Math.min(1, Math.max(0, (x + 0.5) / width)),
    Math.min(1, Math.max(0, (y + 0.5) / height)),
  ]
  /** @type {number[]} */
  const segments = []
  /** @type {(y0: number, x0: number, y1: number, x1: number) => [number, number]} */
  const crossing = (y0, x0, y1, x1) => {
    const [a, b] = [at(y0, x0), at(y1, x1)]
    const t = Math.min(1, Math.max(0, (threshold - a) / (b - a)))
    const [px, py] = place(y0, x0)
    const [qx, qy] = place(y1, x1)
    return [px + (qx - px) * t, py + (qy - py) * t]
  }
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const inside = [
        at(y, x) > threshold,
        at(y, x + 1) > threshold,
        at(y + 1, x + 1) > threshold,
        at(y + 1, x) > threshold,
      ]
      if (inside.every(Boolean) || !inside.some(Boolean)) continue
      const edges = []
      if (inside[0] !== inside[1]) edges.push(crossing(y, x, y, x + 1))
      if (inside[1] !== inside[2]) edges.push(crossing(y, x + 1, y + 1, x + 1))
      if (inside[2] !== inside[3]) edges.push(crossing(y + 1, x, y + 1, x + 1))
      if (inside[3] !== inside[0]) edges.push(crossing(y, x, y + 1, x))
      for (let i = 0; i + 1 < edges.length; i += 2) segments.push(...edges[i], ...edges[i + 1])
    }
  }
  return Float32Array.from(segments)
}
