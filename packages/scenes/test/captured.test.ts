/**
 * Training with captured steps equals training with every step recorded anew, to the bit: both stages, micro-batches,
 * dropout, both parts of the base.
 */
import { openGpu, RandomStream, TrainError } from '@curio/engine';
import type { Gpu, RecordReport } from '@curio/engine';
import { Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClipPair } from '../src/base/clip-pair.ts';
import { pretrainClip, pretrainLlama } from '../src/base/pretrain.ts';
import type { ModelConfig, Sample, StepReport, TrainConfig } from '@curio/model';
import { Llama, PRESETS, samplesOf, SqLlava, Tokens, trainStage } from '@curio/model';
import type { GlyphSource } from '../src/scene.ts';
import { sceneTokenizerJson, VOCABULARY } from '../src/vocabulary.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const tokens = new Tokens(sceneTokenizerJson());
const { model: small, train } = PRESETS.small;
/** The small model, narrower and with dropout. */
const config: ModelConfig = {
  ...small,
  vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 3, numHeads: 2 },
  language: { ...small.language, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2, numKeyValueHeads: 2 },
  languageLora: { ...small.languageLora!, r: 4, dropout: 0.1 },
  visionLora: { ...small.visionLora!, r: 4, dropout: 0.2 },
};
const WORDS = ['red', 'blue', 'digit', 'where', 'is', 'the'];
const random = new RandomStream(3);
const words = (count: number): string =>
  Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]!).join(' ');
/** Conversations of 3 to 40 words, every third without a picture. */
const samples: Sample[] = Array.from({ length: 24 }, (_, i) => ({
  id: `${i}`,
  images: i % 3 > 0 ? [`${i}`] : [],
  messages: [
    { role: 'human', text: `${i % 3 > 0 ? '<image>\n' : ''}${words(3)} ?` },
    { role: 'gpt', text: words(1 + ((5 * i) % 37)) },
    { role: 'human', text: `${words(3)} ?` },
    { role: 'gpt', text: words(2) },
  ],
}));
const pictures = samples.filter(({ images }) => images.length > 0);
const pixels = async (image: string): Promise<Float32Array> => {
  const draw = new RandomStream(Number(image), 1);
  return Float32Array.from({ length: 3 * config.vision.imageSize ** 2 }, () => draw.uniform(-1, 1));
};

interface Outcome {
  reports: StepReport[];
  recorded: RecordReport[];
  values: Map<string, ArrayLike<number>>;
}

async function stage(
  name: 'stage1' | 'stage2',
  steps: number,
  accumulate: number,
  capture: boolean,
  gradientCheckpointing = false,
): Promise<Outcome> {
  const model = new SqLlava(new Weights(gpu, { seed: 1 }), config);
  const [reports, recorded]: [StepReport[], RecordReport[]] = [[], []];
  const settings: TrainConfig = {
    ...train,
    gradientCheckpointing,
    stage1: { ...train.stage1, batch: 4, steps, accumulate },
    stage2: { ...train.stage2, batch: 4, steps, accumulate },
  };
  const options = {
    model,
    tokens,
    train: settings,
    stage: settings[name],
    samples: samplesOf(name === 'stage1' ? pictures : samples),
    pixels,
    seed: 5,
  };
  await trainStage({
    ...options,
    capture,
    onStep: (report) => void reports.push(report),
    onRecord: (report) => recorded.push(report),
  });
  const values = new Map<string, ArrayLike<number>>();
  for (const parameter of model.parameters) values.set(parameter.name, await parameter.read());
  for (const parameter of model.parameters) parameter.dispose();
  return { reports, recorded, values };
}

