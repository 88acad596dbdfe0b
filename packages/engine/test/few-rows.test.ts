/**
 * A row of a product with up to four rows is the same to the bit however many there are: what makes an answer that is
 * decoded in a batch equal to the same answer alone.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { cast, linear, loraLinear, rmsNorm, scaledDotProductAttention, slice, tensor } from '../src/index.ts';
import type { DType, Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice();
});
afterAll(() => gpu.close());
afterEach(() => gpu.kernels.forced.clear());

const draw = (shape: number[], seed: number): Tensor =>
  tensor(
    gpu,
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

/** Holds each row of a result for 2, 3 and 4 rows against that for the row alone. */
async function expectRowsAlone(rows: Tensor, compute: (x: Tensor, first: number) => Tensor): Promise<void> {
  const at = (start: number, count: number): Tensor => slice(rows, { axis: 0, start, end: start + count });
  const alone: Float32Array[] = [];
  for (let i = 0; i < 4; i++) alone.push((await gpu.scope(() => compute(at(i, 1), i).read())) as Float32Array);
  for (const count of [2, 3, 4]) {
    const got = await gpu.scope(() => compute(at(0, count), 0).read());
    expect(got).toEqual(Float32Array.from(alone.slice(0, count).flatMap((row) => [...row])));
  }
}

const FORMATS: DType[] = ['f32', 'f16', 'bf16', 'int8', 'int4', 'nf4'];
const isQuantised = (format: DType): boolean => /\d$/.test(format) && !/f16|f32/.test(format);
const SIZES = [
  [128, 1160],
  [352, 128],
  [128, 8],
  [64, 3],
  [63, 33],
  [1, 5],
] as const;
const LINEARS = FORMATS.flatMap((format) =>
  SIZES.filter(([k]) => !isQuantised(format) || k % 8 === 0).map(([k, n]) => [format, k, n] as const),
);
test.each(LINEARS)('linear over %s, %i to %i', async (format, k, n) => {
  const weight = draw([n, k], 2);
  const packed =
    format === 'f32' ? weight : cast(weight, format, isQuantised(format) ? { groupSize: k % 32 === 0 ? 32 : 8 } : {});
  await expectRowsAlone(draw([4, k], 1), (x) => linear(x, packed, null));
  for (const each of new Set([weight, packed])) each.dispose();
});

test.each([
  [128, 352],
  [63, 33],
])('a linear with a LoRA branch, %i to %i', async (k, n) => {
  const [weight, a, b] = [draw([n, k], 2), draw([8, k], 3), draw([n, 8], 4)];
  await expectRowsAlone(draw([4, k], 1), (x) => loraLinear(x, weight, null, { a, b, scale: 2 }));
});

test.each([32, 128, 130])('a norm of %i elements', async (width) => {
  const weight = draw([width], 2);
  await expectRowsAlone(draw([4, 1, width], 1), (x) => rmsNorm(x, weight, { eps: 1e-5 }));
});

/** Widths, and the kernel that is forced. */
const CACHED = [
  [16, null],
  [32, null],
  [20, null],
  [32, 'decodeGroups'],
  [128, 'decodeGroups'],
  [32, 'decodeParts'],
  [96, 'decodeParts'],
] as const;

test.each(CACHED)('attention over a cache, heads of %i, kernel %s', async (width, variant) => {
  if (variant) gpu.kernels.forced.set('attention', variant);
  const [k, v] = [draw([4, 2, 70, width], 2), draw([4, 2, 70, width], 3)];
  const places = tensor(gpu, Int32Array.of(3, 69, 0, 40), [4]);
  await expectRowsAlone(draw([4, 4, 1, width], 1), (q, first) => {
    const rows = (x: Tensor): Tensor => slice(x, { axis: 0, start: first, end: first + q.shape[0]! });
    return scaledDotProductAttention(q, rows(k), rows(v), { position: rows(places) });
  });
});

test.each(CACHED)(
  'attention does not depend on the room after its position, heads of %i, kernel %s',
  async (width, variant) => {
    if (variant) gpu.kernels.forced.set('attention', variant);
    const [q, k, v] = [draw([1, 4, 1, width], 1), draw([1, 2, 700, width], 2), draw([1, 2, 700, width], 3)];
    for (const [at, ends] of [
      [40, [41, 64, 65, 300]],
      [300, [301, 512, 700]],
    ] as const) {
      const results: unknown[] = [];
      for (const end of ends) {
        const room = (x: Tensor): Tensor => slice(x, { axis: 2, start: 0, end });
        const position = tensor(gpu, Int32Array.of(at), [1]);
        results.push(await gpu.scope(() => scaledDotProductAttention(q, room(k), room(v), { position }).read()));
      }
      for (const result of results) expect(result).toEqual(results[0]);
    }
  },
);
