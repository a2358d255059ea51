/**
 * A map of bounded size: what was used longest ago is forgotten first.
 * @template Key, Value
 */
export class Lru {
  #limit
  /** @type {Map<Key, Value>} */
  #kept = new Map()

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit
  }

  /** @param {Key} key */
  get(key) {
    const value = this.#kept.get(key)
    if (value !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, value)
    }
    return value
  }

  /**
   * @param {Key} key
   * @param {Value} value
   */
  set(key, value) {
    this.#kept.set(key, value)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limit) break
      this.#kept.delete(oldest)
    }
    return value
  }

  /** @param {(value: Value) => boolean} unwanted */
  forget(unwanted) {
    for (const [key, value] of this.#kept) {
      if (unwanted(value)) this.#kept.delete(key)
    }
  }

  clear() {
    this.#kept.clear()
  }
}
