/**
 * Which views the nodes of a workflow were given, by this page. Ids of views are secrets: they are kept for this tab of
 * the browser only, never in a workflow, which artists share.
 */

const KEY = 'SelAgg.views'
const KEPT = 64

export class ViewMemory {
  #storage

  /** @param {Storage | null} storage null where the browser keeps nothing */
  constructor(storage) {
    this.#storage = storage
    /** @type {Map<string, string>} */
    this.kept = read(storage)
  }

  /**
   * @param {string} workflow
   * @param {string | number} node
   * @param {string | null} id null: the node has run and has no view
   */
  remember(workflow, node, id) {
    const place = `${workflow}/${node}`
    this.kept.delete(place)
    if (id) this.kept.set(place, id)
    const last = [...this.kept].slice(-KEPT)
    this.kept = new Map(last)
    try {
      this.#storage?.setItem(KEY, JSON.stringify(last))
    } catch {
      this.#storage = null
    }
  }

  /**
   * @param {string} workflow
   * @param {string | number} node
   */
  of(workflow, node) {
    return this.kept.get(`${workflow}/${node}`) ?? null
  }
}

/**
 * @param {Storage | null} storage
 * @returns {Map<string, string>}
 */
function read(storage) {
  try {
    const kept = JSON.parse(storage?.getItem(KEY) ?? '[]')
    /** @type {[string, string][]} */
    const pairs = Array.isArray(kept) ? kept.filter((pair) => Array.isArray(pair) && typeof pair[1] === 'string') : []
    return new Map(pairs)
  } catch {
    return new Map()
  }
}

/** The storage of this tab; null where the browser forbids it. */
export function tabStorage() {
  try {
    return window.sessionStorage
  } catch {
    return null
  }
}
