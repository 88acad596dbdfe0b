/**
 * @file Predicts the memory of a stage before anything is allocated: model, optimizer and every shape of
 * its steps, planned on a device opened with `dryRun`.
 */
import { ConfigError, DeviceError, showBytes } from '@curio/engine';
import type { Gpu, StepWork } from '@curio/engine';
import type { BaseStorage } from '@curio/nn';
import { makeBatch } from './data/batch.ts';
import type { Batch } from './data/batch.ts';
import { bareModel } from './checkpoint.ts';
import { imageTokens } from './config.ts';
import type { ModelConfig, StageConfig, TrainConfig } from './config.ts';
import { captured } from './loop.ts';
import type { SqLlava } from './sq-llava.ts';
import { batchesOf, stageOptimizer, stepsOfSamples, trainingMode } from './stages.ts';
import type { StageBatches } from './stages.ts';
import type { Samples } from './data/dataset.ts';
import { IMAGE_TOKEN } from './data/tokens.ts';

export interface StagePrediction {
  /** Bytes on the device, by what they are for. */
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** The most kept between forward and backward. */
  readonly activations: number;
  /** Everything else that a step computes with, its inputs among it. */
  readonly scratch: number;
  /** Peak memory. */
  readonly peak: number;
  /** The largest tensor, and what the adapter can bind. */
  readonly largest: number;
  readonly bindingLimit: number;
  /** What the device does for an optimizer step, on average. */
  readonly work: StepWork;
  readonly steps: number;
  /** Distinct shapes of micro-batches, and the largest: sequences, positions, images. */
  readonly shapes: number;
  readonly batch: Pick<Batch, 'size' | 'length'> & { readonly images: number };
}

export interface PredictOptions {
  /**
   * Opened with `dryRun` and the run's `memoryLimit`, if any: under one, frozen weights are not mirrored. Nothing else
   * on it.
   */
  readonly gpu: Gpu;
  readonly config: ModelConfig;
  /** Storage of the frozen base. */
  readonly storage?: BaseStorage;
  readonly train: TrainConfig;
  readonly stage: StageConfig;
  readonly seed: number;
  /**
   * The data whose shapes are planned; without them every sample is taken as long as `train.maxLength` lets it be, with
   * an image.
   */
  readonly data?: Pick<StageBatches, 'tokens'> & { readonly samples: Samples };
  /** Steps looked at. Default 1000. */
  readonly steps?: number;
}

/**
 * Plans a stage as `trainStage` would run it. It uses the same buffers, so that later measurements agree with the
 * prediction.
 */
export async function predictStage(options: PredictOptions): Promise<StagePrediction> {
  const { gpu, config, stage, train } = options;
  if (!gpu.isDry) throw new ConfigError('predict: the device computes; open it with dryRun.');
  gpu.memory.resetPeak();
  const model = bareModel(gpu, config, options.storage);
  const optimizer = stageOptimizer(model, stage, train);
  gpu.trim();
  Object.assign(model.mode, trainingMode(train));
  const work = captured({ gpu, optimizer, loss: (inputs: Parameters<SqLlava['lossOf']>[0]) => model.lossOf(inputs) });
  let activations = 0;
  let largest: Batch | null = null;
  const works = new Map<string, ReturnType<typeof work.workOf>>();
  const sum = { operations: 0, bytes: 0 };
  let micros = 0;
  for await (const batch of batches(options)) {
    const pixels =
      batch.images.length > 0 ? new Float32Array(batch.images.length * 3 * config.vision.imageSize ** 2) : null;
    const inputs = model.lossInputs(batch, pixels);
    const shape = JSON.stringify(Object.values(inputs).map((input) => input?.shape));
    activations = Math.max(activations, work.plan(inputs).activations);
    const known = works.get(shape) ?? work.workOf(inputs);
    works.set(shape, known);
    sum.operations += known.micro.operations;
    sum.bytes += known.micro.bytes;
    micros++;
    if (!largest || batch.size * batch.length > largest.size * largest.length) largest = batch;
  }
  if (!largest) throw new ConfigError('predict: the stage has no step; give it samples.');
  const { update } = [...works.values()][0]!;
  const passes = Math.ceil(stage.batch / Math.ceil(stage.batch / stage.accumulate));
  const {
    byPurpose: { weights, gradients, optimizer: moments, step },
    peakBytes,
    largestBytes,
  } = gpu.memoryReport();
  const prediction = {
    weights,
    gradients,
    optimizer: moments,
    activations,
    scratch: step - activations,
    peak: peakBytes,
    largest: largestBytes,
    bindingLimit: gpu.memory.bindingLimit,
    work: {
      operations: (sum.operations * passes) / micros + update.operations,
      bytes: (sum.bytes * passes) / micros + update.bytes,
    },
    steps: stage.steps,
    shapes: works.size,
    batch: { size: largest.size, length: largest.length, images: largest.images.length },
  };
  work.dispose();
  optimizer.dispose();
  for (const parameter of model.parameters) parameter.dispose();
  gpu.trim();
  return prediction;
}

