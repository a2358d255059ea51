/** What Python packed for the browser: maps, numbers and bits, as base64. */

/** @import { PackedMaps, WordMap } from './types.js' */

const LEVELS = 255

/** Bytes of base64. @param {string} text */
export function bytesOf(text) {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/**
 * What `selagg_core.report.packed_maps.PackedMaps.to_dict` gave, as a list of maps. Rejects data of another size.
 * @param {PackedMaps} packed
 * @returns {Promise<WordMap[]>}
 */
export async function unpackMaps(packed) {
  const [height, width] = packed.grid
  const cells = height * width
  const steps = await inflate(bytesOf(packed.data))
  if (steps.length !== packed.count * cells) {
    throw new RangeError(`Packed maps hold ${steps.length} cells, not ${packed.count * cells}.`)
  }
  /** @type {WordMap[]} */
  const maps = []
  for (let n = 0; n < packed.count; n++) {
    const values = new Float32Array(cells)
    const low = packed.low[n]
    const scale = (packed.high[n] - low) / LEVELS
    let at = n * cells
    let to = 0
    for (let y = 0; y < height; y++) {
      let level = 0
      for (let x = 0; x < width; x++) {
        level = (level + steps[at++]) & LEVELS
        values[to++] = low + level * scale
      }
    }
    maps.push({ grid: [height, width], values })
  }
  return maps
}

/** 16-bit unsigned little-endian numbers of base64. @param {string} text */
export function numbersOf(text) {
  const bytes = bytesOf(text)
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes[2 * i] | (bytes[2 * i + 1] << 8))
}

/**
 * The numbers below `total` whose bits are set, the lowest bit of a byte first, of base64.
 * @param {string} text
 * @param {number} total
 */
export function bitsOf(text, total) {
  const bytes = bytesOf(text)
  return Array.from({ length: total }, (_, i) => i).filter((i) => (bytes[i >> 3] >> (i & 7)) & 1)
}
