/**
 * Gradients and stored weights beside infinities, NaN and the least number, which no table of cases measures: right
 * values by hand and from PyTorch.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  backward,
  cast,
  ceil,
  clamp,
  crossEntropy,
  findNonFinite,
  linear,
  floor,
  gelu,
  geluTanh,
  layerNorm,
  logSoftmax,
  maximum,
  maxPool2d,
  minimum,
  mul,
  norm,
  ones,
  openGpu,
  Parameter,
  prototypeCluster,
  pow,
  quickGelu,
  relu,
  round,
  sign,
  silu,
  softmax,
  softplus,
  store,
  std,
  tensor,
  topk,
  variance,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { LOWEST } from '../src/truth/special.ts';
import { crossEntropyVariants } from '../src/ops/rows/cross-entropy.ts';
import { layerNormVariants } from '../src/ops/rows/layer-norm.ts';
import { logSoftmaxVariants } from '../src/ops/rows/log-softmax.ts';
import { prototypeFamilies } from '../src/ops/prototype/kernels.ts';
import { softmaxVariants } from '../src/ops/rows/softmax.ts';

let gpu: Gpu;
beforeAll(
  async () =>
    void (gpu = await openGpu({ features: import.meta.env.CURIO_FEATURES === 'portable' ? 'portable' : 'all' })),
);
beforeEach(() => gpu.kernels.forced.clear());
afterAll(() => gpu.close());

const filled = (n: number, value: number): Float32Array<ArrayBuffer> => new Float32Array(n).fill(value);
const read = (f: () => Tensor): Promise<ArrayLike<number>> => gpu.scope(() => f().read());

async function slope(
  f: (x: Tensor) => Tensor,
  values: Float32Array<ArrayBuffer>,
  shape: number[],
  weights?: Float32Array<ArrayBuffer>,
): Promise<number[]> {
  const x = tensor(gpu, values, shape);
  x.requiresGrad = true;
  gpu.scope(() => {
    const y = f(x);
    backward(y, weights ? tensor(gpu, weights, y.shape) : ones(gpu, y.shape));
  });
  return [...(await x.grad!.read())];
}

function expectClose(got: ArrayLike<number>, right: readonly number[]): void {
  expect(got.length).toBe(right.length);
  right.forEach((v, i) =>
    Number.isFinite(v) ? expect(got[i], `element ${i}`).toBeCloseTo(v, 5) : expect(got[i], `element ${i}`).toBe(v),
  );
}

const firstOf = (n: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, (_, i) => Number(i === 0));

for (const n of [3, 8, 300, 2053]) {
  for (const value of [LOWEST, -Infinity]) {
    const jacobian = Array.from({ length: n }, (_, i) => Number(i === 0) - 1 / n);
    for (const variant of Object.keys(crossEntropyVariants)) {
      test(`crossEntropy's gradient, ${variant}: ${n} times ${value}`, async () => {
        gpu.kernels.forced.set('crossEntropy', variant);
        expectClose(
          await slope((x) => crossEntropy(x, tensor(gpu, Int32Array.of(0))), filled(n, value), [1, n]),
          jacobian.map((v) => -v),
        );
      });
    }
    for (const variant of Object.keys(softmaxVariants)) {
      test(`softmax's gradient, ${variant}: ${n} times ${value}`, async () => {
        gpu.kernels.forced.set('softmax', variant);
        expectClose(
          await slope(softmax, filled(n, value), [1, n], firstOf(n)),
          jacobian.map((v) => v / n),
        );
      });
    }
    for (const variant of Object.keys(logSoftmaxVariants)) {
      test(`logSoftmax's gradient, ${variant}: ${n} times ${value}`, async () => {
        gpu.kernels.forced.set('logSoftmax', variant);
        expectClose(await slope(logSoftmax, filled(n, value), [1, n], firstOf(n)), jacobian);
      });
    }
  }
}

for (const variant of Object.keys(logSoftmaxVariants)) {
  test(`logSoftmax's gradient of a row with NaN is NaN, of another not, ${variant}`, async () => {
    gpu.kernels.forced.set('logSoftmax', variant);
    for (const n of [3, 8, 300]) {
      const values = filled(2 * n, 0);
      values[n - 1] = NaN;
      const got = await slope(logSoftmax, values, [2, n], firstOf(2 * n));
      expect(got.slice(0, n).every(Number.isNaN), `${n}: ${got.slice(0, n)}`).toBe(true);
      expectClose(got.slice(n), Array<number>(n).fill(0));
    }
  });
}

for (const variant of Object.keys(crossEntropyVariants)) {
  test(`a target that is not a class makes the gradient NaN, ${variant}`, async () => {
    gpu.kernels.forced.set('crossEntropy', variant);
    for (const target of [12, -1]) {
      const got = await slope(
        (x) => crossEntropy(x, cast(tensor(gpu, Float32Array.of(target, 0, -100)), 'i32')), // the host knows no value
        filled(36, 1),
        [3, 12],
      );
      expect(got.every(Number.isNaN), `${target}: ${got}`).toBe(true);
    }
  });
}

test('a window of only -∞ has its gradient at its position', async () => {
  expectClose(await slope((x) => maxPool2d(x, { kernel: 1 }), filled(4, -Infinity), [1, 1, 2, 2]), [1, 1, 1, 1]);
  expectClose(
    await slope((x) => maxPool2d(x, { kernel: 2 }), filled(8, -Infinity), [1, 2, 2, 2]),
    [1, 0, 0, 0, 1, 0, 0, 0],
  );
  expectClose(
    await slope((x) => maxPool2d(x, { kernel: 2 }), Float32Array.of(1, NaN, 2, NaN), [1, 1, 2, 2]),
    [0, 1, 0, 0],
  );
});

test('topk takes NaN first and its values follow', async () => {
  expectClose(await read(() => topk(tensor(gpu, Float32Array.of(1, 2, NaN)), 3).values), [NaN, 2, 1]);
});

/** Ops that choose; below, slopes under an infinite gradient, right by PyTorch. */
const choosers: readonly (readonly [string, (x: Tensor) => Tensor, readonly number[]])[] = [
  ['relu', relu, [0, 0, Infinity]],
  ['maximum with a number', (x) => maximum(x, 0), [0, Infinity, Infinity]],
  ['maximum of a number', (x) => maximum(0, x), [0, Infinity, Infinity]],
  ['minimum with a number', (x) => minimum(x, 0), [Infinity, Infinity, 0]],
  ['maximum with a tensor', (x) => maximum(x, zeros(gpu, [3])), [0, Infinity, Infinity]],
  ['maximum of a tensor', (x) => maximum(zeros(gpu, [3]), x), [0, Infinity, Infinity]],
  ['minimum with a tensor', (x) => minimum(x, zeros(gpu, [3])), [Infinity, Infinity, 0]],
  ['minimum of a tensor', (x) => minimum(zeros(gpu, [3]), x), [Infinity, Infinity, 0]],
  ['clamp', (x) => clamp(x, -0.5, 0.5), [0, Infinity, 0]],
  ['floor', floor, [0, 0, 0]],
  ['ceil', ceil, [0, 0, 0]],
  ['round', round, [0, 0, 0]],
  ['sign', sign, [0, 0, 0]],
  ['pow to 0', (x) => pow(x, 0), [0, 0, 0]],
  ['norm', (x) => norm(mul(x, zeros(gpu, [3])), { axis: [] }), [0, 0, 0]],
];

