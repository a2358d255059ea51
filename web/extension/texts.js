/** What the commands of the graph say, in English. Other languages come from the host's locales, under "selaggGraph". */

import { translator } from '../viewer/text.js'
import { Missing } from './samplers.js'

/** @import { Said } from '../viewer/types.js' */

export const GRAPH_ENGLISH = {
  diagnose: 'Diagnose this prompt',
  remove: 'Remove SelAgg from this workflow',
  started: 'Diagnosing {name}',
  startedDetail: 'The findings will be in SelAgg Diagnose, which is behind the picture now.',
  cannot: 'This prompt cannot be diagnosed yet',
  noSampler: 'There is no sampler here. Add one (such as KSampler) with a model, or unmute it, and try again.',
  noModel: '{name} has no model. Connect its model input, and try again.',
  noGuider: '{name} has no guider. Connect one (such as CFG Guider) with a model, and try again.',
  noPicture: '{name} makes no picture. Add a VAE Decode with a VAE for its LATENT, and try again.',
  otherKind: '{name} makes no picture but something else (sound, or a shape in space), which SelAgg cannot show.',
  failed: 'Something went wrong in SelAgg: {reason}. Undo takes back what was changed.',
  wordsUnknown: 'SelAgg does not know the words yet',
  noWords:
    'No node with a text and a CLIP was found before {name}. Add SelAgg Prompt, give it the CLIP and the text, and connect it to SelAgg Diagnose.',
  copiedWords: 'A SelAgg Prompt with a copy of your text was put in. When you change the text, change it there too.',
  choose: 'Which sampler made the picture?',
  chooseHint: 'The words are recorded while this one runs.',
  cancel: 'Cancel',
  lastStep: 'makes the final picture',
  removed: 'SelAgg is out of this workflow',
  removedDetail: '{count} nodes were taken out; wires are as they were without them.',
  removedCut: '{count} nodes were taken out. Without SelAgg these have nothing to work with: {names}.',
  nothingToRemove: 'There are no SelAgg nodes in this workflow.',
  showNode: 'Show the node',
  showRare: 'Show rare inputs',
  hideRare: 'Hide rare inputs',
  problem: 'SelAgg has nothing to show',
  mutedCapture:
    '{name} is muted, so nothing that comes after it can run. Unmute it (Ctrl+M), or bypass it (Ctrl+B) to sample without maps.',
  textElsewhere:
    'The text was not found before {name} as it was sampled: it is made while the workflow runs, or was changed since. Run the workflow again, or change the text yourself.',
  noPositive: '{name} has no positive prompt. Connect its positive input, and try again.',
  noClip: 'No CLIP was found beside {name} to encode the texts of the areas with.',
  noDenoise: '{name} starts from no picture, or keeps little of it already.',
  repairThere: 'There is a SelAgg Repair before {name} already. Take it out, or set its finding to "all warnings" and give it the new report.',
  changedSince: 'The workflow was changed since. Take the steps back one by one with Ctrl+Z.',
  mended: 'What SelAgg Repair mends',
  asked: 'Is it this word?',
  otherSampler: '{name} does not have the fields of a KSampler. Put SelAgg What If into the workflow yourself, with the same values.',
  noVaeBeside: 'No VAE was found beside {name}. Put SelAgg What If into the workflow yourself, with the VAE of your picture.',
  repaired: 'A SelAgg Repair acts before {name}. Take it out first: what a word does shows without it.',
}

/**
 * @param {Record<string, string>} texts of another language
 * @returns {(key: keyof typeof GRAPH_ENGLISH, values?: Record<string, string | number>) => string}
 */
export const graphTexts =
  (texts) =>
  (key, values = {}) =>
    (texts[key] ?? GRAPH_ENGLISH[key]).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole))

/**
 * Why a node has nothing to show: in the language of the viewer, if it has words for all of it.
 * @param {string[]} text in English
 * @param {Said | null | undefined} said
 * @param {Record<string, unknown>} texts of the viewer
 */
export function problemIn(text, said, texts) {
  return said ? [translator(texts).say(said, text.join('\n'))] : text
}

/**
 * Does something; what it misses is said in the artist's words.
 * @template Result
 * @param {Record<string, string>} texts of another language
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result>}
 */
export async function inWords(texts, work) {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Missing)) throw error
    throw new Error(graphTexts(texts)(/** @type {'noSampler'} */ (error.what), error.values), { cause: error })
  }
}
