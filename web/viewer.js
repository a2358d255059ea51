/**
 * The prompt viewer: a picture, its prompt word by word, what went wrong, and the heads behind it.
 *
 * Knows nothing of ComfyUI. `mount` it in an element, then `show(manifest, source)`:
 * manifest: what `selagg_core.report.manifest.manifest` gives.
 * source: {picture(n): address, heads(text, picture, word), steps(text, picture, step), workflow(), maps: address,
 * report: address}; the other functions give promises, which may be rejected with an Error to show.
 */

import { WORD_COLOURS, css, gradientOf, scaleOf } from './viewer_colours.js'
import { choice, el, icon, slider } from './viewer_dom.js'
import { FindingList } from './viewer_findings.js'
import { HeadGrid } from './viewer_heads.js'
import { bitsOf, bytesOf, meanOfHeads, numbersOf, rangeOf, rankAt, unpackMaps } from './viewer_maps.js'
import { EXPECTED, FOUND, Painter, prepare } from './viewer_paint.js'
import { safeName, withTexts } from './viewer_png.js'
import { PromptCard, SPECIAL } from './viewer_prompt.js'
import { STYLE } from './viewer_style.js'
import { translator } from './viewer_text.js'

const KEPT_HEADS = 6
const RANKED = 5
const SPOT_STEP = 1 / 24
const LARGEST_SIDE = 2048
const SMALLEST_EXPORT = 768
const CONTROLS = 'button, a, input, summary'

const noWord = (word) => word === null || word === undefined

export class Viewer {
  #t
  #options
  #parts = {}
  #painter
  #data = null
  #state
  #heads = new Map()
  #prepared = new Map()
  #observer
  #frame = 0
  #shownCount = 0

  /** options: {texts, scale, opacity, compact, onPaint}; texts: those of another language. */
  constructor(options = {}) {
    this.#options = { scale: 'inferno', opacity: 1, compact: false, ...options }
    this.#t = translator(options.texts)
    this.#painter = new Painter(this.#options.scale)
    this.element = el('div', { style: { width: '100%', height: '100%' } })
    this.#build(this.element.attachShadow({ mode: 'open' }))
    this.#observer = new ResizeObserver(() => this.#resize())
    this.#observer.observe(this.#parts.view)
    this.clear()
  }

  mount(container) {
    container.append(this.element)
    return this
  }

