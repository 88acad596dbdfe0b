/** A tiny model with everything trained memorises ten conversations. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeSample } from '../src/data/batch.ts';
import type { ModelConfig } from '../src/config.ts';
import { TEMPLATES } from '../src/data/conversation.ts';
import { samplesOf, type Sample } from '../src/data/dataset.ts';
import { generate } from '../src/generate.ts';
import { PRESETS } from '../src/presets/presets.ts';
import { sceneTokenizerJson } from '@curio/scenes';
import { SqLlava } from '../src/sq-llava.ts';
import { imageTensor } from '../src/model-inputs.ts';
import { trainStage } from '../src/stages.ts';
import { Tokens } from '../src/data/tokens.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const { model: small, train } = PRESETS.small;

test.each(['f32', '8bit'] as const)('a tiny model memorises ten conversations, moments %s', async (moments) => {
  const config: ModelConfig = {
    ...small,
    vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2 },
    projector: { kind: 'cluster', numPrototypes: 4, iterations: 2 },
    language: {
      ...small.language,
      hiddenSize: 64,
      intermediateSize: 128,
      numLayers: 2,
      numHeads: 2,
      numKeyValueHeads: 2,
    },
  };
  const tokens = new Tokens(sceneTokenizerJson());
  const words = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
  const samples: Sample[] = words.map((word, i) => ({
    id: word,
    images: [word],
    messages: [
      { role: 'human', text: `<image>\nwhere is the ${word} ?` },
      { role: 'gpt', text: `${words[(3 * i + 1) % 10]} .` },
    ],
  }));
  const pixels = (image: string): Promise<Float32Array> =>
    Promise.resolve(new Float32Array(3 * config.vision.imageSize ** 2).fill(words.indexOf(image) / 10));
  const model = new SqLlava(new Weights(gpu, { seed: 1 }), config);
  const stage = { ...train.stage2, batch: 10, steps: 200, trainable: [['', 1]] as const, warmup: 0.05, sqR: 0 };
  const losses: number[] = [];
  await trainStage({
    model,
    tokens,
    train: { ...train, lr: 3e-3, moments },
    stage,
    samples: samplesOf(samples),
    pixels,
    seed: 3,
    onStep: ({ loss }) => void losses.push(loss),
  });
  expect(losses[0]!).toBeGreaterThan(3);
  expect(losses.at(-1)!).toBeLessThan(0.1);

  const area = 3 * config.vision.imageSize ** 2;
  const all = new Float32Array(10 * area);
  for (const [i, word] of words.entries()) all.set(await pixels(word), i * area);
  const prompts = samples.map((sample) => {
    const { ids, labels } = encodeSample(tokens, sample, { template: TEMPLATES.scenes });
    return ids.slice(
      0,
      labels.findIndex((label) => label >= 0),
    );
  });
  const images = gpu.scope(() => model.encodeImages(imageTensor(model, all)));
  const answers = await generate(model, prompts, images, { maxNewTokens: 4, eos: tokens.eos });
  expect(answers.map(({ ids }) => tokens.decode(ids).trim())).toEqual(samples.map(({ messages }) => messages[1]!.text));
  images.dispose();
  for (const parameter of model.parameters) parameter.dispose();
});
