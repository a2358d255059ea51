/** Text in PNG files, as ComfyUI embeds workflows: one tEXt chunk a key, behind the header. */

const HEADER_END = 33

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1
  return n
})

/** @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = 0xffffffff
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8)
  return (sum ^ 0xffffffff) >>> 0
}

/**
 * ASCII JSON: what is not ASCII is escaped, for the chunk holds Latin-1 only.
 * @param {unknown} value
 */
function asciiJson(value) {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
}

/**
 * @param {string} key
 * @param {unknown} value
 */
function chunk(key, value) {
  const body = new TextEncoder().encode(`tEXt${key}\0${asciiJson(value)}`)
  const bytes = new Uint8Array(body.length + 8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, body.length - 4)
  bytes.set(body, 4)
  view.setUint32(body.length + 4, checksum(body))
  return bytes
}

/**
 * A PNG with values embedded as JSON, each under its key; keys are ASCII.
 * @param {Blob} png
 * @param {Record<string, unknown>} texts
 */
export function withTexts(png, texts) {
  const chunks = Object.entries(texts)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => chunk(key, value))
  return new Blob([png.slice(0, HEADER_END), ...chunks, png.slice(HEADER_END)], { type: 'image/png' })
}

/**
 * A file name of letters, digits, - and _ only, whatever the words are.
 * @param {string[]} words
 * @param {string} ending
 */
export function safeName(words, ending) {
  const name = words
    .join('_')
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_-]+/g, '')
    .slice(0, 60)
  return `selagg${name ? `_${name}` : ''}.${ending}`
}
