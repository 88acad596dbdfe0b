/** Elementwise ops over more axes than a kernel walks, and without elements: what cannot be merged is copied once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { add, backward, eq, ones, tensor, where, zeros } from '../src/index.ts';
import type { Gpu } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

test('tensors without elements broadcast over any axes, forward and backward', async () => {
  const wide = [3, 2, 5, 2, 0, 4];
  const narrow = [3, 1, 5, 1, 0, 4];
  const x = zeros(gpu, [1, 2, 1, 2, 1, 4]);
  x.requiresGrad = true;
  const { shapes, read } = gpu.scope(() => {
    const isSame = eq(zeros(gpu, wide), zeros(gpu, narrow));
    const y = where(isSame, add(zeros(gpu, narrow), x), x);
    backward(y, ones(gpu, wide));
    return { shapes: [isSame.shape, y.shape], read: y.read() };
  });
  expect(shapes).toEqual([wide, wide]);
  expect([...(await read)]).toEqual([]);
  expect([...(await x.grad!.read())]).toEqual(Array<number>(16).fill(0));
});

test('six alternating axes are handled too', async () => {
  const ramp = tensor(
    gpu,
    Array.from({ length: 8 }, (_, i) => i),
    [1, 2, 1, 2, 1, 2],
  );
  const y = await gpu.scope(() => add(zeros(gpu, [2, 1, 2, 1, 2, 1]), ramp).read());
  const at = (i: number): number => ((i >> 4) & 1) * 4 + ((i >> 2) & 1) * 2 + (i & 1);
  expect([...y]).toEqual(Array.from({ length: 64 }, (_, i) => at(i)));
});
