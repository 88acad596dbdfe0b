/**
 * Views: the same storage under other shapes and strides. What copies, what never does, and that nothing is written
 * where it should not be.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  add,
  arange,
  argmax,
  assignSlice,
  backward,
  cat,
  cumsum,
  dense,
  detach,
  DTypeError,
  expand,
  eye,
  full,
  gather,
  indexSelect,
  linear,
  linspace,
  logSoftmax,
  matmul,
  mean,
  mul,
  neg,
  ones,
  permute,
  relu,
  reshape,
  scaledDotProductAttention,
  slice,
  softmax,
  split,
  squeeze,
  stack,
  sum,
  tensor,
  transpose,
  unsqueeze,
  where,
  zeros,
  cast,
  max,
  gt,
  topk,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
beforeEach(() => gpu.probe.copies.clear());
afterAll(() => gpu.close());

const copies = (): Record<string, number> => Object.fromEntries(gpu.probe.copies);
/** Reads inside a scope that then ends. */
const values = async (f: () => Tensor): Promise<number[]> => [...(await gpu.scope(() => f().read()))];
const counted = (count: number, ...shape: number[]): Tensor =>
  tensor(
    gpu,
    Float32Array.from({ length: count }, (_, i) => i),
    shape.length > 0 ? shape : [count],
  );

test('views share the storage and take no buffer, no dispatch and no copy', () => {
  gpu.scope(() => {
    const x = counted(24, 2, 3, 4);
    const { dispatches } = gpu.stream.counts;
    const { liveBuffers } = gpu.memoryReport();
    const views = [
      reshape(x, [6, -1]),
      permute(x, [2, 0, 1]),
      transpose(x),
      slice(x, { axis: 1, start: 1, end: 3 }),
      slice(x, { axis: 2, start: -2 }),
      unsqueeze(x, { axis: 1 }),
      squeeze(slice(x, { axis: 0, start: 1 })),
      expand(slice(x, { axis: 0, start: 0, end: 1 }), [5, 3, 4]),
      detach(x),
      reshape(permute(x, [0, 2, 1]), [2, 2, 2, 3]),
      reshape(slice(x, { axis: 0, start: 1 }), [12]),
      reshape(slice(x, { axis: 2, start: 0, end: 2 }), [6, 2]),
      ...split(x, 2, { axis: 2 }),
    ];
    for (const view of views) expect(view.storage).toBe(x.storage);
    expect(gpu.stream.counts.dispatches).toBe(dispatches);
    expect(gpu.memoryReport().liveBuffers).toBe(liveBuffers);
  });
  expect(copies()).toEqual({});
});

test('they show what they say', async () => {
  const x = (): Tensor => counted(12, 2, 2, 3);
  expect(await values(() => permute(x(), [2, 0, 1]))).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
  expect(await values(() => transpose(slice(x(), { axis: 0, start: 1 })))).toEqual([6, 9, 7, 10, 8, 11]);
  expect(await values(() => slice(x(), { axis: -1, start: -2, end: -1 }))).toEqual([1, 4, 7, 10]);
  expect(await values(() => expand(slice(x(), { axis: 1, start: 0, end: 1 }), [2, 2, 3]))).toEqual([
    0, 1, 2, 0, 1, 2, 6, 7, 8, 6, 7, 8,
  ]);
  expect(
    await values(() => slice(slice(slice(x(), { axis: 0, start: 1 }), { axis: 1, start: 1 }), { axis: 2, start: 1 })),
  ).toEqual([10, 11]);
  expect(await values(() => reshape(transpose(x(), 0, 1), [4, 3]))).toEqual([0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]);
  expect(await values(() => reshape(slice(permute(x(), [1, 0, 2]), { axis: 2, start: 1 }), [2, 4]))).toEqual([
    1, 2, 7, 8, 4, 5, 10, 11,
  ]);
});

test('a copy is made only where strides cannot say it, and named', () => {
  gpu.scope(() => {
    const x = counted(24, 2, 3, 4);
    reshape(transpose(x), [2, 12]);
    expect(copies()).toEqual({ reshape: 1 });
    relu(transpose(x));
    softmax(slice(x, { axis: 0, start: 1 })); // starts off the binding grid
    expect(copies()).toEqual({ reshape: 1, relu: 1, softmax: 1 });
    gpu.probe.copies.clear();
    add(x, expand(slice(x, { axis: 0, start: 0, end: 1 }), [2, 3, 4]));
    mul(transpose(x), transpose(x));
    where(gt(transpose(x), 3), transpose(x), 0);
    cat([slice(x, { axis: 0, start: 0, end: 1 }), slice(x, { axis: 0, start: 1 })], { axis: 0 });
    scaledDotProductAttention(
      ...([0, 1, 2].map(() => transpose(reshape(x, [1, 2, 3, 4]), 1, 2)) as [Tensor, Tensor, Tensor]),
    );
    dense(transpose(x)); // a copy is what was asked for
    expect(copies()).toEqual({});
    const wide = counted(64, 2, 2, 2, 2, 2, 2);
    add(permute(wide, [5, 1, 3, 2, 4, 0]), wide); // too many separate axes for the kernel: one of the two is made dense
    expect(copies()).toEqual({ add: 1 });
  });
});