  destroy() {
    this.#observer.disconnect()
    cancelAnimationFrame(this.#frame)
    this.#heads.clear()
    this.#prepared.clear()
    this.element.remove()
  }

  set scale(name) {
    this.#painter.scale = name
    this.#options.scale = name
    this.#update()
  }

  set opacity(value) {
    this.#options.opacity = value
    this.#state.opacity = value
    this.#parts.opacity.set(value * 100)
    this.#update()
  }

  /** Texts of another language, for what is shown from now on. */
  set texts(own) {
    this.#t = translator(own)
    const { shadowRoot } = this.element
    const shown = this.#data
    const message = this.#parts.message.textContent
    this.#observer.disconnect()
    shadowRoot.replaceChildren()
    this.#build(shadowRoot)
    this.#observer.observe(this.#parts.view)
    if (shown) this.#display(shown)
    else this.clear(message)
  }

  /** An empty viewer with a message. */
  clear(message) {
    this.#shownCount++
    this.#data = null
    this.#state = this.#initialState()
    this.#parts.message.textContent = message || this.#t('empty')
    this.#parts.empty.hidden = false
    this.#parts.grid.inert = true
  }

  async show(manifest, source) {
    const number = ++this.#shownCount
    if (!this.#data) this.#parts.message.textContent = this.#t('loading')
    const [maps, expected, picture] = await Promise.all([
      Promise.all(manifest.maps.map((of) => Promise.all(of.map(unpackAll)))),
      Promise.all(manifest.expected.map(unpackAll)),
      bitmapOf(source.picture(0)),
    ])
    if (number !== this.#shownCount) return
    this.#display({ manifest, source, maps, expected, bitmaps: new Map([[0, picture]]) })
  }

  #display(data) {
    const { manifest } = data
    this.#data = data
    this.#state = this.#initialState(manifest)
    this.#heads.clear()
    this.#prepared.clear()
    this.#parts.empty.hidden = true
    this.#parts.grid.inert = false
    this.#parts.strip.replaceChildren(...this.#thumbnails())
    this.#parts.strip.hidden = manifest.pictures < 2
    this.#painter.picture = data.bitmaps.get(0)
    this.#buildHeadGrid()
    this.#showTexts()
    this.#showPicture()
    this.#resize()
  }

  #initialState(manifest) {
    return {
      picture: 0,
      text: 0,
      hovered: null,
      pins: [],
      finding: null,
      spot: null,
      special: false,
      view: 'heat',
      opacity: this.#options.opacity,
      threshold: 0,
      tab: 'findings',
      mode: manifest?.mode ?? 'selective',
      fraction: manifest?.fraction ?? 0.25,
      picked: null,
      head: null,
      step: null,
    }
  }

  // ------------------------------------------------------------------------------------------- building

  #build(root) {
    const t = this.#t
    const parts = this.#parts
    root.append(el('style', { text: STYLE }))
    parts.live = el('div', { class: 'aside', role: 'status', 'aria-live': 'polite' })
    parts.message = el('p')
    parts.empty = el('div', { class: 'empty', role: 'note' }, icon('words'), parts.message)
    parts.grid = el('div', { class: 'grid' }, this.#buildStage(), this.#buildSide())
    parts.root = el(
      'div',
      { class: 'root', role: 'group', 'aria-label': t('viewer'), on: { keydown: (event) => this.#key(event) } },
      parts.grid,
      parts.empty,
      parts.live
    )
    root.append(parts.root)
  }

  #buildStage() {
    const parts = this.#parts
    const t = this.#t
    parts.canvas = el('canvas', { tabindex: 0, role: 'application', 'aria-label': t('canvas') })
    parts.spot = el('div', { class: 'spot', hidden: true })
    parts.frame = el('div', { class: 'frame' }, parts.canvas, parts.spot)
    parts.view = el('div', { class: 'view' }, parts.frame)
    parts.caption = el('div', { class: 'caption' })
    parts.strip = el('div', { class: 'strip', role: 'radiogroup', 'aria-label': t('pictures') })
    this.#listenToCanvas()
    return el('div', { class: 'stage' }, parts.view, parts.caption, parts.strip, this.#buildTools())
  }

  #listenToCanvas() {
    const { canvas } = this.#parts
    canvas.addEventListener('pointermove', (event) => this.#change({ spot: this.#spotOf(event) }))
    canvas.addEventListener('pointerleave', () => this.#change({ spot: null }))
    canvas.addEventListener('blur', () => this.#change({ spot: null }))
    canvas.addEventListener('click', () => this.#pinStrongest())
    canvas.addEventListener('keydown', (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
      if (move) this.#moveSpot(...move)
      else if (event.key === 'Enter' || event.key === ' ') this.#pinStrongest()
      else return
      event.preventDefault()
      event.stopPropagation()
    })
  }

  #buildTools() {
    const t = this.#t
    const parts = this.#parts
    const views = [
      ['heat', t('heat')],
      ['mask', t('mask')],
      ['picture', t('plain')],
    ]
    parts.views = choice(t('show'), views, (view) => this.#change({ view }))
    const percent = (value) => `${Math.round(value)}%`
    parts.opacity = slider(t('opacity'), { min: 10, max: 100, step: 1 }, (value) => this.#change({ opacity: value / 100 }), percent)
    parts.threshold = slider(
      t('threshold'),
      { min: 0, max: 95, step: 1 },
      (value) => this.#change({ threshold: value / 100 }),
      (value) => (value ? percent(value) : t('automatic'))
    )
    const full = el(
      'button',
      { type: 'button', class: 'tool', title: t('fullScreen'), 'aria-label': t('fullScreen'), on: { click: () => this.#toggleFullScreen() } },
      icon('expand')
    )
    return el(
      'div',
      { class: 'tools' },
      parts.views.element,
      parts.opacity.element,
      parts.threshold.element,
      el('div', { class: 'end' }, this.#buildExport(), full)
    )
  }

  #buildExport() {
    const t = this.#t
    const entry = (key, run) =>
      el('button', {
        type: 'button',
        text: t(key),
        data: { export: key },
        on: {
          click: () => {
            this.#parts.export.open = false
            run()
          },
        },
      })
    this.#parts.report = entry('exportReport', () => this.#saveFile(this.#data.source.report, 'selagg_report.json'))
    this.#parts.export = el(
      'details',
      { class: 'menu' },
      el('summary', { class: 'tool', title: t('export'), 'aria-label': t('export') }, icon('save')),
      el(
        'div',
        {},
        entry('exportPicture', () => this.#savePicture()),
        entry('exportMaps', () => this.#saveFile(this.#data.source.maps, 'selagg_maps.safetensors')),
        this.#parts.report
      )
    )
    return this.#parts.export
  }

  #buildSide() {
    const t = this.#t
    const parts = this.#parts
    parts.prompt = new PromptCard(t, {
      onHover: (word) => this.#change({ hovered: word, finding: word === null ? this.#state.finding : null }),
      onPin: (word) => this.#togglePin(word),
      onText: (text) => this.#changeText(Number(text)),
      onSpecial: (special) => this.#change({ special, ...(special ? {} : this.#withoutSpecial()) }),
      onClear: () => this.#clearChoice(),
    })
    if (this.#options.compact) return el('div', { class: 'side' }, parts.prompt.element)
    parts.findings = new FindingList(t, (finding) => this.#openFinding(finding))
    parts.headBox = el('div', { class: 'headbox', id: 'heads', role: 'tabpanel', hidden: true })
    parts.findings.element.id = 'findings'
    parts.tabs = ['findings', 'heads'].map((name) =>
      el(
        'button',
        {
          type: 'button',
          role: 'tab',
          'aria-controls': name,
          data: { tab: name },
          on: { click: () => this.#change({ tab: name }), keydown: (event) => this.#tabKey(event) },
        },
        el('span', { text: t(name) })
      )
    )
    parts.count = el('span', { class: 'count' })
    parts.tabs[0].append(parts.count)
    parts.panel = el('div', { class: 'panel' }, parts.findings.element, parts.headBox)
    const tabs = el('div', { class: 'tabs', role: 'tablist' }, ...parts.tabs)
    return el('div', { class: 'side' }, parts.prompt.element, el('div', { class: 'below' }, tabs, parts.panel))
  }

  #tabKey(event) {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    event.preventDefault()
    event.stopPropagation()
    const next = this.#state.tab === 'heads' ? 0 : 1
    this.#change({ tab: ['findings', 'heads'][next] })
    this.#parts.tabs[next].focus()
  }

  #buildHeadGrid() {
    const parts = this.#parts
    if (this.#options.compact) return
    const { manifest } = this.#data
    const t = this.#t
    parts.modes = choice(
      t('whichHeads'),
      ['selective', 'all', 'least', 'byHand'].map((name) => [name, t(name)]),
      (mode) => this.#chooseMode(mode)
    )
    parts.fraction = slider(
      t('fraction'),
      { min: 1, max: 100, step: 1 },
      (value) => this.#change({ fraction: value / 100, picked: null, mode: this.#state.mode === 'all' ? 'selective' : this.#state.mode }),
      (value) => `${value}%`
    )
    parts.headHint = el('p', { class: 'hint' })
    parts.headGrid = new HeadGrid({
      layers: manifest.layers,
      label: t('headGrid'),
      onHover: (head) => this.#change({ head }),
      onToggle: (head) => this.#toggleHead(head),
      onLeave: () => parts.tabs[1].focus(),
      say: (head) => this.#describeHead(head),
    })
    parts.steps = this.#buildSteps()
    parts.headBox.replaceChildren(
      el('div', { class: 'row' }, parts.modes.element, parts.fraction.element),
      parts.headHint,
      parts.headGrid.element
    )
    parts.caption.parentElement.querySelector('.steps')?.remove()
    if (parts.steps) parts.caption.after(parts.steps.element)
  }

  #buildSteps() {
    const bins = Math.max(0, ...this.#data.manifest.texts.map((text) => text.bins))
    if (bins < 2) return null
    const t = this.#t
    const steps = slider(
      t('steps'),
      { min: 0, max: bins, step: 1 },
      (value) => this.#change({ step: value ? value - 1 : null }),
      (value) => (value ? t('stepOf', { number: value, total: bins }) : t('wholeRun'))
    )
    steps.element.classList.add('steps')
    steps.set(0)
    return steps
  }

  #thumbnails() {
    const { manifest, source } = this.#data
    return Array.from({ length: manifest.pictures }, (_, number) => {
      const count = (manifest.report[number]?.findings ?? []).filter((finding) => finding.sure).length
      const name = count ? 'pictureWarnings' : 'picture'
      const label = this.#t(name, { number: number + 1, count })
      return el(
        'button',
        {
          type: 'button',
          role: 'radio',
          title: label,
          'aria-label': label,
          on: {
            click: () => this.#changePicture(number),
            keydown: (event) => this.#stripKey(event, number),
          },
        },
        el('img', { src: source.picture(number), alt: '', draggable: 'false' }),
        count ? el('span', { class: 'count', text: String(count) }) : null
      )
    })
  }

  #stripKey(event, number) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation()
    const total = this.#data.manifest.pictures
    const next = (number + step + total) % total
    this.#changePicture(next)
    this.#parts.strip.children[next].focus()
  }

  // ------------------------------------------------------------------------------------------- changing

  #change(changes) {
    if (!this.#data) return
    Object.assign(this.#state, changes, { complaint: null })
    this.#update()
  }

  async #changePicture(picture) {
    const data = this.#data
    if (!data.bitmaps.has(picture)) data.bitmaps.set(picture, await bitmapOf(data.source.picture(picture)))
    if (data !== this.#data) return
    this.#painter.picture = data.bitmaps.get(picture)
    this.#change({ picture, finding: null, spot: null })
    this.#showPicture()
  }

  #changeText(text) {
    if (!this.#data) return
    Object.assign(this.#state, { text, hovered: null, pins: [], finding: null, picked: null })
    this.#showTexts()
    this.#showPicture()
  }

  #showTexts() {
    const { manifest } = this.#data
    this.#parts.prompt.show(manifest.texts, this.#state.text, this.#landing())
  }

  #showPicture() {
    const { manifest } = this.#data
    this.#parts.prompt.landing = this.#landing()
    const picture = manifest.report[this.#state.picture]
    if (this.#parts.findings) {
      const findings = picture?.findings ?? []
      this.#parts.findings.show(picture ?? { findings: [], checks: [] }, manifest.problems, manifest.notices, manifest.coverage)
      const sure = findings.filter((finding) => finding.sure).length + manifest.problems.length
      const total = findings.length + manifest.problems.length
      this.#parts.count.textContent = String(total)
      this.#parts.count.hidden = !total
      this.#parts.count.classList.toggle('bad', sure > 0)
    }
    this.#parts.report.hidden = !manifest.report.length
    this.#update()
  }

  /** Evidence by word of the text that is shown: Map of word -> {state, landed}. */
  #landing() {
    const { manifest } = this.#data
    const words = manifest.report[this.#state.picture]?.words ?? {}
    const found = new Map()
    for (const [label, evidence] of Object.entries(words)) {
      const [text, indices] = manifest.labels[label] ?? [null, []]
      if (text !== this.#state.text) continue
      for (const word of indices) found.set(word, evidence)
    }
    return found
  }

  #withoutSpecial() {
    const { pins, hovered } = this.#state
    return { pins: pins.filter((word) => word !== SPECIAL), hovered: hovered === SPECIAL ? null : hovered }
  }

  #togglePin(word) {
    const { pins } = this.#state
    const kept = pins.includes(word) ? pins.filter((pin) => pin !== word) : [...pins, word].slice(-WORD_COLOURS.length)
    this.#change({ pins: kept, finding: null, picked: null })
  }

  #clearChoice() {
    this.#change({ pins: [], hovered: null, finding: null, spot: null, picked: null, head: null })
    this.#parts.findings?.open(null)
  }

  #openFinding(number) {
    if (!this.#data) return
    const finding = this.#data.manifest.report[this.#state.picture]?.findings[number]
    this.#parts.findings.open(finding ? number : null)
    if (!finding) {
      this.#change({ finding: null, pins: [], hovered: null })
      return
    }
    const places = finding.words.map((label) => this.#data.manifest.labels[label]).filter(Boolean)
    const text = places[0]?.[0] ?? this.#state.text
    if (text !== this.#state.text) {
      this.#changeText(text)
      this.#parts.findings.open(number)
    }
    const about = [...new Set(places.filter(([of]) => of === text).flatMap(([, words]) => words))]
    const placed = about.filter((word) => this.#words()[word].region)
    const pins = placed.length ? placed : about
    this.#change({ finding: number, pins: pins.slice(0, WORD_COLOURS.length), hovered: null, picked: null, view: 'heat' })
  }

  #chooseMode(mode) {
    if (mode !== 'byHand') {
      this.#change({ mode, picked: null })
      return
    }
    const word = this.#focus()
    if (noWord(word)) return
    this.#change({ picked: new Set(this.#litHeads(word)) })
  }

  #toggleHead(head) {
    const word = this.#focus()
    if (noWord(word) || word === SPECIAL) return
    const picked = new Set(this.#state.picked ?? this.#litHeads(word))
    if (picked.has(head)) picked.delete(head)
    else picked.add(head)
    const pins = this.#state.pins.length ? this.#state.pins : [word]
    this.#change({ picked: picked.size ? picked : null, pins })
  }

  #moveSpot(dx, dy) {
    const { x, y } = this.#state.spot ?? { x: 0.5, y: 0.5 }
    const inside = (value) => Math.min(0.99, Math.max(0.01, value))
    const spot = { x: inside(x + dx * SPOT_STEP), y: inside(y + dy * SPOT_STEP), byKey: true }
    this.#change({ spot })
    const ranked = this.#ranking()
    this.#say(ranked.map(({ word, lift }) => `${this.#wordText(word)} ${lift.toFixed(1)}`).join(', '))
  }

  #pinStrongest() {
    const [first] = this.#ranking()
    if (first) this.#togglePin(first.word)
  }

  #key(event) {
    if (event.key !== 'Escape' || !this.#data) return
    if (this.#parts.export.open) this.#parts.export.open = false
    else this.#clearChoice()
    event.preventDefault()
    event.stopPropagation()
  }

  #toggleFullScreen() {
    const { root } = this.#parts
    if (this.element.shadowRoot.fullscreenElement) document.exitFullscreen()
    else root.requestFullscreen?.().catch(() => {})
  }

  // -------------------------------------------------------------------------------------------- reading

  #words() {
    return this.#data.manifest.texts[this.#state.text].words
  }

  #wordText(word) {
    return word === SPECIAL ? this.#t('special') : (this.#words()[word]?.text ?? '')
  }

  #maps() {
    return this.#data.maps[this.#state.picture][this.#state.text]
  }

  /** The word that is looked at: under the pointer, else pinned last. */
  #focus() {
    const { hovered, pins } = this.#state
    return hovered ?? pins.at(-1) ?? null
  }

  /** The words that are painted. */
  #painted() {
    const { hovered, pins, head } = this.#state
    if (hovered !== null) return [hovered]
    if (head !== null && pins.length) return [pins.at(-1)]
    return pins
  }

  #conceptsOf(word) {
    return this.#words()[word]?.concepts.join(' + ') ?? ''
  }

  #rankingOf(word) {
    const packed = this.#data.manifest.relevance[this.#conceptsOf(word)]
    return packed ? { order: numbersOf(packed.order), levels: bytesOf(packed.scores) } : null
  }

