/** Small helpers to build elements. Text from outside goes in as text, never as markup. */

/** @typedef {string | number | boolean | null | undefined} Attribute true: present; false, null, undefined: absent */
/** @typedef {{[Kind in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Kind]) => void}} Listeners */

/**
 * @typedef {object} Special
 * @property {string} [class]
 * @property {string} [text]
 * @property {Listeners} [on]
 * @property {Record<string, string | number>} [data]
 * @property {Record<string, string>} [style]
 */

/** @typedef {Special & {[name: string]: Attribute | Listeners | Special['data']}} Props the others are attributes */

/**
 * An element.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {(Node | string | null | undefined)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  const { class: className, text, on = {}, data = {}, style = {}, ...attributes } = props
  if (className !== undefined) element.className = className
  if (text !== undefined) element.textContent = text
  for (const [event, listener] of Object.entries(on)) {
    element.addEventListener(event, /** @type {EventListener} */ (listener))
  }
  for (const [name, value] of Object.entries(data)) element.dataset[name] = String(value)
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value)
  setAttributes(element, attributes)
  element.append(...children.filter((child) => child !== null && child !== undefined))
  return element
}

/**
 * @param {HTMLElement} element
 * @param {Record<string, unknown>} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    element.setAttribute(name, value === true ? '' : String(value))
  }
}

/** Icons, drawn with lines in the colour of the text: lists of path data in a box of 16 by 16. */
const ICONS = {
  close: ['M4 4l8 8', 'M12 4l-8 8'],
  expand: ['M2 6V2h4', 'M10 2h4v4', 'M14 10v4h-4', 'M6 14H2v-4'],
  save: ['M8 2v8', 'M4.5 7 8 10.5 11.5 7', 'M2.5 13.5h11'],
  warning: ['M8 2.2 14.6 13.6H1.4Z', 'M8 6.6v3', 'M8 11.6v.1'],
  doubt: ['M8 14.2a6.2 6.2 0 1 0 0-12.4 6.2 6.2 0 0 0 0 12.4Z', 'M6.2 6.4a1.8 1.8 0 1 1 2.6 1.8c-.5.3-.8.6-.8 1.2', 'M8 11.6v.1'],
  note: ['M8 14.2a6.2 6.2 0 1 0 0-12.4 6.2 6.2 0 0 0 0 12.4Z', 'M8 7.4v4', 'M8 4.9v.1'],
  good: ['M8 14.2a6.2 6.2 0 1 0 0-12.4 6.2 6.2 0 0 0 0 12.4Z', 'M5.2 8.2 7.2 10.2 10.8 6'],
  words: ['M2 4.5h5v3H2z', 'M9.5 4.5H14v3H9.5z', 'M2 10h3.5v3H2z', 'M8 10h6v3H8z'],
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg'
  const drawing = document.createElementNS(space, 'svg')
  for (const [key, value] of Object.entries({ viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' })) {
    drawing.setAttribute(key, value)
  }
  for (const line of ICONS[name]) {
    const path = document.createElementNS(space, 'path')
    path.setAttribute('d', line)
    drawing.append(path)
  }
  return drawing
}

/** The event is dealt with: neither the page nor the host is to take it for its own. @param {Event} event */
export function heard(event) {
  event.preventDefault()
  event.stopPropagation()
}

const ACROSS = new Map([
  ['ArrowLeft', -1],
  ['ArrowRight', 1],
])
const BOTH = new Map([...ACROSS, ['ArrowUp', -1], ['ArrowDown', 1]])

/**
 * Where an arrow key leads in a row: -1 back, 1 on, 0 for other keys.
 * @param {KeyboardEvent} event
 * @param {'across' | 'both'} keys whether up and down lead back and on, too
 */
export function arrowStep({ key }, keys) {
  return (keys === 'both' ? BOTH : ACROSS).get(key) ?? 0
}

/**
 * A row of buttons of which one is on. options: [[value, text], ...].
 * @template {string} Value
 * @param {string} label
 * @param {(readonly [Value, string])[]} options
 * @param {(value: Value) => void} onChoose
 * @param {Partial<Record<Value, string>>} [hints] by value
 */
export function choice(label, options, onChoose, hints = {}) {
  const buttons = options.map(([value, text]) =>
    el('button', { type: 'button', role: 'radio', text, title: hints[value], data: { value }, on: { click: () => onChoose(value) } })
  )
  const row = el('div', { class: 'choice', role: 'radiogroup', 'aria-label': label }, ...buttons)
  row.addEventListener('keydown', (event) => {
    const step = arrowStep(event, 'both')
    const at = buttons.findIndex((button) => button === event.target)
    if (!step || at < 0) return
    heard(event)
    const next = (at + step + buttons.length) % buttons.length
    onChoose(options[next][0])
    buttons[next].focus()
  })
  const choose = (/** @type {string} */ value) => {
    const chosen = options.findIndex(([own]) => own === value)
    buttons.forEach((button, i) => {
      button.setAttribute('aria-checked', String(i === chosen))
      button.tabIndex = i === Math.max(0, chosen) ? 0 : -1
    })
  }
  return { element: row, choose }
}

/**
 * A slider with a label and its value in words.
 * @param {string} label
 * @param {{min: number, max: number, step: number}} range
 * @param {(value: number) => void} onInput
 * @param {(value: number) => string} shown
 */
export function slider(label, { min, max, step }, onInput, shown) {
  const value = el('output', { class: 'value' })
  const input = el('input', { type: 'range', min, max, step, 'aria-label': label })
  const set = (/** @type {number} */ number) => {
    input.value = String(number)
    const text = shown(input.valueAsNumber)
    value.textContent = text
    input.setAttribute('aria-valuetext', text)
    input.style.setProperty('--part', `${((input.valueAsNumber - min) / (max - min || 1)) * 100}%`)
  }
  input.addEventListener('input', () => {
    set(input.valueAsNumber)
    onInput(input.valueAsNumber)
  })
  input.addEventListener('keydown', (event) => event.stopPropagation())
  return { element: el('label', { class: 'slider' }, el('span', { text: label }), input, value), input, set }
}
