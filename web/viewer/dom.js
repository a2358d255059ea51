/** Small helpers to build elements. Text from outside goes in as text, never as markup. */

/**
 * An element. props: `class`, `text`, `on` ({event: listener}), `data` ({name: value}), `style` ({name: value}),
 * anything else is an attribute (true: present, false, null and undefined: absent).
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue
    if (name === 'class') element.className = value
    else if (name === 'text') element.textContent = value
    else if (name === 'on') Object.entries(value).forEach(([event, heard]) => element.addEventListener(event, heard))
    else if (name === 'data') Object.assign(element.dataset, value)
    else if (name === 'style') Object.entries(value).forEach(([key, set]) => element.style.setProperty(key, set))
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== null && child !== undefined))
  return element
}

/** Icons, drawn with lines in the colour of the text: lists of path data in a box of 16 by 16. */
const ICONS = {
  expand: ['M2 6V2h4', 'M10 2h4v4', 'M14 10v4h-4', 'M6 14H2v-4'],
  save: ['M8 2v8', 'M4.5 7 8 10.5 11.5 7', 'M2.5 13.5h11'],
  warning: ['M8 2.2 14.6 13.6H1.4Z', 'M8 6.6v3', 'M8 11.6v.1'],
  doubt: ['M8 14.2a6.2 6.2 0 1 0 0-12.4 6.2 6.2 0 0 0 0 12.4Z', 'M6.2 6.4a1.8 1.8 0 1 1 2.6 1.8c-.5.3-.8.6-.8 1.2', 'M8 11.6v.1'],
  note: ['M8 14.2a6.2 6.2 0 1 0 0-12.4 6.2 6.2 0 0 0 0 12.4Z', 'M8 7.4v4', 'M8 4.9v.1'],
  good: ['M8 14.2a6.2 6.2 0 1 0 0-12.4 6.2 6.2 0 0 0 0 12.4Z', 'M5.2 8.2 7.2 10.2 10.8 6'],
  words: ['M2 4.5h5v3H2z', 'M9.5 4.5H14v3H9.5z', 'M2 10h3.5v3H2z', 'M8 10h6v3H8z'],
}

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

/** A row of buttons of which one is on. options: [[value, text, hint?], ...]. */
export function choice(label, options, onChoose) {
  const buttons = options.map(([value, text, hint]) =>
    el('button', {
      type: 'button',
      role: 'radio',
      text,
      title: hint,
      data: { value },
      on: { click: () => onChoose(value) },
    })
  )
  const row = el('div', { class: 'choice', role: 'radiogroup', 'aria-label': label }, ...buttons)
  row.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation()
    const shown = buttons.filter((button) => !button.hidden)
    const next = shown[(shown.indexOf(event.target) + step + shown.length) % shown.length]
    onChoose(next.dataset.value)
    next.focus()
  })
  const choose = (value) => {
    for (const button of buttons) {
      const on = button.dataset.value === String(value)
      button.setAttribute('aria-checked', on)
      button.tabIndex = on ? 0 : -1
    }
    if (!buttons.some((button) => button.tabIndex === 0) && buttons[0]) buttons[0].tabIndex = 0
  }
  return { element: row, buttons, choose }
}

/** A slider with a label and its value in words. */
export function slider(label, { min, max, step }, onInput, shown) {
  const value = el('output', { class: 'value' })
  const input = el('input', { type: 'range', min, max, step, 'aria-label': label })
  const set = (number) => {
    input.value = number
    const text = shown(Number(input.value))
    value.textContent = text
    input.setAttribute('aria-valuetext', text)
    input.style.setProperty('--part', `${((input.value - min) / (max - min || 1)) * 100}%`)
  }
  input.addEventListener('input', () => {
    set(input.value)
    onInput(Number(input.value))
  })
  input.addEventListener('keydown', (event) => event.stopPropagation())
  return { element: el('label', { class: 'slider' }, el('span', { text: label }), input, value), input, set }
}
