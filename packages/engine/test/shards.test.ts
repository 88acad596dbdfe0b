/**
 * Weights larger than one binding give what whole ones give: products, tables, gradients, whole training steps, in
 * every storage.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AdamW,
  backward,
  cast,
  crossEntropy,
  embedding,
  linear,
  loraLinear,
  noGrad,
  Parameter,
  rmsNorm,
  store,
  sum,
  mul,
  tensor,
} from '../src/index.ts';
import type { DType, Gpu, Tensor } from '../src/index.ts';
import { shardsOf } from '../src/ops/parts/shards.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

/** Three shards of a [300, 64] in f32; half of a shard's rows fit in 16-bit storage twice over. */
const LIMIT = 32 * 1024;
const [N, K, ROWS] = [300, 64, 5];

let whole: Gpu;
let small: Gpu;
beforeAll(async () => {
  [whole, small] = [await openDevice(), await openDevice({ bindingLimit: LIMIT })];
});
afterAll(() => [whole, small].forEach((gpu) => gpu.close()));

function parameter(gpu: Gpu, name: string, shape: readonly number[], dtype: DType = 'f32'): Parameter {
  const size = shape.reduce((a, b) => a * b, 1);
  const p = new Parameter(gpu, name, shape, null, dtype);
  store(p, noise(size, name.length));
  return p;
}

test('a weight is split at multiples of 64 rows, and only if it must be', () => {
  const shards = shardsOf(parameter(small, 'w', [N, K]))!;
  expect(shards.map(({ start, rows }) => [start, ...rows.shape])).toEqual([
    [0, 128, K],
    [128, 128, K],
    [256, 44, K],
  ]);
  expect(shardsOf(parameter(small, 'w', [N, K], 'int4'))).toBeNull();
  expect(shardsOf(parameter(whole, 'w', [N, K]))).toBeNull();
});

/** y and the gradient of x by something that uses a weight. */
async function outcome(
  gpu: Gpu,
  dtype: DType,
  cols: number,
  use: (x: Tensor, w: Parameter) => Tensor,
): Promise<number[]> {
  const w = parameter(gpu, 'weight', [N, cols], dtype);
  const x = tensor(gpu, noise(ROWS * cols, 9), [ROWS, cols]);
  x.requiresGrad = true;
  const read = gpu.scope(() => {
    const y = use(x, w);
    backward(sum(mul(y, y)));
    return [y.read(), x.grad!.read()];
  });
  return (await Promise.all(read)).flatMap((each) => [...each]);
}

const near = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expect(Math.max(...actual.map((v, i) => Math.abs(v - expected[i]!))) / scale).toBeLessThan(1e-5);
};

// A storage of fewer bits needs wider rows to be over the limit.
test.each([
  ['f32', 64],
  ['f16', 128],
  ['bf16', 128],
  ['int8', 192],
  ['int4', 384],
  ['nf4', 384],
] as const)('linear and its dx through %s', async (dtype, cols) => {
  const bias = (gpu: Gpu): Tensor => tensor(gpu, noise(N, 3));
  const use = (x: Tensor, w: Parameter): Tensor => linear(x, w, bias(x.gpu));
  expect(shardsOf(parameter(small, 'weight', [N, cols], dtype))!.length).toBeGreaterThan(1);
  near(await outcome(small, dtype, cols, use), await outcome(whole, dtype, cols, use));
});

test('loraLinear', async () => {
  const use = (x: Tensor, w: Parameter): Tensor =>
    loraLinear(x, w, null, {
      a: tensor(x.gpu, noise(4 * K, 1), [4, K]),
      b: tensor(x.gpu, noise(N * 4, 2), [N, 4]),
      scale: 0.5,
    });
  near(await outcome(small, 'f32', K, use), await outcome(whole, 'f32', K, use));
});

test.each(['f32', 'f16'] as const)('embedding from %s, ids out of range included', async (dtype) => {
  const cols = dtype === 'f32' ? 64 : 128;
  const rows = (gpu: Gpu) =>
    noGrad(() =>
      gpu.scope(() =>
        embedding(
          cast(tensor(gpu, [0, 127, 128, 255, 256, 299, 300, -1]), 'i32'),
          parameter(gpu, 'table', [N, cols], dtype),
        ).read(),
      ),
    );
  expect(await rows(small)).toEqual(await rows(whole));
});

/** Losses of some steps of a tiny language model whose table and head are trained, and the table afterwards. */
async function train(gpu: Gpu): Promise<number[]> {
  const [table, head, scale] = [
    parameter(gpu, 'table', [N, K]),
    parameter(gpu, 'head', [N, K]),
    parameter(gpu, 'norm', [K]),
  ];
  const optimizer = new AdamW(gpu, [table, head, scale], { lr: 0.01, maxGradNorm: 1 });
  const ids = tensor(gpu, Int32Array.of(3, 140, 299, 256));
  const targets = tensor(gpu, Int32Array.of(140, 299, 256, 3));
  const results: number[] = [];
  for (let step = 0; step < 4; step++) {
    optimizer.zeroGrad();
    const loss = gpu.scope(() => {
      const value = crossEntropy(linear(rmsNorm(embedding(ids, table), scale), head), targets);
      backward(value);
      return value.item();
    });
    optimizer.step();
    results.push(await loss, await optimizer.gradNorm.item());
  }
  return [...results, ...(await table.read())];
}

test('training a table and a head over the limit', async () => {
  const [parts, asOne] = [await train(small), await train(whole)];
  near(parts.slice(0, 8), asOne.slice(0, 8));
  expect(parts[6]).toBeLessThan(parts[0]!);
  near(parts.slice(8), asOne.slice(8));
});

test('what a step computes must fit one binding', () => {
  expect(() => small.scope(() => linear(tensor(small, noise(K), [1, K]), parameter(small, 'w', [16384, K])))).toThrow(
    /^memory: a tensor of 65536 bytes is larger than the adapter's limit of 32768 bytes per binding; split it\.$/,
  );
});
