/** What the viewer says, in English. Other languages come from the host's locales, under the key "selagg". */

/** @import { Said, Translate } from './types.js' */

export const ENGLISH = {
  viewer: 'Prompt viewer',
  empty: 'Run the workflow: the words of the prompt will appear here, and where the model put each of them.',
  loading: 'Loading the maps...',
  gone: 'The server was started anew and no longer has these maps. Run the workflow again.',
  earlier: 'From an earlier run',
  failed: 'The maps could not be loaded: {reason}',
  pictureFailed: 'Picture {number} could not be loaded: {reason}',
  saveFailed: '{name} could not be saved: {reason}',
  savedWithoutWorkflow: 'The picture is saved, but without its workflow: {reason}',
  fullScreenFailed: 'Full screen is not possible here: {reason}',
  paintFailed: 'This could not be shown: {reason}',
  notOffered: 'the browser does not offer it.',
  dismiss: 'Close this message',
  picture: 'Picture {number}',
  pictureWarnings: 'Picture {number}, {count} warnings',
  frame: 'Frame {number}',
  frameWarnings: 'Frame {number}, {count} warnings',
  pictures: 'Pictures of the batch',
  prompts: 'Prompts',
  positive: 'Positive',
  negative: 'Negative',
  asked: 'Not in the prompt: {words}',
  prompt: 'Prompt',
  words: 'Words of the prompt',
  special: 'begin, end, padding',
  showSpecial: 'Marks',
  showSpecialHint: 'Show the marks that are no words: begin, end and padding',
  landed: 'has a place',
  warned: 'warning',
  doubtful: 'doubtful',
  placeless: 'no place of its own expected',
  unchecked: 'not checked',
  weight: 'weight {weight}',
  clear: 'Clear',
  findWords: 'Find words',
  findWordsHint: 'Part of a word; * for any letters; or a pattern between slashes, such as /re?d/',
  wordsFound: '{count} of {total} words',
  notAPattern: 'This is no pattern that can be read.',
  heat: 'Heat',
  mask: 'Mask',
  plain: 'Picture',
  show: 'What is shown',
  opacity: 'Opacity',
  threshold: 'Threshold',
  automatic: 'auto',
  strength: 'How strong maps look',
  oneScale: 'One scale',
  oneScaleHint: 'All words of a picture on one scale: what the model hardly looked for looks weak.',
  ownScale: 'Each its own',
  ownScaleHint: 'Each word from its own lowest to its own highest: weak words look strong, too.',
  weakMap: 'weak',
  peak: 'peak {value}',
  findings: 'Findings',
  gallery: 'All maps',
  galleryHint: 'Maps of all words. Arrow keys move, Enter pins.',
  galleryNone: 'No word fits.',
  heads: 'Heads',
  understood: 'Understood',
  nothingUnderstood: 'No thing was read in this prompt. Choose words and say what they are.',
  noThing: 'No thing of its own:',
  silent_not_there: 'said not to be there',
  silent_style: 'style',
  silent_likeness: 'a likeness',
  checked: 'checked',
  notChecked: 'read, not checked',
  ignore: 'Ignore',
  isAThing: 'Is a thing',
  belongsTo: 'Belongs to...',
  chooseToMend: 'Read wrongly? Choose a word, and say what it is.',
  cannotMend: 'No claim can be made about this word alone.',
  claimsElsewhere: 'The claims of this node come from another one: write them there.',
  yourClaims: 'Your claims',
  takeBack: 'Take back',
  countsNextRun: 'They count at the next run.',
  runAgain: 'Run again',
  runFailed: 'The workflow could not be run: {reason}',
  nothingToCheck: 'Nothing to check.',
  nothingToCheckHint: 'The prompt makes no claim that could be checked. Choose words under Understood, and say what they are.',
  moreFindings: '{count} more: {kind}',
  noFindings: 'No warning.',
  noFindingsHint: '{count} claims of the prompt were checked.',
  checkedRight: 'Checked, nothing found',
  unsure: 'unsure',
  information: 'for your information',
  experts: 'Numbers for experts',
  helped: 'On the demo model it helped: {times}',
  helpedOf: '{helped} of {tried}',
  confidence: 'confidence {value}',
  uncalibrated: 'not measured on this model, so a rank only',
  evidence: 'What the maps say',
  pixels: 'What the pixels say',
  claim: 'Contradicts',
  try: 'Try',
  tryOut: 'Changes the workflow and runs it with the same seed; one step of undo takes it back.',
  tryHelped: 'helped {helped} of {tried}',
  tryHelpedEmpty: 'from an empty latent helped {helped} of {tried}',
  tryHelpedPicture: 'from a start picture helped {helped} of {tried}',
  tryBroke: 'may spoil the rest: {broken} of {right} claims that were right became wrong',
  tryFailed: 'This could not be tried: {reason}',
  tried: 'Tried: {what}',
  isItThisWord: 'Is it this word?',
  withoutWord: 'Without "{word}"',
  withoutWordHint: 'Makes this picture again with the same seed, but without this word: so you see what the word does.',
  withIt: 'With it',
  withoutIt: 'Without it',
  whereItChanges: 'Where it changes',
  before: 'Before',
  after: 'After',
  compared: 'How much of the picture before is seen',
  stillThere: '{level}, confidence {value}',
  notFoundNow: 'checked, not found any more',
  notSureNow: 'cannot be told any more',
  notCheckedNow: 'not checked any more',
  onlyWarning: 'warning',
  undo: 'Undo',
  undoFailed: 'This could not be undone: {reason}',
  keep: 'Keep',
  problem: 'Could not be done',
  moreProblems: 'and {count} more',
  notes: 'Notes',
  recorded: 'Recorded: {layers} layers, {heads} heads, {steps} steps, {rows} rows',
  expected: 'expected',
  found: 'found',
  atSpot: 'Words here (times their mean)',
  times: '{value}\u00d7',
  canvas: 'The picture. Arrow keys move over it, Enter pins the strongest word there, Escape clears.',
  selective: 'Selective',
  all: 'All',
  least: 'Least',
  byHand: 'By hand',
  whichHeads: 'Which heads make the map',
  fraction: 'Share of heads',
  headsUsed: '{count} of {total} heads',
  headName: '{layer}, head {head}',
  headRank: 'rank {rank} of {total} for {concept}',
  chooseWord: 'Choose a word to see its heads.',
  noRelevance: 'Which heads speak for this word is not known, so its map is made from all of them.',
  attentionWent: 'Attention went to: {shares}.',
  attentionWentHint: 'Mean over all heads. Columns without a word are left out of the maps: they take no part when words compete.',
  share_words: 'words',
  share_stop_words: 'small words (the, of)',
  share_punctuation: 'punctuation',
  share_marks: 'begin and end marks',
  share_template: 'template of the model',
  share_padding: 'empty places (padding)',
  share_other: 'columns of the model itself',
  share_reference: 'reference pictures',
  share_picture: 'the picture itself',
  headGrid: 'Heads of the model, a row a layer. Arrow keys move, Space chooses, Escape leaves.',
  steps: 'Part of the run',
  wholeRun: 'whole run',
  stepOf: '{number} of {total}',
  export: 'Export',
  exportPicture: 'What is seen (PNG)',
  exportCard: 'Card (PNG)',
  exportMaps: 'Maps (safetensors)',
  exportReport: 'Report (JSON)',
  fullScreen: 'Full screen',
  spotCheck: 'Spot check',
  spotPicture: 'The picture that is asked about',
  spotRight: 'Right',
  spotWrong: 'Wrong',
  spotUnclear: 'Unclear',
  spotDone: '{count} of {total} answered',
  spotFailed: 'The answer could not be kept: {reason}',
  spotNothing: 'There is nothing to look at.',
  spotAgree: 'You agree with the judges on {agree} of {answered} ({share}, 95 % interval {low} to {high}); {unclear} unclear.',
  spotTooFew: 'Too few to say how good the judges are: 20 answers are needed.',
  spotRunAgain: 'Run SelAgg Calibrate again to keep this with the calibration.',
  toast: 'SelAgg: {count} severe warnings',
  toastOne: 'SelAgg: a severe warning',
}

