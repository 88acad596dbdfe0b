/**
 * A run trains what the paper trains and nothing else: the base stays as its file has it, to the bit; every pair in use
 * and the projector move.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { samplesOf, trainStage } from '@curio/model';
import { decodeFloats, openWeightFolder } from '@curio/nn';
import { loadConfig } from '../src/config/load.ts';
import { generatePart, pictureOf } from '../src/data/generate.ts';
import { folderSource } from '../src/run/files.ts';
import { baseFolder, openForRun } from '../src/train/open.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

test('the base is bit-equal to its file after both stages; adapters and projector have changed', async () => {
  const config = loadConfig({
    preset: 'small',
    overrides: [
      ['train.stage1.steps', '2'],
      ['train.stage2.steps', '3'],
      ['train.stage1.batch', '4'],
      ['train.stage2.batch', '4'],
    ],
  });
  const opened = await openForRun(gpu, config);
  const { model, tokens, prepare } = opened;
  const before = new Map<string, Float32Array>();
  for (const p of model.parameters) before.set(p.name, (await p.read()) as Float32Array);
  for (const [name, count] of [
    ['stage1', 8],
    ['stage2', 12],
  ] as const) {
    const parts = generatePart(name, { seed: 5, count });
    const samples = parts.map(({ entry }) => ({
      id: entry.id,
      images: [entry.image],
      messages: entry.conversations.map(({ from, value }) => ({ role: from, text: value })),
    }));
    const pixels = (image: string): Promise<Float32Array> =>
      Promise.resolve(prepare(pictureOf(name, parts.find(({ entry }) => entry.image === image)!)));
    await trainStage({
      model,
      tokens,
      stage: config.train[name],
      train: config.train,
      samples: samplesOf(samples),
      pixels,
      seed: 5,
    });
  }

  const files = {
    'language.': await openWeightFolder(folderSource(baseFolder(config, 'language'))),
    'vision.': await openWeightFolder(folderSource(baseFolder(config, 'vision'))),
  };
  let frozen = 0;
  const unmoved: string[] = [];
  for (const p of model.parameters) {
    const now = (await p.read()) as Float32Array;
    const scope = Object.keys(files).find((prefix) => p.name.startsWith(prefix)) as keyof typeof files | undefined;
    const stored = scope && files[scope].get(p.name.slice(scope.length));
    if (stored) {
      const file = decodeFloats(await stored.read(), stored.dtype);
      expect(
        Buffer.from(now.buffer).equals(Buffer.from(file.buffer, file.byteOffset, file.byteLength)),
        `${p.name} must be as in its file`,
      ).toBe(true);
      frozen++;
    } else if (now.every((v, i) => v === before.get(p.name)![i])) {
      unmoved.push(p.name);
    }
  }
  expect(frozen).toBeGreaterThan(80);
  // The published projector has a norm that is never used.
  expect(unmoved).toEqual(['projector.ln_1.weight', 'projector.ln_1.bias']);
});

test('training on an NF4 base: its words stay, the loss is near that of f32, every pair changes', async () => {
  const losses: number[] = [];
  for (const storage of ['f32', 'nf4']) {
    const config = loadConfig({
      preset: 'small',
      overrides: [
        ['base.storage', storage],
        ['train.stage2.steps', '2'],
        ['train.stage2.batch', '2'],
      ],
    });
    const { model, tokens, prepare } = await openForRun(gpu, config);
    const before = new Map<string, ArrayLike<number>>();
    for (const p of model.parameters) before.set(p.name, await p.read());
    const parts = generatePart('stage2', { seed: 5, count: 4 });
    const samples = parts.map(({ entry }) => ({
      id: entry.id,
      images: [entry.image],
      messages: entry.conversations.map(({ from, value }) => ({ role: from, text: value })),
    }));
    const pixels = (image: string): Promise<Float32Array> =>
      Promise.resolve(prepare(pictureOf('stage2', parts.find(({ entry }) => entry.image === image)!)));
    await trainStage({
      model,
      tokens,
      stage: config.train.stage2,
      train: config.train,
      samples: samplesOf(samples),
      pixels,
      seed: 5,
      onStep: ({ step, loss }) => void (step <= 1 && losses.push(loss)),
    });
    const packed = model.parameters.filter(({ dtype }) => dtype === 'nf4');
    if (storage === 'nf4') expect(packed.length).toBeGreaterThan(40);
    for (const p of packed) expect(await p.read(), p.name).toEqual(before.get(p.name));
    for (const p of model.parameters)
      if (p.name.includes('lora_B')) expect(await p.read(), p.name).not.toEqual(before.get(p.name));
  }
  const [plain, quantised] = losses as [number, number];
  expect(Math.abs(quantised - plain)).toBeLessThan(0.3 * plain);
});
