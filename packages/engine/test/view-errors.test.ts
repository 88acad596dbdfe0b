/** What views, concatenation and creation refuse, and the sentence for each. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  arange,
  assignSlice,
  cast,
  cat,
  DTypeError,
  expand,
  ones,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  stack,
  tensor,
  transpose,
  unsqueeze,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const counted = (count: number, ...shape: number[]): Tensor =>
  tensor(
    gpu,
    Float32Array.from({ length: count }, (_, i) => i),
    shape.length > 0 ? shape : [count],
  );

/** Each wrong call with its sentence. */
const WRONG: readonly [string, (x: Tensor) => unknown][] = [
  [
    'reshape: [2, 3, 4] has 24 elements, which [5, 5] does not; the number of elements must stay the same.',
    (x) => reshape(x, [5, 5]),
  ],
  [
    'reshape: [2, 3, 4] has 24 elements, which [7, -1] does not; the number of elements must stay the same.',
    (x) => reshape(x, [7, -1]),
  ],
  [
    'reshape: [2, 3, 4] has 24 elements, which [-2, -12] does not; the number of elements must stay the same.',
    (x) => reshape(x, [-2, -12]),
  ],
  ['reshape: [-1, -1] has 2 sizes of -1; at most one may be.', (x) => reshape(x, [-1, -1])],
  ['permute: order [0, 1] for a tensor of shape [2, 3, 4]; it must name each axis once.', (x) => permute(x, [0, 1])],
  [
    'permute: order [0, 1, 1] for a tensor of shape [2, 3, 4]; it must name each axis once.',
    (x) => permute(x, [0, 1, 1]),
  ],
  ['permute: axis 3 is out of range for rank 3; it must lie in -3..2.', (x) => permute(x, [0, 1, 3])],
  ['transpose: axis -2 is out of range for rank 1; it must lie in -1..0.', (x) => transpose(reshape(x, [24]))],
  [
    'slice: 3..1 of axis 1 of [2, 3, 4] ends before it starts; start must not exceed end.',
    (x) => slice(x, { axis: 1, start: 3, end: 1 }),
  ],
  [
    'slice: 0..4 of axis 1 of [2, 3, 4] goes beyond it; both must lie in -3..3.',
    (x) => slice(x, { axis: 1, start: 0, end: 4 }),
  ],
  [
    'slice: 4..3 of axis 1 of [2, 3, 4] goes beyond it; both must lie in -3..3.',
    (x) => slice(x, { axis: 1, start: 4 }),
  ],
  [
    'slice: -4..3 of axis 1 of [2, 3, 4] goes beyond it; both must lie in -3..3.',
    (x) => slice(x, { axis: 1, start: -4 }),
  ],
  [
    'slice: 0..-4 of axis -2 of [2, 3, 4] goes beyond it; both must lie in -3..3.',
    (x) => slice(x, { axis: -2, start: 0, end: -4 }),
  ],
  ['slice: 0.5..1 of axis 1; both must be whole numbers.', (x) => slice(x, { axis: 1, start: 0.5, end: 1 })],
  ['expand: [2, 3, 4] cannot become [2, 6, 4]; only axes of size 1 can grow.', (x) => expand(x, [2, 6, 4])],
  ['squeeze: axis 1 of [2, 3, 4] has size 3; it must be 1.', (x) => squeeze(x, { axis: 1 })],
  ['unsqueeze: axis 5 is out of range for rank 4; it must lie in -4..3.', (x) => unsqueeze(x, { axis: 5 })],
  [
    'split: sizes [1, 1] add up to 2 and axis 1 of [2, 3, 4] has 3; they must be equal.',
    (x) => split(x, [1, 1], { axis: 1 }),
  ],
  ['split: a size is 0; sizes must be whole numbers of at least 1.', (x) => split(x, 0)],
  ['split: a size is -1; sizes must be whole numbers of at least 0.', (x) => split(x, [3, -1], { axis: 0 })],
  ['cat: no tensors were given; it needs at least one.', () => cat([], { axis: 0 })],
  [
    'cat: f32 [4, 3, 2] does not match f32 [2, 3, 4]; the types and all axes but 1 must be equal.',
    (x) => cat([x, permute(x, [2, 1, 0])], { axis: 1 }),
  ],
  ['stack: [24] does not match [2, 3, 4]; the shapes must be equal.', (x) => stack([x, reshape(x, [24])])],
  ['stack: no tensors were given; it needs at least one.', () => stack([])],
  [
    'assignSlice: [2, 3, 4] at 1 of axis 0 does not fit into [2, 3, 4]; all other axes must agree, and the slice must end within its axis.',
    (x) => assignSlice(x, ones(x.gpu, x.shape), { axis: 0, start: 1 }),
  ],
  [
    'assignSlice: the tensor of shape [2, 3, 4, 5] is expanded along axis 3, where all 5 elements share their memory; assign to a dense copy of it.',
    (x) =>
      assignSlice(expand(unsqueeze(x, { axis: 3 }), [2, 3, 4, 5]), ones(x.gpu, [2, 3, 4, 5]), { axis: 0, start: 0 }),
  ],
  [
    'assignSlice: [1, 3, 4] at -1 of axis 0 does not fit into [2, 3, 4]; all other axes must agree, and the slice must end within its axis.',
    (x) => assignSlice(x, ones(x.gpu, [1, 3, 4]), { axis: 0, start: -1 }),
  ],
  [
    'assignSlice: the values are i32 and the tensor f32; they must be equal and not packed, use cast.',
    (x) => assignSlice(x, ones(x.gpu, x.shape, 'i32'), { axis: 0, start: 0 }),
  ],
  ['zeros: shape [2, -1] has -1; sizes must be whole numbers of at least 0.', () => zeros(gpu, [2, -1])],
  [
    'tensor: shape [-2, -2] has -2; sizes must be whole numbers of at least 0.',
    () => tensor(gpu, [1, 2, 3, 4], [-2, -2]),
  ],
  ['tensor: 3 values for shape [2, 2]; it needs 4.', () => tensor(gpu, [1, 2, 3], [2, 2])],
  ['tensor: the rows have shapes [2] and [1]; they must be equal.', () => tensor(gpu, [[1, 2], [3]])],
  ['tensor: cannot be created as int4; create it as f32 and use cast.', () => tensor(gpu, [1], [1], { dtype: 'int4' })],
  [
    'arange: steps of 0 do not lead from 0 to 3; the step must lead towards the end and not be 0.',
    () => arange(gpu, 0, 3, 0),
  ],
  [
    'arange: steps of 1 do not lead from 3 to 0; the step must lead towards the end and not be 0.',
    () => arange(gpu, 3, 0),
  ],
  ['write: 3 values for a tensor of shape [2, 3, 4]; it needs 24.', (x) => x.write(new Float32Array(3))],
  ['write: a value of Int32Array for a tensor of f32; it needs a Float32Array.', (x) => x.write(new Int32Array(24))],
  [
    'write: the tensor of shape [4, 3, 2] is a strided view; write to the tensor it views.',
    (x) => permute(x, [2, 1, 0]).write(new Float32Array(24)),
  ],
];

test.each(WRONG)('%s', (sentence, call) => {
  gpu.scope(() => {
    const x = counted(24, 2, 3, 4);
    expect(() => call(x)).toThrow(new RegExp(`^${sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`));
  });
});

test('one element, or none at all', async () => {
  const x = counted(2);
  await expect(x.item()).rejects.toThrow('item: the tensor is [2]; it must have one element.');
  expect(await gpu.scope(() => slice(x, { axis: 0, start: 1 }).item())).toBe(1);
  x.dispose();
  expect(() => gpu.scope(() => cat([cast(ones(gpu, [2, 8]), 'bf16')], { axis: 0 }))).toThrow(
    new DTypeError('cat: the inputs are bf16, which is storage only; use cast to make them f32.'),
  );
});
