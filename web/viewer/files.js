/** What is fetched from the server, and what is saved on the artist's machine. */

import { el } from './dom.js'

/** Time for the browser to begin a download. */
const KEPT_MS = 30000

/**
 * The content of an address. Rejects with what the server answered if it is no content.
 * @param {string} address
 */
export async function fetched(address) {
  const answer = await fetch(address)
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
  return answer.blob()
}

/**
 * Saves content under a name, as the browser saves files.
 * @param {Blob} content
 * @param {string} name
 */
export function save(content, name) {
  const address = URL.createObjectURL(content)
  el('a', { href: address, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS)
}
