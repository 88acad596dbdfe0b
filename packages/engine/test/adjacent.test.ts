/** Results that usually lie side by side in one buffer lie apart where one binding cannot hold all of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  backward,
  loraLinears,
  mul,
  Parameter,
  rotaryEmbeddings,
  scaledDotProductAttention,
  sum,
  swiglu,
  tensor,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

/** Bytes: a tensor of the tests fits, two do not. */
const LIMIT = 2 ** 18;
let usual: Gpu;
let small: Gpu;
beforeAll(async () => void ([usual, small] = [await openDevice(), await openDevice({ bindingLimit: LIMIT })]));
afterAll(() => [usual, small].forEach((gpu) => gpu.close()));

const [TOKENS, HEADS, WIDTH] = [192, 4, 64];
const COUNT = TOKENS * HEADS * WIDTH;
const byHead = [1, TOKENS, HEADS, WIDTH];

const CASES: Readonly<Record<string, { shape: readonly number[]; of: (xs: Tensor[]) => readonly Tensor[] }>> = {
  swiglu: { shape: [TOKENS, COUNT / TOKENS], of: ([gate, up]) => [swiglu(gate!, up!)] },
  rotaryEmbeddings: { shape: byHead, of: ([q, k]) => rotaryEmbeddings(q!, k!) },
  attention: { shape: byHead, of: ([q, k, v]) => [scaledDotProductAttention(q!, k!, v!, { causal: true })] },
  loraLinears: {
    shape: [TOKENS, COUNT / TOKENS],
    of: ([x]) => {
      const K = COUNT / TOKENS;
      const matrix = (rows: number, cols: number, seed: number): Tensor =>
        tensor(x!.gpu, noise(rows * cols, seed), [rows, cols]);
      const layer = (seed: number) => ({
        ...{ weight: matrix(K, 64, seed), bias: null, a: matrix(8, 64, seed + 1), b: matrix(K, 8, seed + 2), scale: 1 },
      });
      const narrow = mul(sum(x!, { axis: 1, keepDims: true }), matrix(1, 64, 9));
      return loraLinears(narrow, [layer(10), layer(20)]);
    },
  },
};

async function results(gpu: Gpu, { shape, of }: (typeof CASES)[string]): Promise<Float32Array[]> {
  const values = gpu.scope(() => {
    const xs = [1, 2, 3].map((seed) => new Parameter(gpu, `x${seed}`, shape, noise(COUNT, seed)));
    for (const x of xs) x.requiresGrad = true;
    const ys = of(xs);
    backward(ys.map((y) => sum(mul(y, y))).reduce((a, b) => add(a, b)));
    return [...ys, ...xs.flatMap(({ grad }) => (grad ? [grad] : []))].map((t) => t.read());
  });
  return (await Promise.all(values)) as Float32Array[];
}

test.each(Object.entries(CASES))('%s: the same bits', async (_, given) => {
  expect(4 * COUNT).toBeLessThanOrEqual(LIMIT);
  expect(2 * 4 * COUNT).toBeGreaterThan(LIMIT);
  expect(await results(small, given)).toEqual(await results(usual, given));
});
