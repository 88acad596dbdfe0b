/** @file Configurations that earlier versions wrote into their runs' folders. */
import { trainableOf } from '@curio/model';
import type { ModelConfig, Trainable } from '@curio/model';
import { isObject } from '@curio/nn';

interface Saved {
  readonly base?: object;
  readonly data?: object;
  readonly run?: object;
  readonly ask?: object;
  readonly model?: ModelConfig;
  readonly train?: {
    readonly gradientCheckpointing?: boolean;
    readonly stage1?: SavedStage;
    readonly stage2?: SavedStage;
  };
}
interface SavedStage {
  readonly trainable?: Trainable;
}

/**
 * The configuration of a saved run as this version writes it, for the same training: without
 * `train.gradientCheckpointing` nothing was checkpointed, without `train.moments` they were f32, without
 * `train.labelMasks` labels were found by messages, without `run.format`
 * files were safetensors, without `base.adapter` and `base.projector` both began new, without `data.onBadEntry` a bad
 * entry ended it, and presets listed patterns of parameters that the model did not have, which then decided nothing.
 * `data.workers` changes no bit, without `data.withheldPairs` all pairs were drawn, and without `ask.candidates` every
 * question that was drawn was asked.
 * What is of no known shape is left to the check.
 */
export function upgradeConfig(saved: unknown): unknown {
  const { base, data, model, train, run, ask } = (saved ?? {}) as Saved;
  if (!isObject(data) || !isObject(model) || !isObject(train)) return saved;
  const stage = (of: SavedStage | undefined): unknown =>
    isObject(of) && isList(of.trainable) ? { ...of, trainable: trainableOf(model, of.trainable) } : of;
  return {
    ...(saved as object),
    ...(isObject(base) && { base: { adapter: null, projector: null, ...base } }),
    ...(isObject(run) && { run: { format: 'safetensors', ...run } }),
    ...(isObject(ask) && { ask: { candidates: 1, ...ask } }),
    data: { workers: null, withheldPairs: 0, onBadEntry: 'fail', ...data },
    train: {
      gradientCheckpointing: false,
      moments: 'f32',
      labelMasks: 'messages',
      ...train,
      stage1: stage(train.stage1),
      stage2: stage(train.stage2),
    },
  };
}

const isList = (x: unknown): x is Trainable => Array.isArray(x) && x.every((each) => Array.isArray(each));
