/** The field that finds words of a long prompt: the others fade, and are left out of the maps of all words. */

import { el, heard } from './dom.js'
import { matcher } from './filter.js'

/** @import { Look } from './look.js' */
/** @import { Actions, Translate } from './types.js' */

/** Words of a text from which on it is worth while. */
const LEAST_WORDS = 12

export class WordFilter {
  #t
  #field
  #told = el('span', { class: 'told', role: 'status' })

  /**
   * @param {Translate} t
   * @param {Actions} actions
   * @param {() => void} leave leads to the first word that was found
   */
  constructor(t, actions, leave) {
    this.#t = t
    this.#field = el('input', {
      type: 'search',
      'aria-label': t('findWords'),
      placeholder: t('findWords'),
      title: t('findWordsHint'),
      spellcheck: 'false',
      on: {
        input: () => actions.change({ filter: this.#field.value }),
        keydown: (event) => {
          // The host has keys of its own for letters; Escape first empties the field.
          if (event.key !== 'Escape' || this.#field.value) event.stopPropagation()
          if (event.key === 'Escape') actions.change({ filter: '' })
          if (event.key !== 'Enter') return
          // Else the word that is led to would hear the key as well.
          heard(event)
          // What was written last is shown with the next frame.
          requestAnimationFrame(leave)
        },
      },
    })
    this.element = el('span', { class: 'find', hidden: true }, this.#told, this.#field)
  }

  /** @param {Look} look */
  show(look) {
    const { filter } = look.state
    const total = look.words.length
    this.element.hidden = total < LEAST_WORDS && !filter
    if (this.#field.value !== filter) this.#field.value = filter
    const bad = matcher(filter) === null
    this.#field.setAttribute('aria-invalid', String(bad))
    const count = filter && !bad ? look.words.filter((_, word) => look.wanted(word)).length : total
    const text = !filter ? '' : bad ? this.#t('notAPattern') : this.#t('wordsFound', { count, total })
    if (this.#told.textContent !== text) this.#told.textContent = text
  }
}
