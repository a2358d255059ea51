/** The parts of a viewer, and how they are laid out. */

import { Caption } from './caption.js'
import { Comparison } from './comparison.js'
import { Complaint } from './complaint.js'
import { el, icon } from './dom.js'
import { ExportMenu } from './export.js'
import { PromptCard } from './prompt.js'
import { Stage } from './stage.js'
import { Strip } from './strip.js'
import { TabBar } from './tabs.js'
import { StepSlider, Tools } from './tools.js'
import { Trouble } from './trouble.js'

/** @import { Painter } from './paint.js' */
/** @import { Actions, Translate } from './types.js' */

/**
 * @param {Translate} t
 * @param {Painter} painter
 * @param {Actions} actions
 * @param {boolean} compact without tabs
 */
export function buildParts(t, painter, actions, compact) {
  const menu = new ExportMenu(t, painter, actions)
  const stage = new Stage(t, painter, actions)
  const caption = new Caption(t, painter)
  const steps = new StepSlider(t, actions)
  const strip = new Strip(t, actions)
  const tools = new Tools(t, actions, menu.element)
  const prompt = new PromptCard(t, actions)
  const tabs = compact ? null : new TabBar(t, actions, painter)
  const trouble = new Trouble(t, actions, compact)
  const complaint = new Complaint(t)
  const comparison = new Comparison(t, actions)
  const message = el('p')
  const again = el('button', { type: 'button', class: 'again', text: t('runAgain'), hidden: true })
  const empty = el('div', { class: 'empty', role: 'note' }, icon('words'), message, again)
  const earlier = el('p', { class: 'earlier', role: 'note', text: t('earlier'), hidden: true })
  const live = el('div', { class: 'aside', role: 'status', 'aria-live': 'polite' })
  const left = [stage, caption, steps, strip, tools].map((part) => part.element)
  const grid = el(
    'div',
    { class: 'grid' },
    el('div', { class: 'stage' }, earlier, ...left, comparison.element),
    el('div', { class: 'side' }, trouble.element, prompt.element, tabs?.element)
  )
  const all = [grid, empty, complaint.element, live]
  const root = el('div', { class: 'root', role: 'group', 'aria-label': t('viewer') }, ...all)
  return { root, grid, empty, message, again, earlier, live, complaint, comparison, stage, caption, steps, strip, tools, menu, prompt, trouble, tabs }
}