/** Ops of one input that must see a view as they see its values. */
const OPS: readonly [string, (x: Tensor) => Tensor][] = [
  ['relu', relu],
  ['neg', neg],
  ['add', (x) => add(x, x)],
  ['mul by a row', (x) => mul(x, slice(x, { axis: 0, start: 0, end: 1 }))],
  ['softmax', softmax],
  ['logSoftmax', logSoftmax],
  ['sum', (x) => sum(x, { axis: 0 })],
  ['mean', (x) => mean(x, { axis: 1 })],
  ['max', (x) => max(x, { axis: -1 })],
  ['argmax', (x) => argmax(x)],
  ['cumsum', (x) => cumsum(x, { axis: 0 })],
  ['matmul', (x) => matmul(x, x, { transposeB: true })],
  ['matmul of its transpose', (x) => matmul(transpose(x), x)],
  ['linear', (x) => linear(x, x)],
  ['topk', (x) => topk(x, 2).values],
  ['cast', (x) => cast(x, 'i32')],
  ['gather', (x) => gather(x, zeros(x.gpu, x.shape, 'i32'), { axis: 1 })],
  ['indexSelect', (x) => indexSelect(x, tensor(x.gpu, Int32Array.of(2, 0)), { axis: 1 })],
  ['cat', (x) => cat([x, x], { axis: 1 })],
  ['where', (x) => where(gt(x, 20), x, -1)],
];
/** Ways to see [4, 5] inside something larger, none of them plain. */
const VIEWS: readonly [string, () => Tensor][] = [
  ['a slice of rows', () => slice(counted(40, 8, 5), { axis: 0, start: 3, end: 7 })],
  ['a slice of columns', () => slice(counted(28, 4, 7), { axis: 1, start: 1, end: 6 })],
  ['transposed', () => transpose(counted(20, 5, 4))],
  [
    'transposed and cut',
    () => slice(slice(transpose(counted(63, 7, 9)), { axis: 0, start: 2, end: 6 }), { axis: 1, start: 2 }),
  ],
  ['a row repeated', () => expand(slice(counted(15, 3, 5), { axis: 0, start: 1, end: 2 }), [4, 5])],
  ['a column repeated', () => expand(slice(counted(12, 4, 3), { axis: 1, start: 2 }), [4, 5])],
];

test.each(VIEWS)('ops see %s as its values', async (_, make) => {
  const reads: [string, Promise<ArrayLike<number>>, Promise<ArrayLike<number>>][] = [];
  const plain = tensor(gpu, (await gpu.scope(() => make().read())) as Float32Array<ArrayBuffer>, [4, 5]);
  gpu.scope(() => {
    const view = make();
    for (const [name, op] of OPS) reads.push([name, op(view).read(), op(plain).read()]);
  });
  for (const [name, got, expected] of reads)
    expect([name, ...Array.from(await got)]).toEqual([name, ...Array.from(await expected)]);
  plain.dispose();
});

test('nothing that an op computes is written into what it read', async () => {
  const x = counted(40, 8, 5);
  const before = [...(await x.read())];
  gpu.scope(() => {
    for (const view of [x, slice(x, { axis: 0, start: 3, end: 7 }), transpose(x), reshape(x, [4, 10])]) {
      for (const [, op] of OPS) if (view.shape[0]! >= 3 && view.shape[1]! >= 3) op(view);
    }
    const leaf = detach(slice(x, { axis: 0, start: 2, end: 6 }));
    leaf.requiresGrad = true;
    backward(sum(mul(transpose(leaf), transpose(leaf))));
    leaf.grad!.dispose();
  });
  expect([...(await x.read())]).toEqual(before);
  x.dispose();
});

