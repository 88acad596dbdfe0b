export { SentencePiece } from './data/sentence-piece.ts';
export {
  IGNORE,
  IMAGE_TAG,
  IMAGE_TOKEN,
  openTokens,
  TOKEN_RULES,
  Tokens,
  type TokenRule,
  type TokensOptions,
} from './data/tokens.ts';
export {
  drawSelfQuestions,
  encodeConversation,
  encodePlain,
  imageFirst,
  renderConversation,
  TEMPLATES,
  VUSER_TOKEN,
  withVuserToken,
  type Draw,
  type EncodedConversation,
  type Message,
  type Part,
  type Role,
  type Template,
  type TemplateName,
} from './data/conversation.ts';
export {
  CLIP_MEAN,
  CLIP_STD,
  preprocessImage,
  preprocessorConfig,
  readPreprocessorConfig,
  type ImageConfig,
  type Picture,
} from './data/image.ts';
export { resizeBicubic } from './data/resize.ts';
export { modalityLength, parseDataset, type ImageSource, type Sample } from './data/dataset.ts';
export { groupByLength, groupByModalityLength } from './data/sampler.ts';
export { whyNotTrainable } from './data/trainable-sample.ts';
export {
  encodeSample,
  makeBatch,
  makeTextBatch,
  type Batch,
  type BatchOptions,
  type EncodedSample,
  type EncodeOptions,
  type TextBatch,
} from './data/batch.ts';
export {
  accuracyOf,
  judgeAsked,
  mostFrequentAnswers,
  summariseAsked,
  wilson,
  type Accuracy,
  type AskedVerdict,
  type SelfAsked,
} from './scenes/judge.ts';
export { caption, KINDS, objectPhrase, parseQuestion, QUESTIONS, type Kind, type Question } from './scenes/grammar.ts';
export {
  messagesOf,
  patchWords,
  textDocument,
  type DocumentOptions,
  type TextDocument,
} from './scenes/picture-text.ts';
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
} from './scenes/scene.ts';
export { askOfKind, converse, type TalkOptions, type Turn } from './scenes/talk.ts';
export { sceneEmbedding, sceneTokenizerJson, VOCABULARY } from './scenes/vocabulary.ts';
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
} from './scenes/words.ts';
export {
  imageTokens,
  LANGUAGE_TARGETS,
  shortened,
  VISION_TARGETS,
  type AskConfig,
  type ClipVisionConfig,
  type LlamaConfig,
  type LoraConfig,
  type ModelConfig,
  type Preset,
  type ProjectorConfig,
  type StageConfig,
  type StageName,
  type Trainable,
  type TrainConfig,
} from './config.ts';
export { clipVisionFromHf, clipVisionToHf, llamaFromHf, llamaToHf } from './files/hf-config.ts';
export { PRESETS, presetTrainable, type PresetName } from './presets.ts';
export { checkModelSizes } from './model-sizes.ts';
export { checkTrainable, trainableOf } from './trainable.ts';
export { openGlyphs, packSamples, type SceneSamples } from './scenes/samples.ts';
export { encodeTrained, openModel, type OpenModelOptions } from './checkpoint.ts';
export type { LoadReport } from './files/load-report.ts';
export { readLlavaConfig, type LlavaConfig } from './files/llava-config.ts';
export {
  llavaHolder,
  requireConfigFile,
  readModelConfig,
  type FolderConfig,
  type ModelFiles,
} from './files/model-config.ts';
export { ClipVision } from './clip.ts';
export { Llama } from './llama.ts';
export { SqLlava } from './sq-llava.ts';
export { sample, type SamplingOptions } from './decoding/sample.ts';
export { TextStream } from './decoding/text-stream.ts';
export { generate, type GenerateOptions, type Sequence, type SequenceOptions } from './generate.ts';
export {
  aboutImage,
  Speaker,
  type Reply,
  type ReplyOptions,
  type Request,
  type SelfQuestion,
  type SelfQuestioning,
  type SelfQuestionOptions,
  type TalkPart,
} from './converse.ts';
export { imageTensor, stepsOfSamples, templateOf, trainStage, type StageOptions } from './stages.ts';
export { runSteps, type LoopOptions, type StepCounts, type StepReport } from './loop.ts';
export { ClipPair, textRows, type ClipTextConfig, type PatchTargets, type TextRows } from './base/clip-pair.ts';
export { clipBatch, WORD_SETS, wordRows, type ClipBatch, type ClipBatchOptions } from './base/clip-batch.ts';
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
export { predictionTable, predictStage, requireFit, type PredictOptions, type StagePrediction } from './predict.ts';
