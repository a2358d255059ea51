/** Finds words by a part of them, by * for any letters, or by a pattern between slashes. */

/**
 * Whether a word is one of those that are looked for; null if what was written is no pattern that can be read.
 * @param {string} written '' for all words
 * @returns {((word: string) => boolean) | null}
 */
export function matcher(written) {
  const text = written.trim()
  if (!text) return () => true
  const [, own] = /^\/(.+)\/$/u.exec(text) ?? []
  if (own !== undefined) return fromPattern(own)
  const parts = text.split(/[\s,]+/u).map((part) => part.toLocaleLowerCase())
  const tests = parts.map((part) => (part.includes('*') ? wild(part) : (/** @type {string} */ word) => word.includes(part)))
  return (word) => tests.some((fits) => fits(word.toLocaleLowerCase()))
}

/** @param {string} source */
function fromPattern(source) {
  try {
    const pattern = new RegExp(source, 'iu')
    return (/** @type {string} */ word) => pattern.test(word)
  } catch {
    return null
  }
}

/** The whole word, with * for any letters. @param {string} part */
function wild(part) {
  const letters = part.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${letters.join('.*')}$`, 'u')
  return (/** @type {string} */ word) => pattern.test(word)
}
