/**
 * Sums over k that are split into parts give what whole ones give, in the layout of weight gradients and where a kernel
 * reads a pitch.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backward, cast, linear, loraLinear, matmul, mul, profile, sum, tensor } from '../src/index.ts';
import type { Gpu } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

function oracle(a: Float32Array, b: Float32Array, M: number, N: number, K: number): Float64Array {
  const c = new Float64Array(M * N);
  for (let k = 0; k < K; k++)
    for (let i = 0; i < M; i++) for (let j = 0; j < N; j++) c[i * N + j]! += a[k * M + i]! * b[k * N + j]!;
  return c;
}

test.each([
  [8, 12, 100, 3],
  [5, 7, 41, 4],
  [16, 64, 1024, 7],
  [1, 1, 9, 2],
  [12, 8, 6, 16],
])('Aᵀ·B of %i × %i over %i terms in %i parts', async (M, N, K, parts) => {
  const [a, b] = [noise(K * M, 1), noise(K * N, 2)];
  const run = () =>
    gpu.scope(() => matmul(tensor(gpu, a, [K, M]), tensor(gpu, b, [K, N]), { transposeA: true }).read());
  const expected = oracle(a, b, M, N, K);
  gpu.kernels.forced.set('matmul split', `${parts}`);
  const split = await run();
  gpu.kernels.forced.delete('matmul split');
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(split.length).toBe(M * N);
  expect(Math.max(...Array.from(split, (v, i) => Math.abs(v - expected[i]!))) / scale).toBeLessThan(1e-5);
});

test.each([true, false])(
  'a pair in two products, the second added to the first: a gradient of a step %s',
  async (isGradient) => {
    const [M, N, K, r] = [68, 72, 100, 12];
    const wanted = async (): Promise<Float32Array> => {
      const x = tensor(gpu, noise(M * K, 1), [M, K]);
      x.requiresGrad = true;
      const [w, a, b, bias] = [
        tensor(gpu, noise(N * K, 2), [N, K]),
        tensor(gpu, noise(r * K, 3), [r, K]),
        tensor(gpu, noise(N * r, 4), [N, r]),
        tensor(gpu, noise(N, 5), [N]),
      ];
      const y = loraLinear(x, w, bias, { a, b, scale: 2 });
      if (!isGradient) return (await y.read()) as Float32Array;
      backward(sum(y));
      return (await x.grad!.read()) as Float32Array;
    };
    for (const layout of ['nn', 'nt']) gpu.kernels.forced.set(`matmul ${layout}`, 'block');
    try {
      const joined = await wanted();
      gpu.kernels.forced.set('matmul pair', 'separate');
      const apart = await wanted();
      const scale = Math.max(...joined.map(Math.abs));
      expect(Math.max(...Array.from(apart, (v, i) => Math.abs(v - joined[i]!))) / scale).toBeLessThan(1e-5);
      expect(Array.from(apart)).not.toEqual(Array.from(joined)); // rounded once more
    } finally {
      gpu.kernels.forced.clear();
    }
  },
);

test.each(['frozen', 'trained'])('a pair folded into a %s weight, and all gradients', async (kind) => {
  const [M, N, K, r] = [68, 72, 100, 12];
  const wanted = async (): Promise<number[][]> => {
    const [x, w, a, b, bias] = [
      tensor(gpu, noise(M * K, 1), [M, K]),
      tensor(gpu, noise(N * K, 2), [N, K]),
      tensor(gpu, noise(r * K, 3), [r, K]),
      tensor(gpu, noise(N * r, 4), [N, r]),
      tensor(gpu, noise(N, 5), [N]),
    ] as const;
    const learning = kind === 'frozen' ? [x, a, b] : [x, w, a, b, bias];
    for (const each of learning) each.requiresGrad = true;
    const [y, ...gradients] = gpu.scope(() => {
      const made = loraLinear(x, w, bias, { a, b, scale: 2 });
      backward(sum(mul(made, made)));
      return [made.read(), ...learning.map(({ grad }) => grad!.read()), w.read()];
    });
    return Promise.all([y, ...gradients].map(async (read) => Array.from((await read) as Float32Array)));
  };
  try {
    gpu.kernels.forced.set('matmul pair', 'joined');
    const joined = await wanted();
    gpu.kernels.forced.set('matmul pair', 'folded');
    const folded = await wanted();
    for (const [i, each] of folded.entries()) {
      const scale = Math.max(...joined[i]!.map(Math.abs));
      expect(Math.max(...each.map((v, j) => Math.abs(v - joined[i]![j]!))) / scale).toBeLessThan(1e-5);
    }
    expect(folded[0]).not.toEqual(joined[0]); // the weight is rounded once more
    expect(folded.at(-1)).toEqual(joined.at(-1)); // and stays what it was
  } finally {
    gpu.kernels.forced.clear();
  }
});

test.each([
  ['int8', {}],
  ['int4', {}],
  ['int4', { zeros: true }],
  ['nf4', {}],
] as const)('a product over %s %o unpacked before it, and its gradient', async (dtype, options) => {
  const [M, N, K] = [68, 72, 128];
  const wanted = async (): Promise<number[][]> => {
    const x = tensor(gpu, noise(M * K, 1), [M, K]);
    x.requiresGrad = true;
    const y = linear(x, cast(tensor(gpu, noise(N * K, 2), [N, K]), dtype, options));
    backward(sum(y));
    return Promise.all([y.read(), x.grad!.read()].map(async (read) => Array.from((await read) as Float32Array)));
  };
  for (const layout of ['nn', 'nt']) gpu.kernels.forced.set(`matmul ${layout}`, 'block');
  try {
    const within = await wanted();
    gpu.kernels.forced.set('matmul unpack', 'before');
    const before = await wanted();
    for (const [i, each] of before.entries())
      expect(Math.max(...each.map((v, j) => Math.abs(v - within[i]![j]!)))).toBeLessThan(1e-4);
    if (gpu.device.features.has('timestamp-query')) {
      const { dispatches } = await profile(gpu, wanted);
      expect(dispatches.filter(({ kernel }) => kernel === 'cast/unpack')).toHaveLength(2);
    }
  } finally {
    gpu.kernels.forced.clear();
  }
});

test.each(['nn', 'nt', 'tt'] as const)('a sum in four parts in layout %s', async (layout) => {
  const [M, N, K] = [68, 72, 100];
  const [transposeA, transposeB] = [layout[0] === 't', layout[1] === 't'];
  const run = () =>
    gpu.scope(() =>
      matmul(
        tensor(gpu, noise(M * K, 1), transposeA ? [K, M] : [M, K]),
        tensor(gpu, noise(K * N, 2), transposeB ? [N, K] : [K, N]),
        { transposeA, transposeB },
      ).read(),
    );
  gpu.kernels.forced.set(`matmul ${layout}`, 'block');
  const whole = await run();
  gpu.kernels.forced.set('matmul split', '4');
  const split = await run();
  if (gpu.device.features.has('timestamp-query')) {
    const { dispatches } = await profile(gpu, run);
    expect(dispatches.filter(({ kernel, grid }) => kernel === 'matmul/block' && grid[2] === 4)).toHaveLength(1);
  }
  gpu.kernels.forced.clear();
  expect(Math.max(...Array.from(split, (v, i) => Math.abs(v - whole[i]!)))).toBeLessThan(1e-4);
});

test('a weight gradient in parts equals the whole one, and other layouts are not split', async () => {
  const gradient = async (): Promise<number[]> => {
    const [x, w] = [tensor(gpu, noise(200 * 24, 3), [200, 24]), tensor(gpu, noise(16 * 24, 4), [16, 24])];
    x.requiresGrad = w.requiresGrad = true;
    const reads = gpu.scope(() => {
      backward(sum(linear(x, w)));
      return [w.grad!.read(), x.grad!.read()];
    });
    return (await Promise.all(reads)).flatMap((each) => [...each]);
  };
  const whole = await gradient();
  gpu.kernels.forced.set('matmul split', '5');
  const split = await gradient();
  if (gpu.device.features.has('timestamp-query')) {
    const { dispatches } = await profile(gpu, gradient);
    expect(dispatches.filter(({ kernel, grid }) => kernel.startsWith('matmul/') && grid[2] === 5)).toHaveLength(1);
  }
  gpu.kernels.forced.delete('matmul split');
  expect(Math.max(...split.map((v, i) => Math.abs(v - whole[i]!)))).toBeLessThan(1e-3);
});
