/** @file Scenes of handwritten digits: what is drawn, asked and answered, and how the small model's base is trained. */
export {
  accuracyOf,
  describedDigits,
  isRight,
  judgeAsked,
  mostFrequentAnswers,
  summariseAsked,
  wilson,
  type Accuracy,
  type AskedVerdict,
  type SelfAsked,
} from './judge.ts';
export {
  caption,
  KINDS,
  NONE,
  objectPhrase,
  replyTo,
  parseQuestion,
  QUESTIONS,
  type Kind,
  type Question,
} from './grammar.ts';
export {
  messagesOf,
  patchWords,
  textDocument,
  type DocumentOptions,
  type TextDocument,
} from './picture-text.ts';
export {
  CANVAS,
  CELL,
  PATCH,
  renderScene,
  RGB,
  sampleScene,
  type GlyphSource,
  type Pose,
  type Scene,
  type SceneObject,
  type SceneOptions,
} from './scene.ts';
export {
  drawSetQuestion,
  isWithheld,
  MOST_WITHHELD,
  SCENE_SETS,
  withoutWithheld,
  type SceneSet,
  type SetQuestion,
} from './held-out-sets.ts';
export { askFalsePremise, askOfKind, converse, type TalkOptions, type Turn } from './talk.ts';
export { sceneEmbedding, sceneTokenizerJson, VOCABULARY } from './vocabulary.ts';
export {
  COLORS,
  DESCRIBE,
  digitWord,
  NUMBERS,
  PLACES,
  SIZES,
  type Color,
  type Place,
  type Size,
} from './words.ts';
export { openGlyphs, packSamples, type SceneSamples } from './samples.ts';
export { ClipPair, type PatchTargets } from './base/clip-pair.ts';
export { clipBatch, textIds, WORD_SETS, wordRows, type ClipBatch, type ClipBatchOptions } from './base/clip-batch.ts';
export {
  pretrainClip,
  pretrainLlama,
  probeClip,
  trapezoid,
  type ClipProbe,
  type PretrainOptions,
  type TextPretrainOptions,
} from './base/pretrain.ts';
export { probeLlama, type LlamaProbeOptions } from './base/probe-llama.ts';
export { drawLines, PEN, pointsOf, type Point } from './ink.ts';
export { drawDigit, type DrawnDigit, type DrawnOptions } from './hand.ts';
