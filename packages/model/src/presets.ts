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
} from './config.ts';
import { stage2Trainable, trainableOf } from './trainable.ts';

/**
 * The small model on scenes of handwritten digits.
 *
 * Question: can all of SQ-LLaVA (both stages, self-questions, image tower with LoRA) be seen to work within five
 * minutes on two cores? Sizes: patches of 12 px cut the 72 px canvas so that each cell of the scene is 2×2 patches; cut
 * across the cells, digits were told apart a third as often after the same steps. Four blocks of width 128 hold the
 * language; K = 16 prototypes for 36 patches is the published ratio (256 for 576).
 * Schedule: learning rates of 2e-3 to 4e-3 gave the same answers in stage 2; stage 1 wants 4e-3. Answers stop rising
 * after about 500 steps of 8 in stage 2: what is left is decided by the frozen base. No system text: each of its tokens
 * costs 5 MFLOP a sample.
 * No dropout: 4,000 conversations are seen once.
 */
const small: Preset = {
  model: {
    vision: {
      imageSize: 72,
      patchSize: 12,
      hiddenSize: 128,
      intermediateSize: 512,
      numLayers: 4,
      numHeads: 4,
      layerNormEps: 1e-5,
      selectLayer: -2,
    },
    projector: { kind: 'cluster', numPrototypes: 16, iterations: 2 },
    language: {
      vocabSize: 1160, // the words of @curio/scenes
      hiddenSize: 128,
      intermediateSize: 352,
      numLayers: 4,
      numHeads: 4,
      numKeyValueHeads: 4,
      rmsNormEps: 1e-5,
      ropeTheta: 10000,
      maxPositions: 512,
    },
    languageLora: { r: 16, alpha: 32, dropout: 0, targets: LANGUAGE_TARGETS },
    visionLora: { r: 8, alpha: 16, dropout: 0, targets: VISION_TARGETS },
    vusr: 'role',
    template: 'scenes',
    systemText: null,
  },
  train: {
    lr: 2e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    moments: 'f32',
    clip: 1,
    maxLength: 448,
    gradientCheckpointing: false,
    stage1: {
      steps: 300,
      batch: 16,
      accumulate: 1,
      trainable: [['projector', 2]],
      warmup: 0.05,
      template: 'plain',
      imageAspect: 'pad',
      sqR: 0,
    },
    stage2: {
      steps: 520,
      batch: 8,
      accumulate: 1,
      warmup: 0.03,
      template: 'chat',
      imageAspect: 'pad',
      sqR: 0.5,
      trainable: stage2Trainable(0.5, 0.5),
    },
  },
  // At the published 1.2 and 0.95 the questions were up to 7 points less about the image than at 1 and 0.9, and there
  // 2 points less than at 0.7, for 124 different ones of 300 in place of 136.
  ask: {
    describePrompt: 'describe the image in detail .',
    questions: 3,
    temperature: 0.7,
    topK: 0,
    topP: 0.9,
    maxDescription: 48,
    maxQuestion: 24,
    maxAnswer: 16,
  },
};

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

const forItsModel = (name: PresetName): Preset => {
  const { model, train, ask } = ANY_MODEL[name];
  return { model, train: { ...train, stage2: { ...train.stage2, trainable: presetTrainable(name, model) } }, ask };
};

/** Each trains what its model has. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  small: forItsModel('small'),
  quick: forItsModel('quick'),
  '7b': forItsModel('7b'),
  '13b': forItsModel('13b'),
};