test.each(choosers)('%s passes no infinite gradient, and no NaN, where its slope is 0', async (_, f, right) => {
  const values = Float32Array.of(-1, 0, 1);
  expectClose(await slope(f, values, [3], filled(3, Infinity)), right);
  expectClose(
    await slope(f, values, [3], filled(3, NaN)),
    right.map((v) => (v === 0 ? 0 : NaN)),
  );
});

test('clamp passes no gradient at its bounds, as PyTorch 2.15', async () => {
  expectClose(await slope((x) => clamp(x, -1, 1), Float32Array.of(-2, -1, 0, 1, 2), [5]), [0, 0, 1, 0, 0]);
});

test('a NaN that was chosen passes the gradient on, except in clamp', async () => {
  const nan = Float32Array.of(NaN);
  const other = (): Tensor => zeros(gpu, [1]);
  for (const f of [relu, (x: Tensor) => maximum(x, 0), (x: Tensor) => minimum(0, x)])
    expectClose(await slope(f, nan, [1]), [1]);
  for (const f of [maximum, minimum])
    for (const g of [(x: Tensor) => f(x, other()), (x: Tensor) => f(other(), x)])
      expectClose(await slope(g, nan, [1]), [1]);
  expectClose(await slope((x) => clamp(x, 0, 1), nan, [1]), [0]);
});

