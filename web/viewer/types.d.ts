/**
 * Shapes that several parts of the viewer share. For `npm run types` and for readers; no browser loads this file.
 *
 * What comes from Python is as `selagg_core.report.manifest` makes it.
 */

import type { Look } from './look.js'
import type { Painter } from './paint.js'
import type { ViewState } from './state.js'
import type { ENGLISH } from './text.js'

/** Rows and columns. */
export type Grid = [rows: number, columns: number]
export type RGB = readonly [red: number, green: number, blue: number] | Uint8Array

/** A map: one value a cell, row by row; attention probability unless it says otherwise. */
export interface WordMap {
  grid: Grid
  values: Float32Array
}

// ------------------------------------------------------------------------------------------ the manifest

/** Deflated levels of `count` maps as base64; low, high: the value of the lowest and of the highest level. */
export interface PackedMaps {
  grid: Grid
  count: number
  low: number[]
  high: number[]
  data: string
}

/** The maps of some heads for one word; heads are counted as in the layout. */
export interface PackedHeads extends PackedMaps {
  heads: number[]
}

/** Block, number in it, depth, and how many heads. */
export type Layer = [block: string, number: number, depth: number, heads: number]

export interface Word {
  text: string
  weight: number
  concepts: string[]
  ambiguous: boolean
  function: boolean
  /** Whether a region of its own may be expected. */
  region: boolean
  /** The heads that make its map: bits as base64. */
  heads: string
}

export interface Text {
  name: string
  kind: string
  steps: number
  /** Parts of the run whose maps were kept apart. */
  bins: number
  /** For each picture where the attention went, by kind; nothing where it was not recorded. */
  shares?: Record<string, number>[]
  /** The text as it was written, cut at its words: each piece with its word, if it is one. */
  pieces: [text: string, word: number | null][]
  words: Word[]
}

export type Facts = Record<string, number | boolean | string>

/** A sentence for any language: the key of a text, and what stands in for its names. */
export interface Said {
  key: string
  values: Record<string, string | number | Said>
}

export interface Finding {
  kind: string
  /** What the fault is called, in English. */
  title?: string
  /** What another language needs; reports of before have none. helped: of each remedy how often it [helped, was tried]. */
  said?: { title?: Said; message?: Said; reason?: Said; suggestion?: Said; helped?: [number, number][] }
  /** Labels, see `Manifest.labels`. */
  words: string[]
  severity: number
  evidence: Facts
  pixels: Facts
  confidence: number
  suggestion: string
  message: string
  sure: boolean
  reason: string
  calibrated: boolean
  level: string
  claim: string
  /** What can be tried, remedy by remedy; reports of before have none. */
  tries?: Trial[]
}

/** A remedy, as far as it can be done with one click (`selagg_core.diagnosis.tries`). */
export interface Trial {
  action: 'text' | 'region' | 'repair' | 'seed' | 'denoise' | 'none'
  remedy: string
  /** What it is, in English. */
  what: string
  said: Said
  words: string[]
  /** The text that is changed. */
  entry: number
  weight: number | null
  text: string
  areas: { text: string; box: [left: number, top: number, right: number, bottom: number] }[]
  /** How often it helped, and was tried; [] where it was not counted. */
  helped: number[]
  /** The same apart for where a run starts; reports of before have none. */
  by_start?: StartCount[]
}

/** What a remedy was worth where the run started from a picture, or else from an empty latent. */
export interface StartCount {
  from_picture: boolean
  helped: [helped: number, tried: number]
  /** How many claims it made wrong that were right, and of how many; [] where those are few. */
  broken: number[]
}

/** A picture before something was tried. undo: takes the change back; rejects where it cannot. */
export interface Compared {
  picture: number
  finding: Finding
  trial: Trial
  before: Blob
  undo(): Promise<void>
}

/** What a picture would be without a word. said, told: what the word does, and that in English. without, change: addresses of pictures. */
export interface Effect {
  word: string
  picture: number
  said: Said
  told: string
  without: string
  change: string
  undo(): Promise<void>
}

/** How well a word landed. */
export interface Landing {
  state: TextKey
  /** 0 to 1. */
  landed: number
}

export interface PictureReport {
  /** By label. */
  words: Record<string, Landing>
  findings: Finding[]
  checks: [kind: string, claim: string, verdict: string][]
}

/** Words as a claim or an edit speaks of them. name: what an edit calls them; null if none can. */
export interface Spoken {
  label: string
  name: string | null
  text: number
  words: number[]
}

/** Something that was read in the prompt, or that the artist said. */
export interface Claim {
  kind: 'entity' | 'attribute' | 'relation' | 'place' | 'count'
  /** In the form in which it can be edited. */
  text: string
  value: string
  /** Whether the reading is sure enough to warn. */
  checked: boolean
  source: string
  subject: Spoken
  /** What says it. */
  words: Spoken | null
  other: Spoken | null
}

export interface Understood {
  claims: Claim[]
  /** Parts of the prompt that speak of no thing, and why. */
  silent: (Spoken & { reason: string })[]
  /** For each text that was read: what an edit calls each word. */
  names: (string | null)[][]
}

export type Coverage = Record<'layers' | 'heads' | 'steps' | 'rows', [seen: number, expected: number]>