test.each([
  ['stage1', 6, 1],
  ['stage2', 8, 1],
  ['stage2', 6, 2],
] as const)('%s, %i steps in passes of %i', async (name, steps, accumulate) => {
  const anew = await stage(name, steps, accumulate, false);
  const before = gpu.memoryReport().liveBuffers;
  const replayed = await stage(name, steps, accumulate, true);
  expect(gpu.memoryReport().liveBuffers).toBe(before);
  expect(replayed.reports).toEqual(anew.reports);
  expect(replayed.reports.length).toBe(steps);
  expect(replayed.values).toEqual(anew.values);
  expect(anew.recorded).toEqual([]);
  expect(replayed.recorded[0]!.reason).toBe('first call');
});

test.each([false, true])('gradient checkpointing changes no bit, dropout included; captured: %s', async (capture) => {
  const kept = await stage('stage2', 5, 2, capture);
  const recomputed = await stage('stage2', 5, 2, capture, true);
  expect(recomputed.reports).toEqual(kept.reports);
  expect(recomputed.values).toEqual(kept.values);
});

test('a loss that is not finite is reported with its cause', async () => {
  const model = new SqLlava(new Weights(gpu, { seed: 1 }), config);
  const head = model.parameters.find(({ name }) => name.endsWith('layers.1.mlp.down_proj.weight'))!;
  head.write(new Float32Array(head.size).fill(NaN));
  const run = trainStage({
    model,
    tokens,
    train,
    stage: { ...train.stage1, batch: 4 },
    samples: samplesOf(pictures),
    pixels,
    seed: 5,
  });
  await expect(run).rejects.toThrow(
    new TrainError(
      'train: the loss is NaN at step 0; first non-finite tensor: language.model.layers.1.mlp.down_proj.weight (element 0 is NaN). The step changed nothing.',
    ),
  );
  for (const parameter of model.parameters) parameter.dispose();
});

const glyphs: GlyphSource = {
  count: () => 5,
  pixels: (digit, index) =>
    Uint8Array.from({ length: 784 }, (_, i) => (Math.abs((i % 28) - 13.5) < 6 + digit / 2 ? 200 + index : 0)),
};
const shared = { tokens, glyphs, seed: 2, stream: 1, steps: 5, lr: 1e-3, warmup: 2, cooldown: 2, weightDecay: 0.01 };

test.each(['clip', 'llama'] as const)('pretraining of the base: %s', async (part) => {
  const outcomes: Outcome[] = [];
  for (const capture of [false, true]) {
    const weights = new Weights(gpu, { seed: 4 });
    const [reports, recorded]: [StepReport[], RecordReport[]] = [[], []];
    const options = {
      ...shared,
      capture,
      onStep: (report: StepReport) => void reports.push(report),
      onRecord: (report: RecordReport) => void recorded.push(report),
    };
    if (part === 'clip') {
      const text = {
        vocabSize: VOCABULARY.length,
        hiddenSize: 32,
        intermediateSize: 64,
        numLayers: 1,
        numHeads: 2,
        maxPositions: 32,
        layerNormEps: 1e-5,
        projectionSize: 32,
      };
      const image = {
        size: config.vision.imageSize,
        mode: 'pad',
        mean: [0.5, 0.5, 0.5],
        std: [0.3, 0.3, 0.3],
      } as const;
      await pretrainClip(new ClipPair(weights, config.vision, text), {
        ...options,
        batch: { groups: 2, groupSize: 3, augment: 0.5, image },
      });
    } else {
      await pretrainLlama(new Llama(weights, config.language), gpu, weights.parameters(), {
        ...options,
        batchSize: 3,
        documents: () => ({ questionWeight: 0.1, kindWeights: {} }),
      });
    }
    const values = new Map<string, ArrayLike<number>>();
    for (const parameter of weights.parameters()) values.set(parameter.name, await parameter.read());
    for (const parameter of weights.parameters()) parameter.dispose();
    outcomes.push({ reports, recorded, values });
  }
  const [anew, replayed] = outcomes as [Outcome, Outcome];
  expect(replayed.reports).toEqual(anew.reports);
  expect(replayed.values).toEqual(anew.values);
  expect(replayed.recorded.length).toBeGreaterThan(0);
});