for (const n of [3, 8, 300, 2053]) {
  const values = filled(n, 0);
  values[0] = 1e30;
  for (const variant of Object.keys(layerNormVariants)) {
    test(`layerNorm, ${variant}: a row of ${n} whose variance is beyond f32`, async () => {
      gpu.kernels.forced.set('layerNorm', variant);
      const row = tensor(gpu, values, [1, n]);
      const got = await read(() => layerNorm(row, ones(gpu, [n]), tensor(gpu, filled(n, 0.25))));
      // One element stands √(n - 1) deviations from the mean, each other 1 / √(n - 1) on the other side.
      const apart = Math.sqrt(n - 1);
      expectClose(
        Array.from(got, (v, i) => (v - 0.25) / (i === 0 ? apart : -1 / apart)),
        Array<number>(n).fill(1),
      );
    });
  }
  test(`the variance of ${n} is infinite beyond f32, the deviation not yet`, async () => {
    expectClose(await read(() => variance(tensor(gpu, values))), [Infinity]);
    const got = await read(() => std(tensor(gpu, values)));
    expect(got[0]! / (1e30 / Math.sqrt(n))).toBeCloseTo(1, 5);
  });
}

test('slopes at -∞ are 0, not the smallest number', async () => {
  for (const f of [gelu, geluTanh, quickGelu, silu])
    expectClose(await slope(f, Float32Array.of(-Infinity, -20), [2], filled(2, Infinity)), [
      NaN,
      f === gelu || f === geluTanh ? NaN : -Infinity,
    ]);
});

test('slopes do not hide NaN', async () => {
  expectClose(await slope(softplus, Float32Array.of(NaN, 0), [2]), [NaN, 0.5]);
});

test.each(['int8', 'int4', 'nf4', 'f16', 'bf16'] as const)(
  'a NaN weight stored as %s reads back as NaN',
  async (dtype) => {
    const options = dtype === 'f16' || dtype === 'bf16' ? {} : { groupSize: 8 };
    const values = filled(16, 1);
    values[3] = NaN;
    const got = await read(() => cast(cast(tensor(gpu, values, [1, 16]), dtype, options), 'f32'));
    expect(got[3]).toBe(NaN);
    expectClose(Array.from(got).slice(8), Array<number>(8).fill(1)); // the next group keeps its own scale
  },
);

test('a NaN weight stored as int4 with zeros reads back as NaN', async () => {
  const got = await read(() =>
    cast(
      cast(tensor(gpu, Float32Array.of(1, 2, 3, 4, 5, 6, 7, NaN), [1, 8]), 'int4', { groupSize: 8, zeros: true }),
      'f32',
    ),
  );
  expect(got[7]).toBe(NaN);
});

test.each(Object.keys(prototypeFamilies.prototypeRows))('NaN passes the prototype extractor, %s', async (variant) => {
  gpu.kernels.forced.set('prototypeRows', variant);
  const shapes = [[1, 9, 16], [1, 9, 16], [1, 9, 16], [16, 16], [16], [1, 1, 1], [1, 1, 1]];
  for (let planted = -1; planted < shapes.length; planted++) {
    const y = await read(() => {
      const inputs = shapes.map((shape, i) => {
        const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, k) => Math.sin(7 * k + i));
        if (i === planted) values[values.length >> 1] = NaN;
        return tensor(gpu, values, shape);
      });
      const [x, f, v, cWeight, cBias, simAlpha, simBeta] = inputs as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      return prototypeCluster(x, f, v, { cWeight, cBias, simAlpha, simBeta, numPrototypes: 4, iterations: 2 });
    });
    expect([planted, Array.from(y).some(Number.isNaN)]).toEqual([planted, planted >= 0]);
  }
});

test.each([
  ['f32', 'w (element 67 is NaN)'],
  ['f16', 'w (element 67 of f16)'],
  ['bf16', 'w (element 67 of bf16)'],
  ['int8', 'w (scale 2 is NaN)'],
  ['int4', 'w (scale 2 is NaN)'],
  ['nf4', 'w (scale 2 is NaN)'],
] as const)('a parameter in %s that is not finite is named before what it reaches', async (dtype, said) => {
  const values = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
  const make = (name: string): Parameter => new Parameter(gpu, name, [2, 64], null, dtype);
  const [whole, w] = [make('whole'), make('w')];
  store(whole, values, { groupSize: 32 });
  const x = tensor(gpu, new Float32Array(64).fill(1), [1, 64]);
  const f = (): Tensor => linear(linear(x, w), ones(gpu, [1, 2]));
  store(w, values, { groupSize: 32 });
  expect(await findNonFinite(gpu, f, [whole, w])).toBeNull();
  store(w, values.slice().fill(NaN, 67, 68), { groupSize: 32 });
  expect(await findNonFinite(gpu, f, [whole, w])).toBe(said);
  expect(await findNonFinite(gpu, f)).toBe('output of linear with w (element 1 is NaN)');
  for (const each of [whole, w, x]) each.dispose();
});