export interface Manifest {
  /** Height and width of the pictures. */
  size: [height: number, width: number]
  pictures: number
  /** Of a video, which of its frames each picture is, from 1; else none. */
  frames?: number[]
  mode: string
  /** Share of the heads that make a map, 0 to 1. */
  fraction: number
  layers: Layer[]
  /** By concepts: the numbers of all heads, the most relevant first, and a level for each head; as base64. */
  relevance: Record<string, { order: string; scores: string }>
  texts: Text[]
  /** For each text the modes of its maps; "special": of the marks. */
  modes: string[][]
  /** The maps that are looked at first, by picture, text and mode: "0/0/all". */
  maps: Record<string, PackedMaps>
  /** The words that a label of the report stands for. */
  labels: Record<string, [text: number, words: number[]]>
  report: PictureReport[]
  /** null where no claims were read. */
  understood: Understood | null
  problems: string[]
  notices: string[]
  /** The same for other languages: null where a text is known in English alone. */
  said?: Record<'problems' | 'notices', (Said | null)[]>
  coverage: Coverage | null
  /** Whether the run started from a picture; null where that is not known. */
  from_picture?: boolean | null
  /** For each picture the regions where words should be, by label. */
  expected: Record<string, PackedMaps>[]
}

/** Where a viewer gets what the manifest does not hold. A promise may be rejected with an Error to be shown. */
export interface Source {
  /** Address of a picture. */
  picture(number: number): string
  /** The maps of all words, by picture, text and mode: "0/0/all". */
  words(key: string): Promise<PackedMaps>
  heads(text: number, picture: number, word: number): Promise<{ sheets: PackedHeads[] }>
  steps(text: number, picture: number, step: number): Promise<PackedMaps>
  /** What is to be embedded in saved pictures, by key. */
  workflow(): Promise<Record<string, unknown> | null>
  /** Address of the file of maps. */
  maps: string
  /** Address of the report. */
  report: string
  /** The artist's claims, where they can be changed; a line each. */
  claims: { read(): string; write(text: string): void } | null
  /** Runs the workflow once more; null where it cannot. */
  runAgain: (() => Promise<void>) | null
  /** Tries what a finding of a picture suggests; null where the workflow cannot be changed. */
  trials: { can(trial: Trial): boolean; fromPicture(): boolean | null; start(picture: number, number: number, trial: Trial): Promise<void> } | null
  /** Makes a picture again without the word of a label; null where the workflow cannot. */
  questions: { ask(picture: number, label: string): Promise<void> } | null
}

// --------------------------------------------------------------------------------------- inside the viewer

/** A map ready to be painted: its range, itself fine and between 0 and 1, and its own threshold. */
export interface PreparedMap {
  key: string
  map: WordMap
  range: { low: number; high: number; mean: number }
  fine: WordMap
  /** What 0 and 1 of it stand for. */
  fineRange: { low: number; high: number }
  automatic: number
}

/** One word's part of what is painted. colour: null for the colour scale. */
export interface ShownLayer {
  word: number
  prepared: PreparedMap
  colour: RGB | null
  /** Whether the map that is wanted is still on its way, and this one stands in. */
  loading: boolean
  /** What the lowest and the highest colour stand for. */
  scale: { low: number; high: number }
  /** Whether it is much weaker than the others, or flat. */
  weak: boolean
  /** Whether it shows a place that can be outlined. */
  outlined: boolean
}

export interface Scene {
  view: 'heat' | 'mask' | 'picture'
  opacity: number
  /** 0 to 1; 0 for each map's own. */
  threshold: number
  layers: ShownLayer[]
  /** Regions where the words were expected: maps of 0 and 1. */
  expected: WordMap[]
  /** A spot to mark, in shares of width and height. */
  spot: { x: number; y: number } | null
  /** Whether the found region is outlined. */
  found: boolean
}

export type SpotAnswer = 'right' | 'wrong' | 'unclear'

/** The claims of a spot check with the artist's answers. agreement: with the judges, once all are answered. */
export interface SpotState {
  claims: {
    sentence: string
    said: Said | null
    prompt: string
    /** Name and colour of the things that are outlined. */
    things: [string, string][]
    answer: SpotAnswer | null
  }[]
  agreement: { agree: number; answered: number; unclear: number; low: number; high: number; enough: boolean } | null
}

/** Where a spot check gets what it shows from. */
export interface SpotSource {
  state(): Promise<SpotState>
  picture(number: number): string
  answer(claim: number, answer: SpotAnswer | null): Promise<SpotState>
}

export type TextKey = keyof typeof ENGLISH
export type Values = Record<string, string | number>
export interface Translate {
  (key: TextKey, values?: Values): string
  /** A sentence in the artist's language; as it is in English, if that has no words for it. */
  say(said: Said | undefined, english: string): string
}

/** What parts of the viewer may ask of it. */
export interface Actions {
  change(changes: Partial<ViewState>): void
  togglePin(word: number): void
  changePicture(picture: number): void
  clearChoice(): void
  toggleFullScreen(): void
  /** Does what a click asks for; should it fail, the viewer says so, by a text with {reason}. */
  attempt(failure: TextKey, values: Values, work: () => Promise<void>): void
  complain(message: string): void
  /** For those who listen: what is under the cursor of the picture. */
  say(text: string): void
}

/** A tab beside the picture, see `tabs.js`. */
export interface Tab {
  element: HTMLElement
  /** Another run, picture or text is looked at. */
  fill(look: Look): void
  /** Something was chosen. Called for the open tab only. */
  show(look: Look): void
  /** The open tab has that room, in CSS px. */
  resize?(width: number, height: number): void
  /** A number behind the name of the tab; `bad`: of something that went wrong. */
  badge?(look: Look): { count: number; bad: boolean }
}

export interface TabKind {
  /** Its name among the texts, and in the state. */
  key: TextKey
  /** leave: puts the focus back to the row of tabs. painter: has the picture and the colours. */
  new (t: Translate, actions: Actions, leave: () => void, painter: Painter): Tab
}
