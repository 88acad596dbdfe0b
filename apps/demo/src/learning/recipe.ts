/** @file How the model is trained in the tab: stage 2 of `curio train`, shorter and gentler. */
import { SMALL, trainableOf } from '@curio/model';
import type { ModelConfig, TrainConfig } from '@curio/model';

/** Optimizer steps of a training, and conversations per step. */
export const STEPS = 60;
export const BATCH = 8;

/** The training of an already trained model. */
export function recipeFor(model: ModelConfig, steps = STEPS): TrainConfig {
  const { train } = SMALL;
  const trainable = trainableOf(model, train.stage2.trainable);
  return {
    ...train,
    lr: 1e-3,
    stage1: { ...train.stage1, steps: 0 },
    stage2: { ...train.stage2, steps, batch: BATCH, warmup: 0.1, trainable },
  };
}
