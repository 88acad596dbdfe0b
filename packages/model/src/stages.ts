/**
 * @file The two training stages: which samples a step sees, which parameters learn, at what rate. docs/sq-llava.md 3.
 */
import { AdamW, cosineSchedule, RandomStream, tensor } from '@curio/engine';
import type { AdamWState, Tensor } from '@curio/engine';
import type { Mode } from '@curio/nn';
import { encodeSample, makeBatch } from './data/batch.ts';
import type { Batch } from './data/batch.ts';
import { imageTokens } from './config.ts';
import type { ModelConfig, StageConfig, TrainConfig } from './config.ts';
import { TEMPLATES, withVuserToken } from './data/conversation.ts';
import type { Template } from './data/conversation.ts';
import { modalityLength } from './data/dataset.ts';
import type { Sample } from './data/dataset.ts';
import { runSteps } from './loop.ts';
import type { LoopOptions } from './loop.ts';
import { groupByLength, groupByModalityLength } from './data/sampler.ts';
import type { LossInputs, SqLlava } from './sq-llava.ts';
import type { Tokens } from './data/tokens.ts';

export interface StageOptions extends Pick<LoopOptions<never>, 'onStep' | 'onRecord' | 'capture'> {
  readonly model: SqLlava;
  readonly tokens: Tokens;
  readonly stage: StageConfig;
  readonly train: TrainConfig;
  readonly samples: readonly Sample[];
  /** Normalised pixels of an image, float32 [3, S, S]. */
  readonly pixels: (image: string) => Promise<Float32Array>;
  readonly seed: number;
  /** Step to begin with, and the optimizer's state there. */
  readonly from?: number;
  readonly state?: AdamWState;
  /** Called between steps with the optimizer, for checkpoints; true ends the stage. */
  readonly pause?: (step: number, optimizer: AdamW) => Promise<boolean> | boolean;
}

interface Micro {
  readonly batch: Batch;
  readonly pixels: Float32Array | null;
}

/** The chat template of a model: the named one, with its own system text and self-question role. */
export function templateOf({ template, systemText, vusr }: SqLlava['config']): Template {
  const named: Template = TEMPLATES[template];
  const spoken = systemText === null ? named : { ...named, system: systemText };
  return vusr === 'token' ? withVuserToken(spoken) : spoken;
}

/** Indices of the samples of every step: epoch after epoch, similar lengths together, drawn from the seed alone. */
export function stepsOfSamples(
  samples: readonly Sample[],
  { batch, steps }: Pick<StageConfig, 'batch' | 'steps'>,
  seed: number,
): { epoch: number; indices: number[] }[] {
  const lengths = samples.map(modalityLength);
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
export type StageBatches = Pick<StageOptions, 'tokens' | 'stage' | 'train' | 'samples' | 'seed'>;

/** The micro-batches of a step, each with its samples. */
export function batchesOf(
  { tokens, stage, train, samples, seed }: StageBatches,
  config: ModelConfig,
  { epoch, indices }: { epoch: number; indices: readonly number[] },
): { batch: Batch; chosen: Sample[] }[] {
  const template = stage.template === 'plain' ? 'plain' : templateOf(config);
  const size = Math.ceil(indices.length / stage.accumulate);
  return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) => {
    const part = indices.slice(i * size, (i + 1) * size);
    const chosen = part.map((index) => samples[index]!);
    const encoded = chosen.map((sample, k) =>
      encodeSample(tokens, sample, {
        template,
        selfQuestionRate: stage.sqR,
        draw: { seed, epoch, sample: part[k]! },
        maxLength: train.maxLength,
      }),
    );
    return { batch: makeBatch(encoded, { patches: imageTokens(config.vision) }), chosen };
  });
}

/** The optimizer of a stage. */
export const stageOptimizer = (
  model: SqLlava,
  { trainable }: StageConfig,
  { lr, betas, eps, weightDecay, clip }: TrainConfig,
): AdamW =>
  new AdamW(model.gpu, model.parameters, {
    groups: trainable,
    lr,
    betas,
    eps,
    weightDecay,
    maxGradNorm: clip ?? undefined,
  });

/** The model's mode while a stage runs. */
export const trainingMode = ({ gradientCheckpointing }: TrainConfig): Mode => ({
  training: true,
  checkpointing: gradientCheckpointing,
});

/** Trains one stage. Returns the step to resume with and disposes of the optimizer. */
export async function trainStage(options: StageOptions): Promise<number> {
  const { model, stage, train, samples, seed, from = 0, state, onStep, onRecord, capture, pause } = options;
  const optimizer = stageOptimizer(model, stage, train);
  if (state) optimizer.load(state);
  model.gpu.trim(); // what lies ready for reuse has other sizes than a captured step's
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
      onRecord,
      capture,
      lr: cosineSchedule({ lr: train.lr, steps: stage.steps, warmup: Math.ceil(stage.warmup * stage.steps) }),
      prepare: (step) =>
        Promise.all(
          batchesOf(options, model.config, order[step]!).map(async ({ batch, chosen }) => ({
            batch,
            pixels: await stack(
              batch.images.map((b) => chosen[b]!.image!),
              options.pixels,
            ),
          })),
        ),
      inputs: ({ batch, pixels }) => model.lossInputs(batch, pixels),
      loss: (inputs) => model.lossOf(inputs),
      count: ({ batch }) => ({ tokens: batch.lengths.reduce((a, b) => a + b, 0), images: batch.images.length }),
      pause: pause && ((step) => pause(step, optimizer)),
    });
  } finally {
    Object.assign(model.mode, { training: false, checkpointing: false });
    optimizer.dispose();
  }
}

/** Pixels of several images one after the other; null for none. */
async function stack(
  images: readonly string[],
  read: (image: string) => Promise<Float32Array>,
): Promise<Float32Array | null> {
  if (images.length === 0) return null;
  const each = await Promise.all(images.map(read));
  const out = new Float32Array(each.reduce((sum, pixels) => sum + pixels.length, 0));
  let at = 0;
  for (const pixels of each) {
    out.set(pixels, at);
    at += pixels.length;
  }
  return out;
}

/** Stacked pixels as the image tower takes them: float[N, 3, S, S]. */
export function imageTensor(model: SqLlava, pixels: Float32Array): Tensor {
  const { imageSize } = model.config.vision;
  return tensor(model.gpu, pixels as Float32Array<ArrayBuffer>, [
    pixels.length / (3 * imageSize ** 2),
    3,
    imageSize,
    imageSize,
  ]);
}
