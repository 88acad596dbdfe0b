/**
 * Long sums stay within 4 ulp for each halving of their length, whichever kernel adds them up: of equal numbers, whose
 * rounding errors all point one way.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  backward,
  crossEntropy,
  cumsum,
  layerNorm,
  mean,
  ones,
  openGpu,
  sum,
  tensor,
  variance,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { layerNormVariants } from '../src/ops/rows/layer-norm.ts';
import { reduceColumnsVariants, reduceRowsVariants } from '../src/ops/parts/reduce.ts';

let gpu: Gpu;
beforeAll(
  async () =>
    void (gpu = await openGpu({ features: import.meta.env.CURIO_FEATURES === 'portable' ? 'portable' : 'all' })),
);
beforeEach(() => gpu.kernels.forced.clear());
afterAll(() => gpu.close());

const TENTH = Math.fround(0.1);
const filled = (n: number, value: number): Float32Array<ArrayBuffer> => new Float32Array(n).fill(value);
const read = (f: () => Tensor): Promise<ArrayLike<number>> => gpu.scope(() => f().read());

/** 4 ulp · log2 n of the right value. */
function expectWithin(got: number, right: number, n: number): void {
  const ulp = 2 ** (Math.floor(Math.log2(Math.abs(right))) - 23);
  expect(Math.abs(got - right) / ulp, `${got} for ${right}, in ulp`).toBeLessThanOrEqual(4 * Math.log2(n));
}

for (const variant of Object.keys(reduceRowsVariants)) {
  test.each([
    [1, 100_003],
    [1025, 4097],
    [1024, 4100],
    [2, 262_144],
  ])(`sums along rows, ${variant}: [%i, %i]`, async (rows, n) => {
    gpu.kernels.forced.set('reduceRows', variant);
    const got = await read(() => sum(tensor(gpu, filled(rows * n, 0.1), [rows, n]), { axis: 1 }));
    for (const row of [0, rows - 1]) expectWithin(got[row]!, n * TENTH, n);
  });
}

for (const variant of Object.keys(reduceColumnsVariants)) {
  test.each([
    [30_000, 1023],
    [8191, 1024],
  ])(`sums along columns, ${variant}: [%i, %i]`, async (n, cols) => {
    gpu.kernels.forced.set('reduceColumns', variant);
    const got = await read(() => sum(tensor(gpu, filled(n * cols, 0.1), [n, cols]), { axis: 0 }));
    for (const col of [0, cols - 1]) expectWithin(got[col]!, n * TENTH, n);
  });
}

test('one sum and one mean of millions', async () => {
  const n = 4_000_003;
  const values = filled(n, 0.1);
  expectWithin((await read(() => sum(tensor(gpu, values))))[0]!, n * TENTH, n);
  expectWithin((await read(() => mean(tensor(gpu, values))))[0]!, TENTH, n);
});

test.each([
  ['forward', 1],
  ['backward', 0],
] as const)('running sums, %s', async (_direction, isForward) => {
  const n = 1_000_000;
  const x = tensor(gpu, filled(n, 0.1));
  x.requiresGrad = true;
  const got = isForward
    ? await read(() => cumsum(x))
    : await (async () => {
        gpu.scope(() => backward(cumsum(x), tensor(gpu, filled(n, 0.1))));
        return x.grad!.read();
      })();
  for (const k of [1, 31, 32, 33, 1024, 1025, 32_768, 32_769, 99_999, n])
    expectWithin(got[isForward ? k - 1 : n - k]!, k * TENTH, n);
});

test('the mean loss of a million rows', async () => {
  const rows = 1_000_000;
  const got = await read(() => crossEntropy(tensor(gpu, filled(2 * rows, 1), [rows, 2]), zeros(gpu, [rows], 'i32')));
  expectWithin(got[0]!, Math.LN2, rows);
});

/** PyTorch gives 9.5e-7, 8.6e-6 and 3.9e-3: the square of what its mean is off by. */
test.each([
  [4097, 1e4 + 0.1],
  [65_537, 12_345.678],
  [100_000, 1e6 + 0.1],
])('the variance of %i times %d is 0', async (n, value) => {
  const got = (await read(() => variance(tensor(gpu, filled(n, value)))))[0]!;
  expect(got).toBeGreaterThanOrEqual(0); // else its root is NaN
  expect(got).toBeLessThanOrEqual(1e-6);
});

for (const variant of Object.keys(layerNormVariants)) {
  test.each([1023, 1024])(`layerNorm about large means, ${variant}: %i columns`, async (cols) => {
    gpu.kernels.forced.set('layerNorm', variant);
    for (const [base, step] of [
      [1e3, 0.1],
      [1e4, 0.1],
      [1e6, 1],
    ] as const) {
      const x = Float32Array.from({ length: cols }, (_, i) => base + ((i * 37) % 11) * step);
      const middle = x.reduce((a, b) => a + b, 0) / cols;
      const spread = Math.sqrt(x.reduce((a, b) => a + (b - middle) ** 2, 0) / cols + 1e-5);
      const got = await read(() => layerNorm(tensor(gpu, x, [1, cols]), ones(gpu, [cols]), zeros(gpu, [cols])));
      // The mean as f32 alone is off by up to half an ulp of itself.
      const bound = (0.5 * 2 ** (Math.floor(Math.log2(base)) - 23)) / spread + 1e-4;
      for (let i = 0; i < cols; i += 7)
        expect(Math.abs(got[i]! - (x[i]! - middle) / spread), `${base}, column ${i}`).toBeLessThanOrEqual(bound);
    }
  });
}

test('infinities pass through long sums', async () => {
  for (const [last, right] of [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
    [NaN, NaN],
  ] as const) {
    const values = filled(70_001, 1);
    values[40_000] = last;
    expect((await read(() => sum(tensor(gpu, values))))[0]).toBe(right);
    expect((await read(() => cumsum(tensor(gpu, values))))[70_000]).toBe(right);
  }
});
