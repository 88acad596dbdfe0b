/** @file How the committed base was pretrained. Change a value here and `curio base` makes another one. */
import { CLIP_MEAN, CLIP_STD, PRESETS } from '@curio/model';
import { VOCABULARY } from '@curio/scenes';
import type { ClipTextConfig, ImageConfig } from '@curio/model';
import type { DocumentOptions } from '@curio/scenes';

const { vision } = PRESETS.small.model;

export const IMAGE: ImageConfig = { size: vision.imageSize, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD };

/** Words of the small language stand before the patch words, which captions never use. */
const spoken = VOCABULARY.findIndex((word) => word.startsWith('<p:'));

/** The text tower serves pretraining only. */
export const CLIP_TEXT: ClipTextConfig = {
  vocabSize: spoken,
  hiddenSize: 96,
  intermediateSize: 384,
  numLayers: 2,
  numHeads: 3,
  maxPositions: 32,
  layerNormEps: 1e-5,
  projectionSize: 96,
};

/**
 * CLIP: 12 groups of 8 scenes that differ in their digits alone, the strokes of three groups in ten varied, since 8,500
 * samples of handwriting are few. The patch loss names digit, colour, size and place of each patch and of each object,
 * so that the features keep all four.
 */
export const CLIP = {
  lr: 1.5e-3,
  warmup: 100,
  weightDecay: 0.05,
  steps: 3000,
  cooldown: 600,
  batch: { groups: 12, groupSize: 8, augment: 0.3, drawn: 0.4, image: IMAGE },
};

/**
 * LLaMA: questions weigh little in the loss at first, as they cannot be foretold and answers are what must be learnt.
 * Once the answers are there they weigh more, or the model asks whether the six is below the six; and the look-ups that
 * come last are asked more often.
 * At last questions weigh as much: which kinds a picture allows (no comparison where there is one digit) is learnt from
 * them alone.
 */
export const LLAMA = {
  lr: 2e-3,
  warmup: 100,
  weightDecay: 0.01,
  steps: 8400,
  cooldown: 900,
  batchSize: 24,
  phases: [
    { from: 0, questionWeight: 0.05, kindWeights: {} },
    {
      from: 2900,
      questionWeight: 0.25,
      kindWeights: { digit_at: 2.5, relation: 3, where: 1.5, object: 1.4, count: 1.2 },
    },
    { from: 6400, questionWeight: 1, kindWeights: {}, falsePremises: 0.12, empty: 0.04 },
  ] satisfies ({ from: number } & DocumentOptions)[],
};