/** Micro-batches in the order of the steps. */
async function* batches({ config, stage, train, seed, data, steps = 1000 }: PredictOptions): AsyncGenerator<Batch> {
  if (!data) {
    const ids = [1, IMAGE_TOKEN, ...new Array<number>(Math.max(1, train.maxLength - 2)).fill(2)];
    yield makeBatch(
      Array.from({ length: Math.ceil(stage.batch / stage.accumulate) }, () => ({ ids, labels: ids })),
      { patches: imageTokens(config.vision) },
    );
    return;
  }
  const { tokens, samples } = data;
  for (const { epoch, indices } of stepsOfSamples(samples, stage, seed).slice(0, steps)) {
    const chosen = await Promise.all(indices.map((index) => samples.read(index)));
    for (const { batch } of batchesOf({ tokens, stage, train, seed }, config, { epoch, indices, samples: chosen }))
      yield batch;
  }
}

const ROWS = ['weights', 'gradients', 'optimizer', 'activations', 'scratch'] as const;

/** How fast a device is at a model's products, and at everything else. */
export interface DeviceRates {
  /** Multiplications and additions, and bytes, a second. */
  readonly operations: number;
  readonly bytes: number;
}

/** Seconds of one optimizer step at these rates: products and attention by operations, the rest by bytes. */
export const stepSeconds = ({ work }: Pick<StagePrediction, 'work'>, rates: DeviceRates): number =>
  work.operations / rates.operations + work.bytes / rates.bytes;

function showSeconds(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86400, 'days'],
    [3600, 'h'],
    [60, 'min'],
  ];
  const [size, unit] = units.find(([each]) => seconds >= 2 * each) ?? [1, 's'];
  return `${(seconds / size).toPrecision(3)} ${unit}`;
}

/** One line for each kind of bytes, and what they come to; with the rates of a device also the time. */
export function predictionTable(prediction: StagePrediction, rates?: DeviceRates): string {
  const { peak, largest, bindingLimit, shapes, batch } = prediction;
  const row = (name: string, bytes: number): string => `  ${name.padEnd(12)}${showBytes(bytes).padStart(10)}`;
  return [
    ...ROWS.map((name) => row(name, prediction[name])),
    row('at the peak', peak),
    `  largest tensor ${showBytes(largest)}, of ${showBytes(bindingLimit)} that the adapter binds`,
    `  ${shapes} ${shapes === 1 ? 'shape' : 'shapes'} of step, the largest ${batch.size} × ${batch.length} positions with ${batch.images} ${batch.images === 1 ? 'image' : 'images'}`,
    ...(rates ? [timeLine(prediction, rates)] : []),
  ].join('\n');
}

function timeLine(prediction: StagePrediction, rates: DeviceRates): string {
  const seconds = stepSeconds(prediction, rates);
  const { work, steps } = prediction;
  return `  a step ${showSeconds(seconds)}, ${steps} steps ${showSeconds(steps * seconds)}: ${(work.operations / 1e12).toPrecision(3)} TFLOP at ${(rates.operations / 1e9).toPrecision(3)} GFLOP/s, ${showBytes(work.bytes)} at ${showBytes(rates.bytes)}/s`;
}

/**
 * Throws DeviceError with the table if a stage does not fit the adapter or `limit` bytes, naming a number of passes
 * per step that does: gradients are then summed over smaller parts of the same batch.
 */
export async function requireFit(
  where: string,
  options: PredictOptions,
  prediction: StagePrediction,
  limit = Infinity,
): Promise<void> {
  const fits = ({ largest, bindingLimit, peak }: StagePrediction): boolean => largest <= bindingLimit && peak <= limit;
  if (fits(prediction)) return;
  const { stage } = options;
  let passes = stage.accumulate;
  let least = prediction;
  while (!fits(least) && passes < stage.batch) {
    passes = Math.min(stage.batch, 2 * passes);
    least = await predictStage({ ...options, stage: { ...stage, accumulate: passes } });
  }
  const over =
    prediction.largest > prediction.bindingLimit
      ? `a tensor of ${showBytes(prediction.largest)} is over the ${showBytes(prediction.bindingLimit)} that the adapter binds`
      : `${showBytes(prediction.peak)} are over the limit of ${showBytes(limit)}`;
  const advice = fits(least)
    ? `accumulate ${passes} (${Math.ceil(stage.batch / passes)} samples a pass) fits, with ${showBytes(least.peak)}`
    : `one sample a pass still takes ${showBytes(least.peak)} with a tensor of ${showBytes(least.largest)}; take a smaller maxLength, a packed base.storage or another device`;
  throw new DeviceError(`${where}: ${over}; ${advice}.\n${predictionTable(prediction)}`);
}
