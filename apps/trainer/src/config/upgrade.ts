/** @file Configurations saved by earlier versions. */
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
 * A saved configuration in this version's form, for the same training: keys that were added since get the values that
 * the earlier version implied. Patterns of `trainable` that match no parameter, which then had no effect, are removed.
 * Anything of an unknown shape is left to `checkConfig`.
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