/** Sentences of findings by their keys, as a language has them under "sentences". @typedef {Record<string, string>} Texts */

/**
 * Says a sentence in the language whose own texts are given; what that language cannot say whole is said in English.
 * @param {Record<string, unknown>} [own]
 * @returns {(said: Said | undefined, english: string) => string}
 */
export function speaker(own = {}) {
  const texts = /** @type {Texts} */ (own.sentences ?? {})
  return (said, english) => (said && inWords(said, texts)) ?? english
}

/**
 * @param {Said} said
 * @param {Texts} texts
 * @returns {string | null} null where a text is missing
 */
function inWords({ key, values }, texts) {
  const text = Object.hasOwn(texts, key) ? texts[key] : null
  if (typeof text !== 'string') return null
  /** @type {Map<string, string>} */
  const told = new Map()
  for (const [name, value] of Object.entries(values)) {
    const words = typeof value === 'object' ? inWords(value, texts) : String(value)
    if (words === null) return null
    told.set(name, words)
  }
  return text.replace(/\{(\w+)\}/g, (whole, name) => told.get(name) ?? whole)
}

/**
 * The texts in the language whose own texts are given, by the same keys; English where it has none.
 * @param {Record<string, unknown>} [own]
 * @returns {Translate}
 */
export function translator(own = {}) {
  /** @type {Translate} */
  const t = (key, values = {}) => {
    const translated = own[key]
    const text = typeof translated === 'string' ? translated : (ENGLISH[key] ?? key)
    return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole))
  }
  t.say = speaker(own)
  return t
}
