/** Heads are numbered through all layers, as in the layout. */

/** @import { Layer } from './types.js' */

/** @param {readonly Layer[]} layers */
export function totalHeads(layers) {
  return layers.reduce((sum, layer) => sum + layer[3], 0)
}

/**
 * The number of each layer's first head.
 * @param {readonly Layer[]} layers
 */
export function startsOf(layers) {
  return layers.map((_, place) => totalHeads(layers.slice(0, place)))
}

/**
 * The place of the layer that a head is in.
 * @param {readonly number[]} starts
 * @param {number} head
 */
export function layerOf(starts, head) {
  let place = starts.length - 1
  while (place > 0 && starts[place] > head) place--
  return place
}

/**
 * The layer and the number in it of a head, as people are told them.
 * @param {readonly Layer[]} layers
 * @param {number} head
 */
export function headName(layers, head) {
  const starts = startsOf(layers)
  const place = layerOf(starts, head)
  const [block, number, depth] = layers[place]
  return { layer: `${block} ${number}.${depth}`, head: head - starts[place] }
}
