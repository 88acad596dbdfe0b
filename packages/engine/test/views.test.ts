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
  cast,
  cat,
  cumsum,
  dense,
  detach,
  expand,
  eye,
  full,
  gather,
  gt,
  indexSelect,
  linear,
  linspace,
  logSoftmax,
  matmul,
  max,
  mean,
  mul,
  neg,
  permute,
  relu,
  reshape,
  scaledDotProductAttention,
  slice,
  softmax,
  split,
  squeeze,
  sum,
  tensor,
  topk,
  transpose,
  unsqueeze,
  where,
  zeros,
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

test('they have the shape and values that they claim', async () => {
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

test('a copy is made only where strides cannot express it, and is named', () => {
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

test('assignSlice writes only its window, even from the same tensor', async () => {
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

test('gradients flow back through every view to their source', async () => {
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

test('tensors are created from lists, nested lists, booleans and ranges', async () => {
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
