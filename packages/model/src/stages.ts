/**
 * @file The two training stages: which samples a step sees, which parameters are trained, and at what rate.
 * docs/sq-llava.md 3.
 */
import { AdamW, cosineSchedule, DataError, RandomStream } from '@curio/engine';
import type { AdamWState, StoredAdamWState } from '@curio/engine';
import type { Mode } from '@curio/nn';
import { encodeSample, makeBatch } from './data/batch.ts';
import type { Batch } from './data/batch.ts';
import { imageTokens } from './config.ts';
import type { ModelConfig, StageConfig, TrainConfig } from './config.ts';
import type { Sample, Samples } from './data/dataset.ts';
import { publishedRule } from './data/published-labels.ts';
import { runSteps } from './loop.ts';
import type { LoopOptions } from './loop.ts';
import { templateOf } from './model-inputs.ts';
import { groupByLength, groupByModalityLength } from './data/sampler.ts';
import type { LossInputs, SqLlava } from './sq-llava.ts';
import { IMAGE_TAG } from './data/tokens.ts';
import type { Tokens } from './data/tokens.ts';

export interface StageOptions extends Pick<LoopOptions<never>, 'onStep' | 'onWait' | 'onRecord' | 'capture'> {
  readonly model: SqLlava;
  readonly tokens: Tokens;
  readonly stage: StageConfig;
  readonly train: TrainConfig;
  readonly samples: Samples;
  /** Normalised pixels of an image of a sample, float32 [3, S, S]; null leaves the sample out of its step. */
  readonly pixels: (image: string, sample: Sample) => Promise<Float32Array | null>;
  readonly seed: number;
  /** Step to begin with, and the optimizer's state there; a stored one takes no memory while the stage runs. */
  readonly from?: number;
  readonly state?: AdamWState | StoredAdamWState;
  /** Called between steps with the optimizer, for checkpoints; true ends the stage. `land` as in `LoopOptions`. */
  readonly pause?: (step: number, optimizer: AdamW, land: () => Promise<void>) => Promise<boolean> | boolean;
  /** Called when the data of `step` cannot be prepared, before the error is thrown: the place for a checkpoint. */
  readonly onBadData?: (step: number, optimizer: AdamW) => Promise<void> | void;
}

interface Micro {
  readonly batch: Batch;
  readonly pixels: Float32Array | null;
}

/** Indices of the samples of every step: epoch after epoch, similar lengths together, drawn from the seed alone. */
export function stepsOfSamples(
  { lengths: all }: Pick<Samples, 'lengths'>,
  { batch, steps }: Pick<StageConfig, 'batch' | 'steps'>,
  seed: number,
): { epoch: number; indices: number[] }[] {
  const lengths = Array.from(all);
  const mixed = lengths.some((n) => n > 0) && lengths.some((n) => n < 0);
  const out: { epoch: number; indices: number[] }[] = [];
  for (let epoch = 0; out.length < steps; epoch++) {
    const random = new RandomStream(seed, epoch, 0x6f72646572);
    const order = mixed
      ? groupByModalityLength(lengths, batch, 1, random)
      : groupByLength(lengths, batch, random).flat();
    for (let i = 0; i < order.length && out.length < steps; i += batch)
      out.push({ epoch, indices: order.slice(i, i + batch) });
  }
  return out;
}

/** What of a stage decides the batches of its steps. */
export type StageBatches = Pick<StageOptions, 'tokens' | 'stage' | 'train' | 'seed'>;

/** The micro-batches of a step from its samples, the k-th of them the one of index `indices[k]`. */
export function batchesOf(
  { tokens, stage, train, seed }: StageBatches,
  config: ModelConfig,
  { epoch, indices, samples }: { epoch: number; indices: readonly number[]; samples: readonly Sample[] },
): { batch: Batch; chosen: Sample[] }[] {
  const template = stage.template === 'plain' ? 'plain' : templateOf(config);
  const published = publishedRule(config, train, stage);
  const size = Math.ceil(indices.length / stage.accumulate);
  return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) => {
    const part = indices.slice(i * size, (i + 1) * size);
    const chosen = samples.slice(i * size, (i + 1) * size);
    const encoded = chosen.map((sample, k) =>
      encodeSample(tokens, sample, {
        template,
        selfQuestionRate: stage.sqR,
        draw: { seed, epoch, sample: part[k]! },
        maxLength: train.maxLength,
        published,
      }),
    );
    return { batch: makeBatch(encoded, { patches: imageTokens(config.vision) }), chosen };
  });
}

