/**
 * Strided copies against the host, one way and back: ranks, offsets and lengths that each kernel of the family takes.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { assignSlice, capture, dense, mul, pad, permute, slice, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());
afterEach(() => {
  gpu.kernels.forced.clear();
  gpu.kernels.tuned.clear();
});

const ROWS = 'tensor/copy_rows';
const TUNINGS: Readonly<Record<string, string>>[] = [
  {},
  { STEPS: '1u' },
  { ROWS: '1u' },
  { ROWS: '4u', STEPS: '32u' },
  { ROWS: '16u', STEPS: '32u' },
];

interface Case {
  readonly shape: readonly number[];
  readonly order: readonly number[];
  readonly from?: number;
  readonly axes: number;
  readonly inFours: boolean;
}

/** A tensor of `shape` from element `from` of its last axis on, its axes in another order. */
const CASES: Case[] = [
  { shape: [67, 5, 24], order: [1, 0, 2], axes: 2, inFours: true },
  { shape: [67, 5, 25], order: [1, 0, 2], axes: 2, inFours: false },
  { shape: [67, 5, 29], order: [1, 0, 2], from: 5, axes: 2, inFours: false },
  { shape: [67, 5, 28], order: [1, 0, 2], from: 4, axes: 2, inFours: true },
  { shape: [3, 40], order: [1, 0], axes: 1, inFours: false },
  { shape: [40, 70], order: [1, 0], axes: 1, inFours: false },
  { shape: [9, 1100], order: [0, 1], from: 30, axes: 1, inFours: false },
  { shape: [2, 2048], order: [0, 1], from: 1024, axes: 2, inFours: true },
  { shape: [2, 9, 3, 16], order: [2, 1, 0, 3], axes: 3, inFours: true },
  { shape: [2, 9, 3, 16], order: [3, 1, 0, 2], axes: 3, inFours: false },
  { shape: [2, 3, 2, 5, 12], order: [3, 0, 2, 1, 4], axes: 4, inFours: true },
  { shape: [2, 3, 2, 5, 2, 12], order: [4, 3, 0, 2, 1, 5], axes: 5, inFours: true },
  { shape: [2, 3, 2, 5, 2, 9], order: [4, 3, 0, 2, 1, 5], axes: 5, inFours: false },
];

function counted(shape: readonly number[]): Tensor {
  return tensor(
    gpu,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    [...shape],
  );
}

/** Elements of the view in its own order, as places in the tensor below it. */
function places({ shape, order, from = 0 }: Case): number[] {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const last = shape.length - 1;
  let found = [from];
  for (const axis of order)
    found = found.flatMap((place) =>
      Array.from({ length: axis === last ? shape[axis]! - from : shape[axis]! }, (_, i) => place + i * strides[axis]!),
    );
  return found;
}

const viewOf = ({ shape, order, from = 0 }: Case): Tensor =>
  permute(slice(counted(shape), { axis: shape.length - 1, start: from, end: shape.at(-1)! }), [...order]);

test.each(CASES)('rows of $shape, axes $order', async (given) => {
  gpu.kernels.forced.set('copy', 'rows');
  for (const tuning of TUNINGS) {
    gpu.kernels.tuned.set(ROWS, tuning);
    expect([...(await dense(viewOf(given)).read())]).toEqual(places(given));
  }
  const label = `T=${given.inFours ? 'vec4<u32>' : 'u32'}`;
  expect(
    gpu.pipelines.labels.some(
      (name) => name.startsWith(`${ROWS}:gather`) && name.includes(label) && name.includes(`AXES=${given.axes}u`),
    ),
    `${label} AXES=${given.axes}u has run`,
  ).toBe(true);
});

test.each(CASES)('element by element of $shape, axes $order', async (given) => {
  gpu.kernels.forced.set('copy', 'elements');
  expect([...(await dense(viewOf(given)).read())]).toEqual(places(given));
});

/** More axes than the params of the family have room for. */
const MANY: Case[] = [
  { shape: [2, 2, 2, 3, 2, 2, 3], order: [6, 4, 2, 0, 5, 3, 1], axes: 7, inFours: false },
  { shape: [2, 3, 2, 2, 2, 3, 2, 5], from: 2, order: [6, 4, 2, 0, 7, 5, 3, 1], axes: 8, inFours: false },
];

test.each(MANY)('any number of axes: $shape, axes $order', async (given) => {
  expect([...(await dense(viewOf(given)).read())]).toEqual(places(given));
  const [x, below] = [viewOf(given), counted(given.shape)];
  gpu.scope(() => {
    const view = permute(slice(below, { axis: given.shape.length - 1, start: given.from ?? 0 }), [...given.order]);
    assignSlice(view, mul(dense(x), -1), { axis: 0, start: 0 });
  });
  const [inside, values] = [new Set(places(given)), [...(await below.read())]];
  expect(values).toEqual(values.map((_, i) => (inside.has(i) ? -i : i)));
});

test('a captured step walks many axes as well', async () => {
  const step = capture(gpu, 'axes', ({ x }: { x: Tensor }) => ({ y: dense(permute(x, [6, 4, 2, 0, 5, 3, 1])) }));
  const given = MANY[0]!;
  for (const factor of [1, 2]) {
    const values = Float32Array.from({ length: 288 }, (_, i) => factor * i);
    const { y } = step.run({ x: { values, shape: given.shape } });
    expect([...(await y.read())]).toEqual(places(given).map((i) => factor * i));
  }
  step.dispose();
});

test.each(['rows', 'elements'])('%s: writing into a part leaves the rest unchanged', async (variant) => {
  gpu.kernels.forced.set('copy', variant);
  for (const [rows, cols] of [
    [11, 12],
    [11, 13],
    [300, 8],
  ] as const) {
    const y = await pad(counted([2, rows, cols]), [
      [1, 2],
      [4, 3],
    ]).read();
    const expected = Array.from({ length: 2 }, (_, b) =>
      Array.from({ length: rows + 3 }, (_, r) =>
        Array.from({ length: cols + 7 }, (_, c) => {
          const inside = r >= 1 && r <= rows && c >= 4 && c < cols + 4;
          return inside ? (b * rows + r - 1) * cols + c - 4 : 0;
        }),
      ),
    );
    expect([...y]).toEqual(expected.flat(2));
  }
});