  #totalHeads() {
    return this.#data.manifest.layers.reduce((sum, layer) => sum + layer[3], 0)
  }

  /** The heads that make the map of a word: numbers. */
  #litHeads(word) {
    const { mode, fraction, picked } = this.#state
    if (picked) return [...picked]
    const total = this.#totalHeads()
    const { manifest } = this.#data
    if (mode === manifest.mode && fraction === manifest.fraction) return bitsOf(this.#words()[word].heads, total)
    const ranking = mode === 'all' ? null : this.#rankingOf(word)
    if (!ranking) return Array.from({ length: total }, (_, i) => i)
    const count = Math.max(1, Math.round(fraction * total))
    return [...(mode === 'least' ? ranking.order.slice(-count) : ranking.order.slice(0, count))]
  }

  /**
   * The map of a word as it is to be shown: {key, map}; while it has to be fetched, the nearest one that is
   * here, and `loading`.
   */
  #mapOf(word) {
    const { picture, text, mode, fraction, picked, head, step } = this.#state
    const { manifest } = this.#data
    const maps = this.#maps()
    const place = `${picture}/${text}/${word}`
    if (word === SPECIAL) return { key: place, map: maps.special[0] }
    const packed = (maps[mode] ?? maps[manifest.mode])[word]
    const own = { key: `${place}/${mode}`, map: packed }
    if (head !== null) return this.#fromHeads(word, `head ${head}`, (heads) => heads.get(head) ?? null, own)
    if (step !== null) return this.#fromSteps(word, step, own)
    if (picked) {
      const chosen = [...picked].sort((a, b) => a - b)
      return this.#fromHeads(word, `picked ${chosen}`, (heads) => meanOfHeads(heads, chosen), own)
    }
    const shipped = fraction === manifest.fraction || mode === 'all' || !this.#rankingOf(word)
    if (shipped && (maps[mode] || mode === manifest.mode)) return own
    return this.#fromHeads(word, `${mode} ${fraction}`, (heads) => meanOfHeads(heads, this.#litHeads(word)), own)
  }

  #fromHeads(word, variant, make, meanwhile) {
    const { picture, text } = this.#state
    const heads = this.#fetched(`heads/${picture}/${text}/${word}`, async () => {
      const answer = await this.#data.source.heads(text, picture, word)
      const found = new Map()
      for (const sheet of answer.sheets) {
        const maps = await unpackMaps(sheet)
        sheet.heads.forEach((head, i) => found.set(head, maps[i]))
      }
      return found
    })
    if (!heads) return { ...meanwhile, loading: true }
    const key = `${picture}/${text}/${word}/${variant}`
    if (this.#prepared.has(key)) return { key, map: this.#prepared.get(key).map }
    const map = make(heads)
    return map ? { key, map } : meanwhile
  }

  #fromSteps(word, step, meanwhile) {
    const { picture, text } = this.#state
    const maps = this.#fetched(`steps/${picture}/${text}/${step}`, async () =>
      unpackMaps(await this.#data.source.steps(text, picture, step))
    )
    if (!maps) return { ...meanwhile, loading: true }
    return { key: `${picture}/${text}/${word}/step ${step}`, map: maps[word] }
  }

  /** What was fetched under a key, or null while it is on its way; a failure is said once. */
  #fetched(key, load) {
    const kept = this.#heads.get(key)
    if (kept) {
      this.#heads.delete(key)
      this.#heads.set(key, kept)
      return kept.value
    }
    const data = this.#data
    const entry = { value: null }
    this.#heads.set(key, entry)
    while (this.#heads.size > KEPT_HEADS) this.#heads.delete(this.#heads.keys().next().value)
    load().then(
      (value) => {
        entry.value = value
        if (data === this.#data) this.#update()
      },
      (error) => {
        if (data === this.#data) this.#complain(error)
      }
    )
    return null
  }

  #complain(error) {
    const { headHint } = this.#parts
    this.#state.complaint = error.message
    if (headHint) headHint.textContent = error.message
    this.#say(error.message)
  }

  #prepare({ key, map }) {
    let prepared = this.#prepared.get(key)
    if (!prepared) {
      const [height, width] = this.#data.manifest.size
      prepared = prepare(key, map, width / height)
      this.#prepared.set(key, prepared)
      if (this.#prepared.size > 240) this.#prepared.delete(this.#prepared.keys().next().value)
    }
    return prepared
  }

  /** Words at the spot, the strongest first, function words aside. */
  #ranking() {
    const { spot, mode } = this.#state
    const maps = this.#maps()[mode] ?? this.#maps()[this.#data.manifest.mode]
    if (!spot || !maps) return []
    maps.means ??= maps.map((map) => rangeOf(map).mean)
    const words = this.#words()
    const spoken = words.some((word) => !word.function)
    return rankAt(maps, maps.means, spot.x, spot.y)
      .filter(({ word }) => !spoken || !words[word].function)
      .slice(0, RANKED)
  }

  #spotOf(event) {
    const box = this.#parts.canvas.getBoundingClientRect()
    if (!box.width || !box.height) return null
    const inside = (value) => Math.min(1, Math.max(0, value))
    return { x: inside((event.clientX - box.left) / box.width), y: inside((event.clientY - box.top) / box.height) }
  }

  #colourOf(word) {
    const at = this.#state.pins.indexOf(word)
    return at < 0 ? null : WORD_COLOURS[at % WORD_COLOURS.length]
  }

  #say(text) {
    this.#parts.live.textContent = text
  }

  // ------------------------------------------------------------------------------------------- painting

  #update() {
    if (!this.#data || this.#frame) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      if (this.#data) this.#paintAll()
    })
  }

  #paintAll() {
    const started = performance.now()
    const state = this.#state
    const scene = this.#scene()
    this.#painter.paint(this.#parts.canvas, scene)
    this.#parts.views.choose(state.view)
    this.#parts.opacity.set(state.opacity * 100)
    this.#parts.threshold.set(state.threshold * 100)
    ;[...this.#parts.strip.children].forEach((button, number) => {
      button.setAttribute('aria-checked', number === state.picture)
      button.tabIndex = number === state.picture ? 0 : -1
    })
    const ranked = this.#showSpot()
    const colours = new Map(state.pins.map((word) => [word, css(this.#colourOf(word))]))
    this.#parts.prompt.mark({
      active: state.hovered,
      pins: colours,
      here: new Set(ranked.slice(0, 3).map(({ word }) => word)),
      special: state.special,
    })
    this.#showCaption(scene)
    this.#showSide()
    this.#options.onPaint?.(performance.now() - started)
  }

  #scene() {
    const { view, opacity, threshold, spot, finding, head } = this.#state
    const painted = this.#painted()
    const layers = painted.map((word) => {
      const shown = this.#mapOf(word)
      const colour = painted.length > 1 ? this.#colourOf(word) : null
      return { word, prepared: this.#prepare(shown), colour, loading: shown.loading }
    })
    const expected = this.#expectedRegions()
    return { view, opacity, threshold, layers, expected, spot: spot?.byKey ? spot : null, found: finding !== null && head === null }
  }

  /** Regions where the words of the open finding were expected, if it is about a region. */
  #expectedRegions() {
    const { picture, finding } = this.#state
    const opened = this.#data.manifest.report[picture]?.findings[finding]
    if (!opened || !('expected_at' in opened.evidence)) return []
    return opened.words.flatMap((label) => this.#data.expected[picture]?.[label] ?? [])
  }

  #showSpot() {
    const { spot, hovered } = this.#state
    const ranked = hovered === null ? this.#ranking() : []
    this.#parts.spot.hidden = !ranked.length
    if (!ranked.length) return ranked
    const highest = Math.max(ranked[0].lift, 1)
    this.#parts.spot.classList.toggle('start', spot.x > 0.5)
    this.#parts.spot.replaceChildren(
      el('h2', { text: this.#t('atSpot') }),
      el(
        'ol',
        {},
        ...ranked.map(({ word, lift }) =>
          el(
            'li',
            {},
            el('b', { text: this.#wordText(word), dir: 'auto' }),
            el('span', { text: this.#t('times', { value: lift.toFixed(1) }) }),
            el('i', { style: { '--part': `${Math.min(100, (lift / highest) * 100)}%` } })
          )
        )
      )
    )
    return ranked
  }

  #showCaption({ layers, expected }) {
    const t = this.#t
    const named = el('span', { class: 'named' })
    if (layers.length === 1) {
      const [{ word, prepared, loading }] = layers
      const about = [this.#state.head === null ? this.#conceptsOf(word) : this.#describeHead(this.#state.head)]
      about.push(t('peak', { value: shortNumber(prepared.range.high) }))
      if (word !== SPECIAL && this.#state.head === null) {
        about.push(t('headsUsed', { count: this.#litHeads(word).length, total: this.#totalHeads() }))
      }
      named.append(
        el('b', { text: this.#wordText(word), dir: 'auto' }),
        loading ? t('loading') : about.filter(Boolean).join(' \u00b7 ')
      )
    } else {
      for (const { word, colour } of layers) {
        named.append(el('i', { class: 'swatch', style: { '--colour': css(colour) } }), el('b', { text: this.#wordText(word), dir: 'auto' }))
      }
      if (!layers.length) named.append(`${this.#data.manifest.size[1]} \u00d7 ${this.#data.manifest.size[0]}`)
    }
    const ends = []
    if (this.#state.finding !== null && this.#state.head === null) ends.push(...this.#outlineKeys(layers, expected))
    else if (layers.length === 1 && this.#state.view === 'heat') ends.push(this.#scaleBar(layers[0].prepared.range))
    this.#parts.caption.replaceChildren(named, ...ends)
  }

  /** What the outlines mean while a finding is open. */
  #outlineKeys(layers, expected) {
    const keys = layers.length === 1 ? [['found', FOUND]] : []
    if (expected.length) keys.push(['expected', EXPECTED])
    return keys.map(([name, colour]) =>
      el('span', { class: 'key' }, el('i', { class: 'swatch line', style: { '--colour': css(colour) } }), this.#t(name))
    )
  }

  #scaleBar({ low, high }) {
    return el(
      'span',
      { class: 'scale' },
      shortNumber(Math.max(0, low)),
      el('i', { style: { '--gradient': gradientOf(this.#painter.colours) } }),
      shortNumber(high)
    )
  }

  #showSide() {
    const { tab, mode, picked, fraction } = this.#state
    const parts = this.#parts
    if (!parts.tabs) return
    for (const button of parts.tabs) {
      const on = button.dataset.tab === tab
      button.setAttribute('aria-selected', on)
      button.tabIndex = on ? 0 : -1
    }
    const wasHidden = parts.headBox.hidden
    parts.findings.element.hidden = tab !== 'findings'
    parts.headBox.hidden = tab !== 'heads'
    if (tab !== 'heads') return
    if (wasHidden) this.#resizeHeads()
    parts.modes.choose(picked ? 'byHand' : mode)
    parts.fraction.set(Math.round(fraction * 100))
    parts.fraction.input.disabled = mode === 'all' && !picked
    this.#showHeads()
  }

  #showHeads() {
    const { headGrid, headHint } = this.#parts
    const t = this.#t
    const word = this.#focus()
    const spoken = !noWord(word) && word !== SPECIAL
    const ranking = spoken ? this.#rankingOf(word) : null
    headGrid.show({
      levels: ranking?.levels ?? null,
      lit: spoken ? new Set(this.#litHeads(word)) : null,
      colours: scaleOf('cividis'),
      ink: getComputedStyle(this.#parts.root).color,
    })
    if (this.#state.complaint) headHint.textContent = this.#state.complaint
    else if (!spoken) headHint.textContent = t('chooseWord')
    else if (headGrid.cursor !== null) headHint.textContent = this.#describeHead(headGrid.cursor)
    else if (!ranking) headHint.textContent = t('noRelevance')
    else {
      const used = t('headsUsed', { count: this.#litHeads(word).length, total: this.#totalHeads() })
      headHint.replaceChildren(el('b', { text: this.#wordText(word), dir: 'auto' }), ` ${this.#conceptsOf(word)} \u00b7 ${used}`)
    }
  }

  #describeHead(number) {
    const { layer, head } = this.#parts.headGrid.nameOf(number)
    const name = this.#t('headName', { layer, head })
    const word = this.#focus()
    const ranking = noWord(word) || word === SPECIAL ? null : this.#rankingOf(word)
    if (!ranking) return name
    const rank = ranking.order.indexOf(number) + 1
    const total = this.#totalHeads()
    return `${name} \u00b7 ${this.#t('headRank', { rank, total, concept: this.#conceptsOf(word) })}`
  }

  #resize() {
    if (!this.#data) return
    const { view, frame, canvas } = this.#parts
    const [height, width] = this.#data.manifest.size
    const room = [view.clientWidth, view.clientHeight]
    const scale = Math.min(room[0] / width, room[1] / height)
    if (!(scale > 0)) return
    const [wide, high] = [Math.max(1, Math.floor(width * scale)), Math.max(1, Math.floor(height * scale))]
    frame.style.width = `${wide}px`
    frame.style.height = `${high}px`
    const zoom = view.getBoundingClientRect().width / (view.clientWidth || 1) || 1
    const sharp = (globalThis.devicePixelRatio || 1) * Math.min(2, Math.max(1, zoom))
    const limit = Math.min(1, LARGEST_SIDE / (Math.max(wide, high) * sharp))
    const pixels = [Math.round(wide * sharp * limit), Math.round(high * sharp * limit)]
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
      ;[canvas.width, canvas.height] = pixels
    }
    this.#resizeHeads()
    this.#update()
  }

  #resizeHeads() {
    const { headGrid, panel, headBox } = this.#parts
    if (!headGrid || headBox.hidden) return
    headGrid.resize(panel.clientWidth - 6, panel.clientHeight - 78)
  }

  // ---------------------------------------------------------------------------------------------- saving

  async #savePicture() {
    const data = this.#data
    const [height, width] = data.manifest.size
    const larger = Math.max(1, SMALLEST_EXPORT / Math.min(height, width))
    const canvas = new OffscreenCanvas(Math.round(width * larger), Math.round(height * larger))
    this.#painter.paint(canvas, { ...this.#scene(), spot: null })
    const [png, graph] = await Promise.all([canvas.convertToBlob({ type: 'image/png' }), data.source.workflow()])
    const words = this.#painted().map((word) => this.#wordText(word))
    save(await withTexts(png, graph ?? {}), safeName(words, 'png'))
  }

  async #saveFile(address, name) {
    try {
      const answer = await fetch(address)
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
      save(await answer.blob(), name)
    } catch (error) {
      this.#complain(new Error(this.#t('failed', { reason: error.message })))
    }
  }
}

async function unpackAll(packed) {
  const entries = Object.entries(packed).map(async ([name, maps]) => [name, await unpackMaps(maps)])
  return Object.fromEntries(await Promise.all(entries))
}

async function bitmapOf(address) {
  const answer = await fetch(address)
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`)
  return createImageBitmap(await answer.blob())
}

function shortNumber(value) {
  if (value >= 0.1) return value.toFixed(2)
  if (value >= 0.001) return value.toFixed(3)
  return value === 0 ? '0' : value.toExponential(1)
}

function save(blob, name) {
  const address = URL.createObjectURL(blob)
  const link = el('a', { href: address, download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 30000)
}
