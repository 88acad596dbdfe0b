/** @file How the committed base was pretrained. Change a value here and `curio base` makes another one. */
import { CLIP_MEAN, CLIP_STD, PRESETS } from '@curio/model';
import { VOCABULARY } from '@curio/scenes';
import type { ClipTextConfig, ImageConfig } from '@curio/model';
import type { DocumentOptions } from '@curio/scenes';

const { vision } = PRESETS.small.model;

export const IMAGE: ImageConfig = { size: vision.imageSize, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD };

/** The words of the small language come before the patch words, which captions never use. */
const spoken = VOCABULARY.findIndex((word) => word.startsWith('<p:'));

/** The text tower is used only in pretraining. */
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
 * CLIP: 12 groups of 8 scenes that differ only in their digits, with varied strokes in three groups of ten, since 8,500
 * samples of handwriting are few. The patch loss predicts digit, colour, size and place of each patch and of each
 * object, so that the features keep all four.
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
 * LLaMA: questions have little weight in the loss at first, since they cannot be predicted and the answers must be
 * learnt. Once they are, questions get more weight, or the model would ask whether the six is below the six; and the
 * look-ups that are learnt last are asked more often. Finally questions have full weight: which kinds a picture allows
 * (no comparison with a single digit) is learnt only from them.
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
