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
} from './data/image.ts';
export type { Picture } from './data/picture.ts';
export { resizeBicubic } from './data/resize.ts';
export {
  chooseSamples,
  modalityLength,
  samplesOf,
  type ImageSource,
  type Sample,
  type Samples,
} from './data/dataset.ts';
export { EntrySamples, openSamples, type OpenSamplesOptions } from './entries/open-samples.ts';
export type { IndexStore } from './entries/sample-index.ts';
export { isFault, readEntry, type EntryFault, type Fault, type Note, type ReadEntry } from './entries/read-entry.ts';
export { groupByLength, groupByModalityLength } from './data/sampler.ts';
export { publishedRule, type PublishedRule } from './data/published-labels.ts';
export { isSurelyTrainable, whyNotTrainable } from './data/trainable-sample.ts';
export {
  encodeSample,
  labelledRows,
  makeBatch,
  makeTextBatch,
  type Batch,
  type BatchOptions,
  type EncodedSample,
  type EncodeOptions,
  type TextBatch,
} from './data/batch.ts';
export {
  imageTokens,
  LABEL_MASKS,
  LANGUAGE_TARGETS,
  shortened,
  VISION_TARGETS,
  type AskConfig,
  type ClipTextConfig,
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
export { clipTextFromHf, clipVisionFromHf, clipVisionToHf, llamaFromHf, llamaToHf } from './files/hf-config.ts';
export { PRESETS, presetTrainable, type PresetName } from './presets/presets.ts';
export { SMALL } from './presets/small.ts';
export { checkModelSizes } from './model-sizes.ts';
export { checkTrainable, trainableOf } from './trainable.ts';
export { bareModel, openModel, type OpenModelOptions } from './checkpoint.ts';
export { encodeProjector, encodeTrained, type BaseNames } from './encode-trained.ts';
export type { LoadReport } from './files/load-report.ts';
export { momentTensors, readMoments, type MomentPrefixes } from './files/moment-tensors.ts';
export { encodeOptimizer, openOptimizer, readOptimizer } from './files/optimizer-file.ts';
export { quantisedFolder, type QuantiseOptions } from './files/quantised-folder.ts';
export { GGUF_STORAGES, mergedGguf, type GgufStorage, type MergedGguf } from './files/gguf-language.ts';
export type { MergeDevices } from './files/merged-model.ts';
export { mergedFolder, TOWER_FOLDER, type MergedFolder, type MergeOptions } from './files/merged-folder.ts';
export { readLlavaConfig, type LlavaConfig } from './files/llava-config.ts';
export {
  llavaHolder,
  requireConfigFile,
  readModelConfig,
  type FolderConfig,
  type ModelFiles,
} from './files/model-config.ts';
export { ClipBlock, ClipVision } from './clip.ts';
export {
  ClipModel,
  cosineScale,
  normalise,
  textInputs,
  textRows,
  type TextRows,
} from './image-text/clip-model.ts';
export { ClipTokens } from './image-text/clip-tokens.ts';
export { Llama } from './llama.ts';
export { SqLlava } from './sq-llava.ts';
export { sample, type SamplingOptions } from './decoding/sample.ts';
export { TextStream } from './decoding/text-stream.ts';
export type { PrototypeTrace, TokenTrace, TraceOptions, WordProbability } from './decoding/trace.ts';
export { generate, type GenerateOptions, type Sequence, type SequenceOptions } from './generate.ts';
export { aboutImage, type Reply, type ReplyOptions, type ReplyTrace, type Request } from './dialogue/request.ts';
export type {
  SelfQuestion,
  SelfQuestioning,
  SelfQuestionOptions,
  SelfQuestionTrace,
  TalkPart,
} from './dialogue/self-questioning.ts';
export { Speaker } from './dialogue/speaker.ts';
export { imageTensor, templateOf } from './model-inputs.ts';
export { stepsOfSamples, trainStage, type StageOptions } from './stages.ts';
export { runSteps, type LoopOptions, type StepCounts, type StepReport } from './loop.ts';
export { predictionTable, predictStage, requireFit, stepSeconds } from './predict.ts';
export type { DeviceRates, PredictOptions, StagePrediction } from './predict.ts';
