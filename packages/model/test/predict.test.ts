/** What a stage is said to take on the device is what it takes. */
import { openGpu } from '@curio/engine';
import { Weights } from '@curio/nn';
import { expect, test } from 'vitest';
import type { ModelConfig, TrainConfig } from '../src/config.ts';
import { samplesOf, type Sample } from '../src/data/dataset.ts';
import { predictionTable, predictStage, requireFit } from '../src/predict.ts';
import { PRESETS } from '../src/presets/presets.ts';
import { sceneTokenizerJson } from '@curio/scenes';
import { SqLlava } from '../src/sq-llava.ts';
import { trainStage } from '../src/stages.ts';
import { Tokens } from '../src/data/tokens.ts';

const { model: small, train: schedule } = PRESETS.small;
const config: ModelConfig = {
  ...small,
  vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 3, numHeads: 2 },
  language: { ...small.language, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2, numKeyValueHeads: 2 },
};
const tokens = new Tokens(sceneTokenizerJson());
const samples: Sample[] = Array.from({ length: 32 }, (_, i) => ({
  id: `${i}`,
  images: [`${i}`],
  messages: [
    { role: 'human', text: '<image>\nwhere is the red digit ?' },
    { role: 'gpt', text: new Array(1 + ((i * 7) % 60)).fill('red').join(' ') },
  ],
}));
const train: TrainConfig = {
  ...schedule,
  stage1: { ...schedule.stage1, batch: 8, steps: 6 },
  stage2: { ...schedule.stage2, batch: 8, steps: 6, accumulate: 2 },
};
const pixels = async (): Promise<Float32Array> => new Float32Array(3 * config.vision.imageSize ** 2).fill(0.5);

test.each([
  ['stage1', false, 'f32'],
  ['stage2', false, 'f32'],
  ['stage2', true, '8bit'],
] as const)(
  '%s, gradient checkpointing %s, moments %s: predicted and measured bytes agree within 5 %',
  async (name, gradientCheckpointing, moments) => {
    const settings: TrainConfig = { ...train, gradientCheckpointing, moments };
    const dry = await openGpu({ dryRun: true });
    const prediction = await predictStage({
      gpu: dry,
      config,
      train: settings,
      stage: train[name],
      seed: 5,
      data: { tokens, samples: samplesOf(samples) },
    });
    expect(dry.memoryReport().liveBytes).toBeLessThan(100_000);
    dry.close();

    const gpu = await openGpu();
    const model = new SqLlava(new Weights(gpu), config);
    let measured = gpu.memoryReport();
    await trainStage({
      model,
      tokens,
      train: settings,
      stage: train[name],
      samples: samplesOf(samples),
      pixels,
      seed: 5,
      onStep: () => void (measured = gpu.memoryReport()),
    });
    gpu.close();
    const close = (said: number, was: number): void =>
      expect(Math.abs(said / was - 1), `${said} said, ${was} measured`).toBeLessThan(0.05);
    close(prediction.peak, measured.peakBytes);
    close(prediction.activations + prediction.scratch, measured.byPurpose.step);
    for (const purpose of ['weights', 'gradients', 'optimizer'] as const)
      expect(prediction[purpose]).toBe(measured.byPurpose[purpose]);
    expect(prediction.activations).toBeGreaterThan(prediction.weights);
    expect(prediction.peak).toBeGreaterThanOrEqual(
      prediction.weights + prediction.gradients + prediction.optimizer + prediction.activations + prediction.scratch,
    );
  },
);

test('gradient checkpointing keeps less', async () => {
  const deep = { ...config, language: { ...config.language, numLayers: 8 } };
  const [kept, recomputed] = await Promise.all(
    [false, true].map(async (gradientCheckpointing) => {
      const dry = await openGpu({ dryRun: true });
      const { activations } = await predictStage({
        gpu: dry,
        config: deep,
        train: { ...train, gradientCheckpointing },
        stage: train.stage2,
        seed: 5,
        data: { tokens, samples: samplesOf(samples) },
      });
      dry.close();
      return activations;
    }),
  );
  expect(recomputed! / kept!).toBeLessThan(0.5);
});

test('a stage that does not fit is refused with its table and what would fit, before anything is allocated', async () => {
  const dry = await openGpu({ dryRun: true });
  const options = { gpu: dry, config, train: { ...train, maxLength: 60 }, stage: train.stage1, seed: 5 };
  const prediction = await predictStage(options);
  expect(prediction.batch).toEqual({ size: 8, length: 96, images: 8 });
  await requireFit('stage 1', options, prediction);
  const half = await predictStage({ ...options, stage: { ...train.stage1, accumulate: 2 } });
  await expect(requireFit('stage 1', options, prediction, half.peak)).rejects.toThrow(
    /^stage 1: [\d.]+ MB are over the limit of [\d.]+ MB; accumulate 2 \(4 samples a pass\) fits, with [\d.]+ MB\.\n {2}weights/,
  );
  await expect(requireFit('stage 1', options, prediction, 1000)).rejects.toThrow(
    /one sample a pass still takes [\d.]+ MB with a tensor of [\d.]+ kB; take a smaller maxLength, a packed base\.storage or another device\.\n/,
  );
  expect(predictionTable(prediction)).toMatch(
    /^ {2}weights +[\d.]+ [kM]B\n {2}gradients .*\n {2}optimizer .*\n {2}activations .*\n {2}scratch .*\n {2}at the peak .*\n {2}largest tensor .* that the adapter binds\n {2}1 shape of step, the largest 8 × 96 positions with 8 images$/,
  );
  expect(predictionTable(prediction, { operations: 1e9, bytes: 1e9 })).toMatch(
    /\n {2}a step [\d.]+ s, 6 steps [\d.]+ s: [\d.e-]+ TFLOP at 1\.00 GFLOP\/s, [\d.]+ MB at 1\.0 GB\/s$/,
  );
  expect(half.work.operations / prediction.work.operations).toBeCloseTo(1, 1); // as many samples, in other passes
  await expect(predictStage({ ...options, gpu: { isDry: false } as never })).rejects.toThrow(
    'predict: the device computes; open it with dryRun.',
  );
  dry.close();

  const gpu = await openGpu({ memoryLimit: prediction.peak / 2 });
  const model = new SqLlava(new Weights(gpu), config);
  const run = trainStage({ model, tokens, train, stage: train.stage2, samples: samplesOf(samples), pixels, seed: 5 });
  await expect(run).rejects.toThrow(
    /^train: the step needs [\d.]+ MB \(activations [\d.]+ MB, scratch [\d.]+ (MB|kB)\) in addition to weights [\d.]+ kB, gradients [\d.]+ kB, optimizer [\d.]+ kB, step .*, and [\d.]+ (MB|kB) of [\d.]+ MB are left; make the batch smaller, or recompute parts with checkpoint\.$/,
  );
  gpu.close();
});

test('a dry run reads nothing back', async () => {
  const dry = await openGpu({ dryRun: true });
  const model = new SqLlava(new Weights(dry, { bare: () => 'f32' }), config);
  await expect(model.parameters[0]!.read()).rejects.toThrow(
    'bytes in a dry run, which computes nothing; open the device without dryRun.',
  );
  expect(dry.memoryReport().created).toBe(model.parameters.length);
  dry.close();
});
