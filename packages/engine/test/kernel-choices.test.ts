/** `gpu.kernels`: what products run on and what chooses kernels is changed only by functions that restore it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Gpu } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeEach(async () => {
  gpu = await openDevice({ tune: 'measured' });
});
afterEach(() => gpu.close());

test('halfProducts and tuner cannot be assigned', () => {
  const { kernels } = gpu;
  // @ts-expect-error it can only be read
  expect(() => (kernels.halfProducts = true)).toThrow(TypeError);
  // @ts-expect-error it can only be read
  expect(() => (kernels.tuner = null)).toThrow(TypeError);
  expect(kernels.halfProducts).toBe(false);
  expect(kernels.tuner).not.toBeNull();
});

test('a function that returns or throws leaves them as they were', () => {
  const { kernels } = gpu;
  const { tuner } = kernels;
  expect(kernels.withHalfProducts(true, () => kernels.halfProducts)).toBe(true);
  expect(kernels.withoutTuner(() => kernels.tuner)).toBeNull();
  const fail = (): never => {
    throw new Error('as planned');
  };
  expect(() => kernels.withHalfProducts(true, fail)).toThrow('as planned');
  expect(() => kernels.withoutTuner(fail)).toThrow('as planned');
  expect(kernels.halfProducts).toBe(false);
  expect(kernels.tuner).toBe(tuner);
});

test('an async function keeps them until its promise settles, rejected too', async () => {
  const { kernels } = gpu;
  const { tuner } = kernels;
  let settle = (_: Error | null): void => {};
  const waiting = (): Promise<void> =>
    new Promise((resolve, reject) => (settle = (error) => (error ? reject(error) : resolve())));
  const done = kernels.withHalfProducts(true, waiting);
  expect(kernels.halfProducts).toBe(true);
  settle(null);
  await done;
  expect(kernels.halfProducts).toBe(false);
  const failed = kernels.withoutTuner(waiting);
  expect(kernels.tuner).toBeNull();
  settle(new Error('as planned'));
  await expect(failed).rejects.toThrow('as planned');
  expect(kernels.tuner).toBe(tuner);
});

test('of two that overlap the newer counts, and none outlives its function', async () => {
  const { kernels } = gpu;
  const ends: (() => void)[] = [];
  const waiting = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
  const first = kernels.withHalfProducts(true, waiting);
  const second = kernels.withHalfProducts(false, waiting);
  expect(kernels.halfProducts).toBe(false);
  ends[0]!();
  await first;
  expect(kernels.halfProducts).toBe(false);
  ends[1]!();
  await second;
  expect(kernels.halfProducts).toBe(false);
  kernels.enableHalfProducts();
  expect(kernels.withHalfProducts(false, () => kernels.halfProducts)).toBe(false);
  expect(kernels.halfProducts).toBe(true);
});

test('without the tuner only the static table decides', () => {
  gpu.kernels.dropTuner();
  expect(gpu.kernels.tuner).toBeNull();
});
