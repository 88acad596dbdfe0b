/**
 * @file Models and schedules that are known to work, with the source of each value. docs/sq-llava.md holds the
 * sources.
 */
import {
  LANGUAGE_TARGETS,
  shortened,
  VISION_TARGETS,
  type AskConfig,
  type ClipVisionConfig,
  type LlamaConfig,
  type ModelConfig,
  type Preset,
  type Trainable,
  type TrainConfig,
} from '../config.ts';
import { stage2Trainable, trainableOf } from '../trainable.ts';
import { forItsModel, small, SMALL } from './small.ts';

/**
 * For SwiftShader, which is about eight times slower than Lavapipe: a tenth of the steps. It shows that all parts work,
 * not what they reach.
 */
const quick: Preset = { ...small, train: shortened(small.train, 0.1) };

/** CLIP ViT-L/14 at 336 px: 576 patches. Source: openai/clip-vit-large-patch14-336, config.json. */
const VIT_LARGE: ClipVisionConfig = {
  imageSize: 336,
  patchSize: 14,
  hiddenSize: 1024,
  intermediateSize: 4096,
  numLayers: 24,
  numHeads: 16,
  layerNormEps: 1e-5,
  selectLayer: -2,
};

/**
 * Vicuna v1.5 is LLaMA-2; vocabulary, eps, theta and positions are the same for both sizes. Source:
 * lmsys/vicuna-*-v1.5, config.json.
 */
const vicuna = (hiddenSize: number, intermediateSize: number, numLayers: number, numHeads: number): LlamaConfig => ({
  vocabSize: 32000,
  hiddenSize,
  intermediateSize,
  numLayers,
  numHeads,
  numKeyValueHeads: numHeads,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  maxPositions: 4096,
});

/** Source: the published demo's arguments (describe greedily, then sample). */
const PUBLISHED_ASK: AskConfig = {
  describePrompt: 'Can you describe the image in detail?',
  questions: 3,
  temperature: 1.2,
  topK: 300,
  topP: 0.95,
  candidates: 1,
  maxDescription: 1024,
  maxQuestion: 300,
  maxAnswer: 1024,
};

/**
 * One epoch of 558 k captions at batch 256, then one of 665 k conversations at batch 128. Source: pretrain_clu.sh and
 * finetune_lora_clu_sq.sh of heliossun/SQ-LLaVA. The published code clips nothing and checkpoints every block. Stage
 * 1's 1e-3 is five times stage 2's 2e-4, the projector's 2e-5 in stage 2 a tenth of it.
 */
function publishedTraining(sqR: number, visionLora: number): TrainConfig {
  return {
    lr: 2e-4,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    moments: 'f32',
    clip: null,
    maxLength: 2048,
    labelMasks: 'messages',
    gradientCheckpointing: true,
    stage1: {
      steps: 2181,
      batch: 256,
      accumulate: 32,
      trainable: [['projector', 5]],
      warmup: 0.03,
      template: 'plain',
      imageAspect: 'crop',
      sqR: 0,
    },
    stage2: {
      steps: 5198,
      batch: 128,
      accumulate: 64,
      warmup: 0.03,
      template: 'chat',
      imageAspect: 'pad',
      sqR,
      trainable: stage2Trainable(visionLora, 0.1),
    },
  };
}

const published = (language: LlamaConfig, visionRank: number, train: TrainConfig): Preset => ({
  model: {
    vision: VIT_LARGE,
    projector: { kind: 'cluster', numPrototypes: 256, iterations: 2 },
    language,
    languageLora: { r: 128, alpha: 256, dropout: 0.05, targets: LANGUAGE_TARGETS },
    visionLora: { r: visionRank, alpha: 2 * visionRank, dropout: 0.2, targets: VISION_TARGETS },
    vusr: 'role',
    template: 'v1_sq',
    systemText: null,
  },
  train,
  ask: PUBLISHED_ASK,
});

/** Their stage 2 names all that it trains of any model. */
const ANY_MODEL = {
  small,
  quick,
  /** ZachSun/sqllava-lora-7b: image LoRA of rank 32 at 2e-4; its name fits the script with sq_r 0.3. */
  '7b': published(vicuna(4096, 11008, 32, 32), 32, publishedTraining(0.3, 1)),
  /** ZachSun/sqllava-lora-13b: image LoRA of rank 64 (from the file's size) at 2e-5; sq_r 0.5. */
  '13b': published(vicuna(5120, 13824, 40, 40), 64, publishedTraining(0.5, 0.1)),
} satisfies Record<string, Preset>;
export type PresetName = keyof typeof ANY_MODEL;

/**
 * What stage 2 of a preset trains where the model is not the preset's own: the adapters and new words that it has, and
 * the projector.
 */
export const presetTrainable = (name: PresetName, model: ModelConfig): Trainable =>
  trainableOf(model, ANY_MODEL[name].train.stage2.trainable);

/** Each trains what its model has. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  small: SMALL,
  quick: forItsModel(quick),
  '7b': forItsModel(ANY_MODEL['7b']),
  '13b': forItsModel(ANY_MODEL['13b']),
};
