/**
 * Textures kept for frozen weights follow them: a write from the host, changes on the device, in recorded steps too;
 * they end with the weight or where an optimizer trains it.
 */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { AdamW, backward, capture, linear, loraLinear, Parameter, sum, tensor } from '../src/index.ts';
import { readsTexels } from '../src/ops/parts/texel-rows.ts';
import { copyInto } from '../src/tensor/copy.ts';
import type { Gpu, RecordReport, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());
beforeEach(() => {
  for (const layout of ['nn', 'nt', 'tn', 'tt']) gpu.kernels.forced.set(`matmul ${layout}`, 'texels');
});

const [M, N, K, R] = [40, 96, 128, 16];
const weight = (seed: number, on = gpu): Parameter => new Parameter(on, 'w', [N, K], noise(N * K, seed));
/** The product with a weight of these values that has no mirror. */
const expected = (x: Tensor, values: Float32Array<ArrayBuffer>): Promise<ArrayLike<number>> =>
  gpu.scope(() => linear(x, tensor(gpu, values, [N, K])).read());

/** A step that multiplies `x` by a weight, and what it was recorded for. */
function recorded(w: Parameter, x: Float32Array<ArrayBuffer>) {
  const reports: RecordReport[] = [];
  const step = capture(gpu, 'step', ({ x: input }: { x: Tensor }) => ({ y: linear(input, w) }), {
    onRecord: (report) => reports.push(report),
  });
  return {
    step,
    reports,
    replayed: (): Promise<ArrayLike<number>> => step.run({ x: { values: x, shape: [M, K] } }).y.read(),
  };
}

test('a frozen weight is copied into a texture once, forward and for dx, with a second pair too', async () => {
  const [x, w] = [tensor(gpu, noise(M * K, 1), [M, K]), weight(2)];
  const [a, b] = [tensor(gpu, noise(R * K, 3), [R, K]), tensor(gpu, noise(N * R, 4), [N, R])];
  const spy = vi.spyOn(gpu.stream, 'copyRows');
  const run = async (of: Tensor): Promise<{ y: ArrayLike<number>; dx: ArrayLike<number>; copies: number }> => {
    spy.mockClear();
    const learning = tensor(gpu, noise(M * K, 1), [M, K]);
    learning.requiresGrad = true;
    const [y, dx] = gpu.scope(() => {
      const made = loraLinear(learning, of, null, { a, b, scale: 0.5 });
      backward(sum(made));
      return [made.read(), learning.grad!.read()];
    });
    return { y: await y!, dx: await dx!, copies: spy.mock.calls.length };
  };
  const plain = await run(tensor(gpu, noise(N * K, 2), [N, K]));
  const [first, second] = [await run(w), await run(w)];
  spy.mockRestore();
  expect([first.y, first.dx, second.y, second.dx]).toEqual([plain.y, plain.dx, plain.y, plain.dx]);
  expect(first.copies).toBe(plain.copies);
  if (readsTexels(gpu)) expect(second.copies).toBeLessThan(first.copies);
  expect(await expected(x, noise(N * K, 2))).toEqual(await gpu.scope(() => linear(x, w).read()));
  w.dispose();
});

test('a write from the host is followed, even by a step recorded before it', async () => {
  const [x, w] = [tensor(gpu, noise(M * K, 5), [M, K]), weight(6)];
  const { step, reports, replayed } = recorded(w, noise(M * K, 5));
  expect(await replayed()).toEqual(await expected(x, noise(N * K, 6)));
  for (const seed of [7, 8]) {
    w.write(noise(N * K, seed));
    expect(await replayed()).toEqual(await expected(x, noise(N * K, seed)));
    expect(await gpu.scope(() => linear(x, w).read())).toEqual(await expected(x, noise(N * K, seed)));
  }
  expect(reports).toHaveLength(1);
  step.dispose();
  w.dispose();
});

test('a change on the device is followed, even by a step recorded before it', async () => {
  const [x, w] = [tensor(gpu, noise(M * K, 9), [M, K]), weight(10)];
  const { step, reports, replayed } = recorded(w, noise(M * K, 9));
  await replayed();
  const other = noise(N * K, 11);
  copyInto(w, tensor(gpu, other, [N, K]));
  expect(await replayed()).toEqual(await expected(x, other));
  expect(reports).toHaveLength(1);
  step.dispose();
  w.dispose();
});

test('a step that changes a frozen weight before it is used sees its own change', async () => {
  const [x, w] = [tensor(gpu, noise(M * K, 12), [M, K]), weight(13)];
  const step = capture(gpu, 'step', ({ next }: { next: Tensor }) => {
    copyInto(w, next);
    return { y: linear(x, w) };
  });
  for (const seed of [14, 15, 16]) {
    await gpu.scope(() => linear(x, w).read()); // mirrors it outside of the step
    const values = noise(N * K, seed);
    expect(await step.run({ next: { values, shape: [N, K] } }).y.read()).toEqual(await expected(x, values));
    expect(await gpu.scope(() => linear(x, w).read())).toEqual(await expected(x, values));
  }
  step.dispose();
  w.dispose();
});

test('a step that changes a frozen weight after it is used sees the change at the next replay', async () => {
  const [x, w] = [tensor(gpu, noise(M * K, 22), [M, K]), weight(23)];
  const step = capture(gpu, 'step', ({ x: input, next }: { x: Tensor; next: Tensor }) => {
    const y = linear(input, w);
    copyInto(w, next);
    return { y };
  });
  for (const seed of [24, 25, 26]) {
    const { y } = step.run({
      x: { values: noise(M * K, 22), shape: [M, K] },
      next: { values: noise(N * K, seed), shape: [N, K] },
    });
    expect(await y.read()).toEqual(await expected(x, noise(N * K, seed - 1)));
    expect(await gpu.scope(() => linear(x, w).read())).toEqual(await expected(x, noise(N * K, seed)));
  }
  step.dispose();
  w.dispose();
});

test('mirrors end with the weight, or when an optimizer takes it over', async () => {
  gpu.trim();
  const before = gpu.memoryReport().liveBytes;
  const x = tensor(gpu, noise(M * K, 17), [M, K]);
  const [kept, trained] = [weight(18), weight(19)];
  const bare = gpu.memoryReport().byPurpose.weights;
  for (const w of [kept, trained]) await gpu.scope(() => linear(x, w).read());
  const one = (gpu.memoryReport().byPurpose.weights - bare) / 2;
  if (readsTexels(gpu)) expect(one).toBeGreaterThanOrEqual(4 * N * K);
  const optimizer = new AdamW(gpu, [trained], { groups: [['w', 1]] });
  await gpu.scope(() => linear(x, trained).read());
  expect(gpu.memoryReport().byPurpose.weights).toBe(bare + one);
  optimizer.dispose();
  for (const w of [kept, trained]) w.dispose();
  x.storage.release();
  expect(gpu.memoryReport().liveBytes).toBe(before);
});

test('with limited memory nothing is mirrored', async () => {
  const limited = await openDevice({ memoryLimit: 2 ** 26 });
  for (const layout of ['nn', 'nt']) limited.kernels.forced.set(`matmul ${layout}`, 'texels');
  const w = weight(20, limited);
  const before = limited.memoryReport().liveBytes;
  await limited.scope(() => linear(tensor(limited, noise(M * K, 21), [M, K]), w).read());
  expect(limited.memoryReport().liveBytes).toBe(before);
  limited.close();
});
