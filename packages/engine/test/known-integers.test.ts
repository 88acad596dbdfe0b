/** Indices out of range: refused where the host knows them, as documented where the device alone does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  assignAt,
  assignSlice,
  capture,
  cast,
  crossEntropy,
  embedding,
  gather,
  indexSelect,
  linearCrossEntropy,
  oneHot,
  ones,
  permute,
  reshape,
  rotaryEmbedding,
  scaledDotProductAttention,
  scatterAdd,
  ShapeError,
  slice,
  tensor,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const i32 = (values: number[], shape?: number[]): Tensor => tensor(gpu, Int32Array.from(values), shape);
const f = (...shape: number[]): Tensor => ones(gpu, shape);

const refuses = (call: () => unknown, message: string): void =>
  gpu.scope(() => {
    expect(call).toThrow(new ShapeError(message));
  });

const REFUSED: readonly [string, () => unknown][] = [
  [
    'crossEntropy: target 3 at [0] is out of range; it must lie in 0..2, or be -100 where it is ignored.',
    () => crossEntropy(f(2, 3), i32([3, 0])),
  ],
  [
    'crossEntropy: target -5 at [1, 0] is out of range; it must lie in 0..2, or be -100 where it is ignored.',
    () => crossEntropy(f(2, 2, 3), i32([-100, 0, -5, 1000], [2, 2])),
  ],
  [
    'linearCrossEntropy: target 7 at [1] is out of range; it must lie in 0..4, or be -100 where it is ignored.',
    () => linearCrossEntropy(f(2, 8), [f(3, 8), f(2, 8)], i32([4, 7])),
  ],
  [
    'rotaryEmbedding: position 65536 at [1] is out of range; it must lie in 0..65535.',
    () => rotaryEmbedding(f(1, 2, 1, 8), { positions: i32([65535, 65536]) }),
  ],
  [
    'rotaryEmbedding: position 65534 at [0] is out of range; it must lie in 0..65533.',
    () => rotaryEmbedding(f(1, 3, 1, 8), { positions: i32([65534]) }),
  ],
  [
    'rotaryEmbedding: position -1 at [0, 1] is out of range; it must lie in 0..65535.',
    () => rotaryEmbedding(f(2, 2, 1, 8), { positions: i32([0, -1, 2, 3], [2, 2]) }),
  ],
  [
    'embedding: id 3 at [0, 1] is out of range; it must lie in 0..2.',
    () => embedding(i32([2, 3, 0, 0], [2, 2]), f(3, 8)),
  ],
  ['embedding: id 5 at [2] is out of range; it must lie in 0..4.', () => embedding(i32([0, 4, 5]), [f(3, 8), f(2, 8)])],
  [
    'indexSelect: index -1 at [1] is out of range; it must lie in 0..3.',
    () => indexSelect(f(2, 4), i32([3, -1]), { axis: 1 }),
  ],
  [
    'gather: index 4 at [1, 0] is out of range; it must lie in 0..3.',
    () => gather(f(2, 4), i32([0, 4], [2, 1]), { axis: 1 }),
  ],
  [
    'gather: index 4294967295 at [0] is out of range; it must lie in 0..2.',
    () => gather(f(3), tensor(gpu, Uint32Array.of(2 ** 32 - 1)), { axis: 0 }),
  ],
  [
    'scatterAdd: index 3 at [1] is out of range; it must lie in 0..2.',
    () => scatterAdd(f(3), i32([0, 3]), f(2), { axis: 0 }),
  ],
  ['oneHot: id 3 at [0] is out of range; it must lie in 0..2.', () => oneHot(i32([3]), 3)],
  [
    'assignAt: position 2 at [0] is out of range; it must lie in 0..1.',
    () => assignAt(f(3, 2), f(2, 2), { axis: 0, position: i32([2]) }),
  ],
  [
    'scaledDotProductAttention: length 4 at [1] is out of range; it must lie in 0..3.',
    () => scaledDotProductAttention(f(2, 1, 3, 4), f(2, 1, 3, 4), f(2, 1, 3, 4), { lengths: i32([3, 4]) }),
  ],
  [
    'scaledDotProductAttention: position 3 at [0] is out of range; it must lie in 0..2.',
    () => scaledDotProductAttention(f(1, 1, 2, 4), f(1, 1, 4, 4), f(1, 1, 4, 4), { position: i32([3]) }),
  ],
];

test.each(REFUSED)('%s', (message, call) => refuses(call, message));

test('a view is judged by its own elements', () => {
  gpu.scope(() => {
    const ids = i32([9, 0, 1, 2, 1, 9], [2, 3]);
    const inside = slice(slice(ids, { axis: 1, start: 0, end: 2 }), { axis: 0, start: 1 });
    expect(embedding(inside, f(3, 4)).shape).toEqual([1, 2, 4]);
    refuses(
      () => embedding(permute(ids, [1, 0]), f(3, 4)),
      'embedding: id 9 at [0, 0] is out of range; it must lie in 0..2.',
    );
    refuses(
      () => embedding(slice(permute(ids, [1, 0]), { axis: 0, start: 1 }), f(3, 4)),
      'embedding: id 9 at [1, 1] is out of range; it must lie in 0..2.',
    );
  });
});

test('the last write counts', async () => {
  const ids = i32([0, 1]);
  const table = f(3, 4);
  ids.write(Int32Array.of(7, 1));
  refuses(() => embedding(ids, table), 'embedding: id 7 at [0] is out of range; it must lie in 0..2.');
  slice(ids, { axis: 0, end: 1 }).write(Int32Array.of(2));
  gpu.scope(() => void embedding(ids, table));
  ids.write(Int32Array.of(0, 1));
  gpu.scope(() => assignSlice(ids, cast(tensor(gpu, [8]), 'i32'), { axis: 0, start: 1 }));
  const rows = await gpu.scope(() => embedding(ids, table).read()); // the device wrote: nothing is known
  expect([...rows]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  for (const x of [ids, table]) x.dispose();
});

test('an array that changes later is not what the tensor holds', async () => {
  const values = Int32Array.of(0, 1);
  const ids = tensor(gpu, values);
  values[0] = 9;
  const y = await gpu.scope(() => embedding(ids, f(2, 1)).read());
  expect([...y]).toEqual([1, 1]);
  ids.dispose();
});

test('reused memory forgets what the host knew', async () => {
  const ids = (): Tensor => i32([5, 6, 7]);
  for (let i = 0; i < 3; i++) {
    gpu.scope(ids);
    const y = await gpu.scope(() => embedding(cast(tensor(gpu, [0, 1, 1]), 'i32'), f(2, 1)).read());
    expect([...y]).toEqual([1, 1, 1]);
    const z = await gpu.scope(() => embedding(zeros(gpu, [3], 'i32'), f(2, 1)).read());
    expect([...z]).toEqual([1, 1, 1]);
  }
});

test('an input of a captured step is checked before each replay', async () => {
  const step = capture(gpu, 'step', ({ x, label }: { x: Tensor; label: Tensor }) => ({
    loss: crossEntropy(x, slice(reshape(label, [4]), { axis: 0, start: 2 })),
  }));
  const x = { values: Float32Array.of(0, 0, 0, 0), shape: [2, 2] };
  const run = (...labels: number[]): Promise<number> =>
    step.run({ x, label: { values: Int32Array.from(labels), shape: [2, 2] } }).loss.item();
  const message = (value: number): string =>
    `crossEntropy: target ${value} at [1] is out of range; it must lie in 0..1, or be -100 where it is ignored.`;
  await expect(async () => run(0, 0, 1, 2)).rejects.toThrow(new ShapeError(message(2)));
  expect(await run(9, 9, 1, -100)).toBeCloseTo(Math.log(2), 6);
  await expect(async () => run(0, 0, 1, -1)).rejects.toThrow(new ShapeError(message(-1)));
  expect(await run(0, 0, 1, 0)).toBeCloseTo(Math.log(2), 6);
  step.dispose();
});

test('an input that the captured step itself overwrites is not judged by its given values', async () => {
  const step = capture(gpu, 'step', ({ ids }: { ids: Tensor }) => {
    assignSlice(ids, cast(tensor(gpu, [1, 1]), 'i32'), { axis: 0, start: 0 });
    return { y: embedding(ids, f(2, 1)) };
  });
  const { y } = step.run({ ids: { values: Int32Array.of(9, 9), shape: [2] } });
  expect([...(await y.read())]).toEqual([1, 1]);
  step.dispose();
});
