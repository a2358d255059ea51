/** What was understood of a prompt, by words and by things; and the lines of the artist's claims that mend it. */

/** @import { Claim, Manifest, Spoken, Understood } from './types.js' */

/** @type {Understood} */
const NOTHING = Object.freeze({ claims: [], silent: [], names: [] })

/** @param {Manifest} manifest */
export function understoodOf(manifest) {
  return manifest.understood ?? NOTHING
}

/**
 * What a word is in the sentence. kin: the words that it is said of, or that are said of it.
 * @typedef {{role: 'thing' | 'said' | 'silent', checked: boolean, claims: string[], kin: Set<number>}} Role
 */

/**
 * @param {Role} role of a word
 * @param {Claim} claim that speaks of it
 */
function said(role, claim) {
  role.checked ||= claim.checked
  role.claims.push(claim.text)
  for (const part of [claim.subject, claim.words, claim.other]) part?.words.forEach((kin) => role.kin.add(kin))
}

/**
 * The roles of the words of a text, by number; a word that nothing was read from has none.
 * @param {Manifest} manifest
 * @param {number} text
 * @returns {Map<number, Role>}
 */
export function rolesOf(manifest, text) {
  const { claims, silent } = understoodOf(manifest)
  /** @type {Map<number, Role>} */
  const roles = new Map()
  const add = (/** @type {Spoken | null} */ spoken, /** @type {Role['role']} */ role, /** @type {Claim | null} */ claim) => {
    if (!spoken || spoken.text !== text) return
    for (const word of spoken.words) {
      const known = roles.get(word) ?? { role, checked: false, claims: [], kin: new Set() }
      roles.set(word, known)
      if (role === 'thing') known.role = role
      if (claim) said(known, claim)
    }
  }
  for (const claim of claims) {
    add(claim.subject, 'thing', claim)
    add(claim.other, 'thing', claim)
    if (claim.kind !== 'entity') add(claim.words, 'said', claim)
  }
  for (const words of silent) add(words, 'silent', null)
  return roles
}

/** Words as one key. @param {Spoken} spoken */
const keyOf = ({ text, words }) => `${text}/${words}`

/**
 * A thing, and all that is said of it.
 * @typedef {{thing: Spoken, claim: Claim | null, said: Claim[]}} Thing
 */

/**
 * The things of all texts that were read, in the order of the claims.
 * @param {Manifest} manifest
 * @returns {Thing[]}
 */
export function thingsOf(manifest) {
  /** @type {Map<string, Thing>} */
  const things = new Map()
  for (const claim of understoodOf(manifest).claims) {
    const key = keyOf(claim.subject)
    const thing = things.get(key) ?? { thing: claim.subject, claim: null, said: [] }
    things.set(key, thing)
    if (claim.kind === 'entity') thing.claim = claim
    else thing.said.push(claim)
  }
  return [...things.values()]
}

/**
 * What an edit calls a word: the thing or the phrase that it is part of, else itself; null if none can.
 * @param {Manifest} manifest
 * @param {number} text
 * @param {number} word
 * @returns {string | null}
 */
export function nameOf(manifest, text, word) {
  const { claims, names } = understoodOf(manifest)
  const own = (/** @type {Spoken | null} */ spoken) => spoken?.text === text && spoken.words.includes(word)
  for (const part of /** @type {const} */ (['words', 'subject', 'other'])) {
    const claim = claims.find((each) => own(each[part]))
    if (claim) return claim[part]?.name ?? null
  }
  return names[text]?.[word] ?? null
}

// ------------------------------------------------------------------------------------------------- lines

export const ignoring = (/** @type {string} */ name) => `ignore: ${name}`
export const aThing = (/** @type {string} */ name) => `thing: ${name}`
export const belonging = (/** @type {string} */ name, /** @type {string} */ thing) => `${name} > ${thing}`

/** The lines of a field of claims. @param {string} field */
export function linesOf(field) {
  return field
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter(Boolean)
}

/**
 * The field with one line more. What it takes back goes: a thing is not ignored, and a word belongs to one thing.
 * @param {string} field
 * @param {string} line
 */
export function withLine(field, line) {
  const [, value] = /^(.+?) > /.exec(line) ?? []
  const [, kind, name] = /^(ignore|thing): (.+)$/.exec(line) ?? []
  const undone = kind === 'ignore' ? aThing(name) : kind === 'thing' ? ignoring(name) : value ? ignoring(value) : ''
  const kept = linesOf(field).filter((own) => own !== line && own !== undone && !(value && own.startsWith(`${value} > `)))
  return [...kept, line].join('\n')
}

/**
 * The field without a line.
 * @param {string} field
 * @param {string} line
 */
export function withoutLine(field, line) {
  return linesOf(field)
    .filter((own) => own !== line)
    .join('\n')
}
