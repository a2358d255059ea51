/** Asks the artist which of several samplers is meant. */

/**
 * @param {Element} place where the question is put in the page; it is shown above everything
 * @param {string} title
 * @param {string} hint
 * @param {string} cancel
 * @param {{name: string, note: string}[]} options
 * @returns {Promise<number | null>} the number of the option; null if none was chosen
 */
export function choose(place, title, hint, cancel, options) {
  const dialog = document.createElement('dialog')
  dialog.dataset.selagg = 'choose'
  dialog.setAttribute('aria-label', title)
  dialog.style.cssText = DIALOG
  const heading = part('h2', title, 'margin:0 0 4px;font-size:16px;font-weight:600')
  const list = part('div', '', 'display:grid;gap:6px;margin:12px 0')
  const { promise, answer } = answered(dialog)
  for (const [number, { name, note }] of options.entries()) {
    const button = part('button', name, BUTTON)
    if (note) button.append(part('small', note, 'display:block;opacity:.75'))
    button.addEventListener('click', () => answer(number))
    list.append(button)
  }
  const last = part('button', cancel, BUTTON)
  last.addEventListener('click', () => answer(null))
  dialog.append(heading, part('p', hint, 'margin:0;opacity:.8'), list, last)
  place.append(dialog)
  dialog.showModal()
  return promise
}

const DIALOG =
  'padding:18px;min-width:300px;max-width:90vw;max-height:80vh;overflow:auto;border-radius:8px;margin:auto;' +
  'border:1px solid var(--border-color,#555);background:var(--comfy-menu-bg,#222);color:var(--fg-color,#eee);font:14px sans-serif'
const BUTTON =
  'text-align:left;padding:8px 12px;border-radius:6px;cursor:pointer;border:1px solid var(--border-color,#555);' +
  'background:var(--comfy-input-bg,#333);color:var(--input-text,#eee);font:inherit'

/** @param {HTMLDialogElement} dialog */
function answered(dialog) {
  /** @type {(number: number | null) => void} */
  let answer = () => {}
  /** @type {Promise<number | null>} */
  const promise = new Promise((done) => {
    answer = (number) => {
      dialog.remove()
      done(number)
    }
  })
  dialog.addEventListener('cancel', () => answer(null))
  dialog.addEventListener('close', () => answer(null))
  for (const event of ['keydown', 'pointerdown']) dialog.addEventListener(event, (heard) => heard.stopPropagation())
  return { promise, answer }
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} text
 * @param {string} style
 */
function part(tag, text, style) {
  const element = document.createElement(tag)
  element.textContent = text
  element.style.cssText = style
  return element
}
