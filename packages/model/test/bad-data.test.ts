/** The training loop's data: prepared ahead; where they fail the caller is told, with everything before told first. */
import { AdamW, DataError, mul, openGpu, Parameter, sum } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelConfig } from '../src/config.ts';
import { samplesOf, type Sample } from '../src/data/dataset.ts';
import { Tokens } from '../src/data/tokens.ts';
import { runSteps } from '../src/loop.ts';
import type { LoopOptions } from '../src/loop.ts';
import { PRESETS } from '../src/presets/presets.ts';
import { sceneTokenizerJson } from '@curio/scenes';
import { SqLlava } from '../src/sq-llava.ts';
import { trainStage } from '../src/stages.ts';
import type { StageOptions } from '../src/stages.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const later = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Four numbers learn for three steps; what the loop told comes back as words. */
async function loop(options: Partial<LoopOptions<number, { x: Tensor }>>) {
  const w = new Parameter(gpu, 'w', [4], Float32Array.of(1, 2, 3, 4));
  const optimizer = new AdamW(gpu, [w], { groups: [['w', 1]] });
  const told: string[] = [];
  const ended = await runSteps<number, { x: Tensor }>({
    gpu,
    optimizer,
    from: 0,
    steps: 3,
    lr: () => 1e-3,
    seed: 1,
    count: () => ({ tokens: 1, images: 1 }),
    prepare: (step) => [step],
    inputs: () => ({ x: { values: Float32Array.of(1, 1, 1, 1), shape: [4] } }),
    loss: ({ x }) => sum(mul(w, x)),
    onStep: ({ step }) => void told.push(`step ${step}`),
    onBadData: (step) => void told.push(`bad data of ${step}`),
    ...options,
  }).catch((error: Error) => error);
  optimizer.dispose();
  w.dispose();
  return { ended, told };
}

test.each([
  ['at once, by a throw', 1, 0],
  ['by a rejection while the loop waits', 1, 1],
  ['two steps on', 2, 1],
  ['before the first step', 0, 1],
])('data that fails %s reaches the caller, after all earlier steps', async (_, bad, ms) => {
  const error = new DataError("image: 'photo.jpg' cannot be decoded; it is cut.");
  const { ended, told } = await loop({
    prepare: (step) => {
      if (step !== bad) return [step];
      if (ms === 0) throw error;
      return later(ms).then(() => {
        throw error;
      });
    },
    pause: () => later(30).then(() => false), // such as the writing of a checkpoint
  });
  expect(ended).toBe(error);
  expect(told).toEqual([...Array.from({ length: bad }, (_, i) => `step ${i}`), `bad data of ${bad}`]);
});

test('asynchronous data is prepared several steps at once, in order, and the steps keep their order', async () => {
  let [working, most] = [0, 0];
  const begun: number[] = [];
  const { told } = await loop({
    steps: 12,
    prepare: async (step) => {
      begun.push(step);
      most = Math.max(most, ++working);
      await later(20);
      working--;
      return [step];
    },
  });
  expect(most).toBe(4);
  expect(begun).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect(told).toEqual(begun.map((step) => `step ${step}`));
});

test('saving between steps can wait for the reports of all earlier steps', async () => {
  const log: string[] = [];
  await loop({
    onStep: ({ step }) => void log.push(`step ${step}`),
    pause: async (step, land) => {
      await land();
      log.push(`save ${step}`);
      return false;
    },
  });
  expect(log).toEqual(['step 0', 'save 1', 'step 1', 'save 2', 'step 2', 'save 3']);
});

const { model: small, train } = PRESETS.small;
const config: ModelConfig = {
  ...small,
  vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 3, numHeads: 2 },
  language: { ...small.language, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2, numKeyValueHeads: 2 },
};
const samples: Sample[] = Array.from({ length: 8 }, (_, i) => ({
  id: `${i}`,
  images: [`${i}`],
  messages: [
    { role: 'human', text: '<image>\nis there a two ?' },
    { role: 'gpt', text: 'yes .' },
  ],
}));

async function stage1(options: Partial<StageOptions>) {
  const model = new SqLlava(new Weights(gpu, { seed: 1 }), config);
  const images: number[] = [];
  const ended = await trainStage({
    model,
    tokens: new Tokens(sceneTokenizerJson()),
    train,
    stage: { ...train.stage1, batch: 4, steps: 2 },
    samples: samplesOf(samples),
    seed: 5,
    pixels: () => Promise.resolve(new Float32Array(3 * config.vision.imageSize ** 2)),
    onStep: ({ counts }) => void images.push(counts.images),
    ...options,
  }).catch((error: Error) => error.message);
  for (const parameter of model.parameters) parameter.dispose();
  return { ended, images };
}

test('a sample without pixels is left out of its step, and a step without samples is refused', async () => {
  const pixels = new Float32Array(3 * config.vision.imageSize ** 2);
  const without = (bad: (id: number) => boolean) =>
    stage1({ pixels: async (image) => (bad(Number(image)) ? null : pixels) });
  expect(await without((id) => id === 3)).toMatchObject({ ended: 2, images: expect.arrayContaining([4, 3]) });
  expect((await without(() => true)).ended).toBe(
    'train: step 0: all 4 of its samples were left out; it needs at least one.',
  );
});

test('a batch without labels is refused, not trained on', async () => {
  expect((await stage1({ train: { ...train, maxLength: 2 } })).ended).toBe(
    'train: step 0: none of its 4 samples has a label within train.maxLength 2; raise it or leave them out.',
  );
});

test('each image of a sample is shown at its own tag, a single one at every tag, and none without a tag', async () => {
  const area = 3 * config.vision.imageSize ** 2;
  const loss = async (images: string[], question: string) => {
    let said = NaN;
    const asked: string[] = [];
    const messages: Sample['messages'] = [
      { role: 'human', text: question },
      { role: 'gpt', text: 'yes .' },
    ];
    const { ended } = await stage1({
      stage: { ...train.stage2, template: 'chat', batch: 1, steps: 1, sqR: 0 },
      samples: samplesOf([{ id: 'x', images, messages }]),
      pixels: async (image) => {
        asked.push(image);
        return new Float32Array(area).fill(image === 'a' ? 1 : -1);
      },
      onStep: ({ loss }) => void (said = loss),
    });
    expect(ended).toBe(1);
    return { said, asked };
  };
  const both = '<image>\n<image>\nis there a two ?';
  const [ab, ba, aa, a, bare] = [
    await loss(['a', 'b'], both),
    await loss(['b', 'a'], both),
    await loss(['a', 'a'], both),
    await loss(['a'], both),
    await loss(['a'], 'is there a two ?'),
  ];
  expect(new Set([ab.said, ba.said, aa.said, bare.said]).size).toBe(4);
  expect(a.said).toBe(aa.said);
  expect([ab.asked, a.asked, bare.asked]).toEqual([['a', 'b'], ['a'], []]);
});
