import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ConfigError,
  dropout,
  ones,
  openGpu,
  philox4x32,
  randomBits,
  randomNormal,
  randomUniform,
  RandomStream,
} from '../src/index.ts';
import type { Gpu } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

test('the device draws the same bits as the host', async () => {
  gpu.random.setStep(7, 0xdeadbeef);
  gpu.random.draw(5);
  const bits = await gpu.scope(() => randomBits(gpu, [1027]).read());
  const expected = new Uint32Array(1028);
  for (let block = 0; block < 257; block++) expected.set(philox4x32([0xdeadbeef, 7], [block, 5]), 4 * block);
  expect([...bits]).toEqual([...expected.subarray(0, 1027)]);
  expect(gpu.random.counter).toBe(6);
});

test('uniform numbers are those of the host stream, exactly', async () => {
  gpu.random.setStep(2, 9);
  const drawn = await gpu.scope(() => randomUniform(gpu, [101]).read());
  const stream = new RandomStream(9, 2, 0);
  expect([...drawn]).toEqual(Array.from({ length: 101 }, () => stream.uniform()));
});

test('the same seed and step repeat numbers; another stream, step or seed changes them', async () => {
  const draw = (step: number, seed: number, stream: number) => {
    gpu.random.setStep(step, seed);
    gpu.random.draw(stream);
    return gpu.scope(() => randomUniform(gpu, [16]).read());
  };
  const first = await draw(1, 2, 3);
  expect(await draw(1, 2, 3)).toEqual(first);
  for (const other of [await draw(2, 2, 3), await draw(1, 3, 3), await draw(1, 2, 4)]) expect(other).not.toEqual(first);
});

test('normal numbers have the requested mean and spread', async () => {
  gpu.random.setStep(0, 1);
  const n = 20000;
  const drawn = await gpu.scope(() => randomNormal(gpu, [n], { mean: 3, std: 2 }).read());
  const mean = [...drawn].reduce((a, b) => a + b, 0) / n;
  const variance = [...drawn].reduce((a, b) => a + (b - mean) ** 2, 0) / n;
  expect(Math.abs(mean - 3)).toBeLessThan(0.06);
  expect(Math.abs(Math.sqrt(variance) - 2)).toBeLessThan(0.05);
});

test('dropout keeps the right share, scaled', async () => {
  gpu.random.setStep(0, 4);
  const y = await gpu.scope(() => dropout(ones(gpu, [20000]), { p: 0.3 }).read());
  const kept = [...y].filter((v) => v !== 0);
  expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.7)]));
  expect(Math.abs(kept.length / 20000 - 0.7)).toBeLessThan(0.015);
});

test('dropout refuses a probability outside 0..1', () => {
  expect(() => gpu.scope(() => dropout(ones(gpu, [2]), { p: 1.5 }))).toThrow('dropout: p is 1.5; it must lie in 0..1.');
});

test.each([-1, 0.5, NaN, 2 ** 32])('step %d is refused, since the device would draw for another step', (step) => {
  expect(() => gpu.random.setStep(step)).toThrow(
    new ConfigError(`setStep: step is ${step}; it must be a whole number from 0 to 4294967295.`),
  );
});
