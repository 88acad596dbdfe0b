/** The loss in chunks of rows is the loss of all rows at once, and takes the memory of a chunk. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backward, crossEntropy, linear, linearCrossEntropy, openGpu, Parameter, store, tensor } from '../src/index.ts';
import type { DType, Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

const [ROWS, C, V] = [300, 64, 520];

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

async function outcome(on: Gpu, dtype: DType, lossOf: (x: Tensor, w: Tensor, targets: Tensor) => Tensor) {
  const w = new Parameter(on, 'w', [V, C], null, dtype);
  store(w, noise(V * C, 3));
  w.requiresGrad = dtype === 'f32';
  const x = tensor(on, noise(ROWS * C, 9), [ROWS, C]);
  x.requiresGrad = true;
  const targets = tensor(
    on,
    Int32Array.from({ length: ROWS }, (_, i) => (i % 7 === 2 ? -100 : (i * 37) % V)),
  );
  const [loss, dx, dw] = on.scope(() => {
    const y = lossOf(x, w, targets);
    backward(y);
    return [y.item(), x.grad!.read(), w.grad?.read()] as const;
  });
  return { loss: await loss, dx: (await dx) as Float32Array, dw: (await dw) as Float32Array | undefined };
}

const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const scale = Math.max(...Array.from(b, Math.abs));
  return Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!))) / scale;
};

test.each([
  ['f32', 64],
  ['f32', 100],
  ['nf4', 128],
] as const)('%s in chunks of %i rows: the gradient of x bit for bit, sums within rounding', async (dtype, chunk) => {
  const whole = await outcome(gpu, dtype, (x, w, targets) => crossEntropy(linear(x, w), targets));
  const parts = await outcome(gpu, dtype, (x, w, targets) => linearCrossEntropy(x, w, targets, { chunk }));
  expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(3e-7);
  if (ROWS % chunk >= 44) expect(parts.dx).toEqual(whole.dx);
  else expect(apart(parts.dx, whole.dx)).toBeLessThan(1e-6);
  if (whole.dw) expect(apart(parts.dw!, whole.dw)).toBeLessThan(1e-6);
});

test('also with the weight bound in shards', async () => {
  const small = await openDevice({ bindingLimit: 80 * 1024 });
  const whole = await outcome(gpu, 'f32', (x, w, targets) => crossEntropy(linear(x, w), targets));
  const parts = await outcome(small, 'f32', (x, w, targets) => linearCrossEntropy(x, w, targets, { chunk: 30 }));
  small.close();
  expect(Math.abs(parts.loss / whole.loss - 1)).toBeLessThan(3e-7);
  expect(apart(parts.dx, whole.dx)).toBeLessThan(1e-6);
  expect(apart(parts.dw!, whole.dw!)).toBeLessThan(1e-6);
});

test('2,048 rows of 32,000 classes take the memory of a chunk', async () => {
  const dry = await openGpu({ dryRun: true, bindingLimit: 2 ** 27 });
  const w = new Parameter(dry, 'w', [32000, 128], null, 'nf4');
  store(w, new Float32Array(w.size));
  const x = new Parameter(dry, 'x', [2048, 128], null);
  x.requiresGrad = true;
  const targets = tensor(dry, new Int32Array(2048));
  dry.scope(() => backward(linearCrossEntropy(x, w, targets)));
  const { largestBytes, peakBytes } = dry.memoryReport();
  dry.close();
  expect(largestBytes).toBeLessThanOrEqual(2 ** 25);
  expect(peakBytes).toBeLessThan(2 ** 27);
});

test('sizes that do not match', () => {
  const x = tensor(gpu, new Float32Array(12), [3, 4]);
  const w = tensor(gpu, new Float32Array(8), [2, 4]);
  const targets = tensor(gpu, new Int32Array(3));
  expect(() => linearCrossEntropy(x, tensor(gpu, new Float32Array(6), [2, 3]), targets)).toThrow(
    'linearCrossEntropy: x is [3, 4] and the weight [2, 3]; it must be [V, 4].',
  );
  expect(() => linearCrossEntropy(x, [], targets)).toThrow(
    'linearCrossEntropy: x is [3, 4] and the weight an empty list; it must be [V, 4].',
  );
  expect(() => linearCrossEntropy(x, w, tensor(gpu, new Int32Array(2)))).toThrow(
    'linearCrossEntropy: targets are [2] and x [3, 4]; targets must be [3].',
  );
  expect(() => linearCrossEntropy(x, w, targets, { chunk: 0 })).toThrow(
    'linearCrossEntropy: chunk is 0; it must be a whole number of rows, at least 1.',
  );
  expect(() => crossEntropy(x, targets, { reduction: 'none' as never })).toThrow(
    "crossEntropy: reduction is 'none'; it must be 'mean' or 'sum'.",
  );
});
