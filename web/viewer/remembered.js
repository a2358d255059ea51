/** What an artist chose for all runs to come; kept by the browser, if it keeps anything. */

const KEY = 'SelAgg.viewer'

/** @typedef {{scale?: 'one' | 'own'}} Remembered */

/** @returns {Remembered} */
export function remembered() {
  try {
    const { scale } = JSON.parse(window.localStorage.getItem(KEY) ?? '{}')
    return scale === 'own' || scale === 'one' ? { scale } : {}
  } catch {
    return {}
  }
}

/** @param {Remembered} chosen */
export function remember(chosen) {
  try {
    window.localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...chosen }))
  } catch {
    // A browser that keeps nothing: it counts for this run.
  }
}
