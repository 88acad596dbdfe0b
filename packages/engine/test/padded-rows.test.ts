/**
 * Products whose operands are copied with their rows padded give the same bits as without: long rows of a power of two,
 * and many of them.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cast, linear, matmul, split, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice();
  gpu.kernels.forced.set('matmul nt', 'subgroup'); // over texels nothing is padded
});
afterAll(() => gpu.close());

const copies = (): number => gpu.pipelines.labels.filter((label) => label.startsWith('matmul/pad_rows')).length;

/** Sampled entries of a[M, K]·b[N, K]ᵀ in float64. */
function expectRight(y: ArrayLike<number>, a: Float32Array, b: Float32Array, M: number, N: number, K: number): void {
  for (let i = 0; i < 300; i++) {
    const [m, n] = [(i * 37) % M, (i * 101) % N];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += a[m * K + k]! * b[n * K + k]!;
    expect(Math.abs(y[m * N + n]! - sum)).toBeLessThan(2e-6 * K);
  }
}

test.each([
  [130, 516, 1024], // both operands
  [300, 64, 1024], // B only
  [257, 100, 512],
  [1030, 36, 256],
  [33, 520, 2048], // A only
])('a[%i, k]·b[%i, k]ᵀ over %i terms', async (M, N, K) => {
  const [a, b] = [noise(M * K, 1), noise(N * K, 2)];
  const y = await gpu.scope(() => matmul(tensor(gpu, a, [M, K]), tensor(gpu, b, [N, K]), { transposeB: true }).read());
  expectRight(y, a, b, M, N, K);
  // 32 rows at a time nothing is read often enough to be copied, but A against many columns.
  const parts = await Promise.all(
    gpu.scope(() =>
      split(tensor(gpu, a, [M, K]), 32).map((rows: Tensor) =>
        matmul(rows, tensor(gpu, b, [N, K]), { transposeB: true }).read(),
      ),
    ),
  );
  if (gpu.adapter.isSoftware && gpu.adapter.subgroupSize) {
    expect(copies()).toBe(1);
    const apart = parts.flatMap((part) => [...part]);
    const whole = Math.floor(M / 32) * 32; // the last rows may be few, which another tile takes
    for (let i = 0; i < whole * N; i++)
      if (y[i] !== apart[i]) throw new Error(`entry ${i} is ${y[i]} in one product and ${apart[i]} in parts`);
  }
});

test('the products of a layer, forward and dx, also over packed weights', async () => {
  const [M, N, K] = [140, 1024, 1024];
  const [a, w] = [noise(M * K, 3), noise(N * K, 4).map((v) => Math.round(4 * v) / 8)];
  for (const storage of ['f32', 'f16'] as const) {
    const [y, dx] = await Promise.all(
      gpu.scope(() => {
        const [x, weight] = [tensor(gpu, a, [M, K]), tensor(gpu, w, [N, K])];
        const stored = storage === 'f32' ? weight : cast(weight, storage);
        return [linear(x, stored).read(), matmul(x, stored === weight ? weight : cast(stored, 'f32')).read()];
      }),
    );
    expectRight(y!, a, w, M, N, K);
    const transposed = Float32Array.from(w, (_, i) => w[(i % N) * K + Math.floor(i / N)]!);
    expectRight(dx!, a, transposed, M, K, N);
  }
});