/** The optimizer of a stage. */
export const stageOptimizer = (
  model: SqLlava,
  { trainable }: StageConfig,
  { lr, betas, eps, weightDecay, moments, clip }: TrainConfig,
): AdamW =>
  new AdamW(model.gpu, model.parameters, {
    groups: trainable,
    lr,
    betas,
    eps,
    weightDecay,
    moments,
    maxGradNorm: clip ?? undefined,
  });

/** The model's mode while a stage runs. */
export const trainingMode = ({ gradientCheckpointing }: TrainConfig): Mode => ({
  training: true,
  checkpointing: gradientCheckpointing,
});

/**
 * Trains one stage. Returns the step to resume with and disposes of the optimizer.
 * @throws DataError for a step with no sample or no label left; what `pixels` throws; TrainError as `runSteps`
 */
export async function trainStage(options: StageOptions): Promise<number> {
  const { model, stage, train, samples, seed, from = 0, state, onStep, onWait, onRecord, capture } = options;
  const { pause, onBadData } = options;
  const optimizer = stageOptimizer(model, stage, train);
  if (state && 'moments' in state) optimizer.load(state);
  else if (state) await optimizer.loadStored(state);
  model.gpu.trim(); // pooled buffers do not have the sizes of a captured step's
  const order = stepsOfSamples(samples, stage, seed);
  Object.assign(model.mode, trainingMode(train));
  try {
    return await runSteps<Micro, LossInputs>({
      gpu: model.gpu,
      parameters: model.parameters,
      optimizer,
      from,
      steps: stage.steps,
      seed,
      onStep,
      onWait,
      onRecord,
      capture,
      lr: cosineSchedule({ lr: train.lr, steps: stage.steps, warmup: Math.ceil(stage.warmup * stage.steps) }),
      prepare: (step) => microsOf(options, step, order[step]!),
      inputs: ({ batch, pixels }) => model.lossInputs(batch, pixels),
      loss: (inputs) => model.lossOf(inputs),
      count: ({ batch }) => ({ tokens: batch.lengths.reduce((a, b) => a + b, 0), images: batch.images.length }),
      pause: pause && ((step, land) => pause(step, optimizer, land)),
      onBadData: onBadData && ((step) => onBadData(step, optimizer)),
    });
  } finally {
    Object.assign(model.mode, { training: false, checkpointing: false });
    optimizer.dispose();
  }
}

/** The micro-batches of a step with their pixels, without the samples that `pixels` leaves out. */
async function microsOf(
  options: StageOptions,
  step: number,
  { epoch, indices }: { epoch: number; indices: readonly number[] },
): Promise<Micro[]> {
  const { samples, model, train } = options;
  const each = await Promise.all(
    indices.map(async (index) => {
      const sample = await samples.read(index);
      const pixels = await Promise.all(
        shownImages(sample, options.stage).map((image) => options.pixels(image, sample)),
      );
      return { index, sample, pixels };
    }),
  );
  const kept = each.filter(({ pixels }) => !pixels.includes(null));
  if (kept.length === 0)
    throw new DataError(
      `train: step ${step}: all ${indices.length} of its samples were left out; it needs at least one.`,
    );
  const images = new Map(kept.map(({ sample, pixels }) => [sample, pixels as Float32Array[]]));
  const left = { epoch, indices: kept.map(({ index }) => index), samples: kept.map(({ sample }) => sample) };
  return batchesOf(options, model.config, left).map(({ batch, chosen }) => {
    if (batch.labelled === 0)
      throw new DataError(
        `train: step ${step}: none of its ${batch.size} samples has a label within train.maxLength ${train.maxLength}; raise it or leave them out.`,
      );
    const shown = batch.images.map((b, i) => {
      const pixels = images.get(chosen[b]!)!;
      return pixels[pixels.length === 1 ? 0 : batch.imageTags[i]!]!;
    });
    return { batch, pixels: stack(shown) };
  });
}

/** The images of a sample that stand at an `<image>`: none where no turn says so. */
const shownImages = ({ images, messages }: Sample, { template }: StageConfig): readonly string[] =>
  template === 'plain' || messages.some(({ text }) => text!.includes(IMAGE_TAG)) ? images : [];

/** Pixels of several images one after the other; null for none. */
function stack(each: readonly Float32Array[]): Float32Array | null {
  if (each.length === 0) return null;
  const out = new Float32Array(each.reduce((sum, pixels) => sum + pixels.length, 0));
  let at = 0;
  for (const pixels of each) {
    out.set(pixels, at);
    at += pixels.length;
  }
  return out;
}