test('assignSlice writes its window only, also out of the same tensor', async () => {
  expect(
    await values(() => {
      const x = zeros(gpu, [3, 4]);
      assignSlice(
        x,
        tensor(gpu, [
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
        { axis: 1, start: 1 },
      );
      assignSlice(transpose(x), tensor(gpu, [[7], [8], [9], [10]]), { axis: 1, start: 2 }); // row 2, through a view
      return x;
    }),
  ).toEqual([0, 1, 2, 0, 0, 3, 4, 0, 7, 8, 9, 10]);
  expect(
    await values(() => {
      const x = counted(6);
      assignSlice(x, slice(x, { axis: 0, start: 0, end: 5 }), { axis: 0, start: 1 }); // overlapping
      return x;
    }),
  ).toEqual([0, 0, 1, 2, 3, 4]);
});

test('gradients go back through every view to where they came from', async () => {
  const x = counted(24, 2, 3, 4);
  x.requiresGrad = true;
  const w = (n: number): Tensor => arange(gpu, 1, n + 1);
  const weighted = (y: Tensor): Tensor => sum(mul(reshape(y, [y.size]), w(y.size)));
  gpu.scope(() => {
    const [left, right] = split(x, [1, 3], { axis: 2 }) as [Tensor, Tensor];
    backward(
      add(
        weighted(permute(left, [2, 1, 0])),
        add(
          weighted(reshape(transpose(right, 0, 2), [18])),
          weighted(expand(slice(x, { axis: 0, start: 1 }), [2, 3, 4])),
        ),
      ),
    );
  });
  const expected = new Array<number>(24).fill(0);
  const at = (i: number, j: number, k: number): number => i * 12 + j * 4 + k;
  for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) expected[at(i, j, 0)]! += 1 + j * 2 + i;
  for (let k = 0; k < 3; k++)
    for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) expected[at(i, j, k + 1)]! += 1 + k * 6 + j * 2 + i;
  for (let n = 0; n < 24; n++) expected[at(1, 0, 0) + (n % 12)]! += 1 + n;
  expect([...(await x.grad!.read())]).toEqual(expected);
  x.dispose();
});

test('shapes without elements pass through', async () => {
  for (const shape of [[0], [0, 3], [3, 0], [2, 0, 3]]) {
    gpu.scope(() => {
      const x = zeros(gpu, shape);
      expect(reshape(x, [...shape].reverse()).shape).toEqual([...shape].reverse());
      expect(relu(transpose(unsqueeze(x, { axis: 0 }), 0, -1)).size).toBe(0);
      expect(cat([x, x], { axis: 0 }).shape).toEqual([2 * shape[0]!, ...shape.slice(1)]);
      expect(slice(x, { axis: 0, start: 0, end: 0 }).size + add(x, 1).size + mul(x, x).size).toBe(0);
    });
  }
  expect(await values(() => relu(transpose(zeros(gpu, [0, 3]))))).toEqual([]);
  expect(await values(() => matmul(zeros(gpu, [2, 0]), zeros(gpu, [0, 3])))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await values(() => linear(zeros(gpu, [2, 0]), zeros(gpu, [3, 0]), tensor(gpu, [1, 2, 3])))).toEqual([
    1, 2, 3, 1, 2, 3,
  ]);
  expect(await values(() => sum(zeros(gpu, [3, 0]), { axis: 1 }))).toEqual([0, 0, 0]);
  expect(await values(() => mean(zeros(gpu, [0])))).toEqual([NaN]);
  expect(await values(() => cat([counted(2), zeros(gpu, [0])], { axis: 0 }))).toEqual([0, 1]);
  expect(await values(() => slice(counted(3), { axis: 0, start: 3 }))).toEqual([]);
  const x = zeros(gpu, [0, 3]);
  x.requiresGrad = true;
  gpu.scope(() => backward(sum(softmax(mul(transpose(x), 2)))));
  expect(x.grad!.shape).toEqual([0, 3]);
  x.dispose();
});

test('creation takes lists, nested lists, booleans and ranges', async () => {
  gpu.scope(() => {
    expect(
      tensor(gpu, [
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ).toMatchObject({ shape: [2, 3], dtype: 'f32' });
    expect(tensor(gpu, [true, false])).toMatchObject({ shape: [2], dtype: 'bool' });
    expect(tensor(gpu, [])).toMatchObject({ shape: [0], dtype: 'f32' });
    expect(arange(gpu, 5).shape).toEqual([5]);
  });
  expect(await values(() => tensor(gpu, Int32Array.of(1, -2), [2], { dtype: 'f32' }))).toEqual([1, -2]);
  expect(await values(() => tensor(gpu, Float32Array.of(2.7, -2.7), [2], { dtype: 'i32' }))).toEqual([2, -2]);
  expect(await values(() => tensor(gpu, [0, 3, -1], [3], { dtype: 'bool' }))).toEqual([0, 1, 1]);
  expect(await values(() => arange(gpu, 2, 11, 3))).toEqual([2, 5, 8]);
  expect(await values(() => arange(gpu, 3, 0, -1, 'i32'))).toEqual([3, 2, 1]);
  expect(await values(() => linspace(gpu, -1, 1, 5))).toEqual([-1, -0.5, 0, 0.5, 1]);
  expect(await values(() => eye(gpu, 2, 3))).toEqual([1, 0, 0, 0, 1, 0]);
  expect(await values(() => full(gpu, [2], 7, 'u32'))).toEqual([7, 7]);
});

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

test('one element, or none of that', async () => {
  const x = counted(2);
  await expect(x.item()).rejects.toThrow('item: the tensor is [2]; it must have one element.');
  expect(await gpu.scope(() => slice(x, { axis: 0, start: 1 }).item())).toBe(1);
  x.dispose();
  expect(() => gpu.scope(() => cat([cast(ones(gpu, [2, 8]), 'bf16')], { axis: 0 }))).toThrow(
    new DTypeError('cat: the inputs are bf16, which is storage only; use cast to make them f32.'),
  );
});
