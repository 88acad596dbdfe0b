/**
 * What ops say to inputs of a wrong type or shape: one sentence with both values. What views and creation say stands in
 * views.test.ts.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  argmax,
  avgPool2d,
  clamp,
  conv2d,
  crossEntropy,
  cumsum,
  dropout,
  embedding,
  eq,
  flip,
  gather,
  groupNorm,
  indexSelect,
  isNaN,
  layerNorm,
  linear,
  logicalAnd,
  logSoftmax,
  loraLinear,
  matmul,
  max,
  maxPool2d,
  mean,
  mseLoss,
  oneHot,
  ones,
  pad,
  relu,
  repeat,
  rmsNorm,
  roll,
  rotaryEmbedding,
  rotaryEmbeddings,
  scaledDotProductAttention,
  scatterAdd,
  softmax,
  sub,
  sum,
  swiglu,
  topk,
  tril,
  unfold,
  variance,
  where,
  zeros,
  adaptiveAvgPool1d,
} from '../src/index.ts';
import type { DType, Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const f = (...shape: number[]): Tensor => ones(gpu, shape);
const of = (dtype: DType, ...shape: number[]): Tensor => zeros(gpu, shape, dtype);

const TYPES: readonly [string, (x: Tensor) => unknown][] = [
  ['add', (x) => add(x, x)],
  ['relu', relu],
  ['sum', (x) => sum(x)],
  ['mean', (x) => mean(x)],
  ['max', (x) => max(x)],
  ['argmax', (x) => argmax(x)],
  ['cumsum', (x) => cumsum(x)],
  ['topk', (x) => topk(x, 1)],
  ['matmul', (x) => matmul(x, f(2, 2))],
  ['linear', (x) => linear(x, f(2, 2))],
  ['linear', (x) => linear(f(2, 2), x)],
  ['softmax', softmax],
  ['logSoftmax', logSoftmax],
  ['layerNorm', (x) => layerNorm(x, f(2), f(2))],
  ['rmsNorm', (x) => rmsNorm(x, f(2))],
  ['swiglu', (x) => swiglu(x, x)],
  ['dropout', (x) => dropout(x, { p: 0.5 })],
  ['gather', (x) => gather(x, x, { axis: 0 })],
  ['indexSelect', (x) => indexSelect(x, of('i32', 1), { axis: 0 })],
  ['embedding', (x) => embedding(of('i32', 1), x)],
  ['crossEntropy', (x) => crossEntropy(x, of('i32', 2))],
  ['loraLinear', (x) => loraLinear(f(2, 2), f(2, 2), null, { a: x, b: f(2, 2), scale: 1 })],
];

test.each(TYPES)('%s takes floats', (name, call) => {
  gpu.scope(
    () => void expect(() => call(of('i32', 2, 2))).toThrow(`${name}: an input is i32; arithmetic is f32, use cast.`),
  );
});

const SHAPES: readonly [string, () => unknown][] = [
  [
    'add: cannot broadcast [2, 3] with [4]; sizes must be equal or 1, counted from the last axis.',
    () => add(f(2, 3), f(4)),
  ],
  ['sub: both operands are numbers, 1 and 2; one must be a tensor.', () => sub(1, 2)],
  ['clamp: low is 2 and high 1; low must not exceed high.', () => clamp(f(1), 2, 1)],
  ['eq: a is f32 and b is i32; they must be equal, use cast.', () => eq(f(1), of('i32', 1))],
  ['logicalAnd: a is f32; it must be bool.', () => logicalAnd(f(1), f(1))],
  ['where: the condition is f32; it must be bool or u32 or i32.', () => where(f(1), f(1), 0)],
  [
    "matmul: inner sizes differ: a is [2, 3] and b is [4, 5]; a's inner axis is 3 and b's 4, they must be equal.",
    () => matmul(f(2, 3), f(4, 5)),
  ],
  ['matmul: a is [3] and b is [3, 2]; both need at least two axes.', () => matmul(f(3), f(3, 2))],
  ["linear: x is [2, 3] and weight [4, 5]; x's last axis must be 5.", () => linear(f(2, 3), f(4, 5))],
  ['linear: bias is [3]; it must be [4].', () => linear(f(2, 5), f(4, 5), f(3))],
  [
    'loraLinear: lora_A is [2, 4] and lora_B [4, 2] for a weight of [4, 5]; they must be [r, 5] and [4, r].',
    () => loraLinear(f(1, 5), f(4, 5), null, { a: f(2, 4), b: f(4, 2), scale: 1 }),
  ],
  ['softmax: the input is a scalar of shape []; it needs at least one axis.', () => softmax(f())],
  ['layerNorm: weight is [3] and x is [2, 4]; weight must be [4].', () => layerNorm(f(2, 4), f(3), f(4))],
  [
    'groupNorm: 3 groups of x [1, 4, 2]; x must be [B, C, ...] and C a multiple of the groups.',
    () => groupNorm(f(1, 4, 2), 3, f(4), f(4)),
  ],
  ['sum: axis 2 is out of range for rank 2; it must lie in -2..1.', () => sum(f(2, 2), { axis: 2 })],
  ['max: [0, 2] has no elements; it needs at least one.', () => max(zeros(gpu, [0, 2]))],
  ['variance: 1 elements of [1] with a correction of 1; there must be more elements than that.', () => variance(f(1))],
  ['topk: k is 5 and x [2, 3]; k must lie in 1..3.', () => topk(f(2, 3), 5)],
  [
    'gather: the index is [2, 2] and x [3]; all axes but 0 must be equal.',
    () => gather(f(3), of('i32', 2, 2), { axis: 0 }),
  ],
  [
    'scatterAdd: the values are [3] and the index [2]; they must be equal.',
    () => scatterAdd(f(4), of('i32', 2), f(3), { axis: 0 }),
  ],
  ['crossEntropy: targets are [3] and logits [2, 4]; targets must be [2].', () => crossEntropy(f(2, 4), of('i32', 3))],
  ['crossEntropy: targets are f32; they must be i32, -100 where a row is ignored.', () => crossEntropy(f(2, 4), f(2))],
  ['embedding: the ids are f32; they must be i32.', () => embedding(f(2), f(3, 4))],
  ['embedding: the table is [2, 3]; it must be [V, 4].', () => embedding(of('i32', 2), [f(3, 4), f(2, 3)])],
  ['embedding: the table is an empty list; it must be [V, C].', () => embedding(of('i32', 2), [])],
  ['oneHot: the ids are f32; they must be i32.', () => oneHot(f(2), 3)],
  [
    'conv2d: the weight is [2, 3, 2, 2] and x [1, 4, 5, 5]; they must be [O, C, kh, kw] and [B, C, H, W].',
    () => conv2d(f(1, 4, 5, 5), f(2, 3, 2, 2)),
  ],
  [
    'unfold: a window of 3 × 3 does not fit x of [1, 1, 2, 2] with padding 0; it must not be larger.',
    () => unfold(f(1, 1, 2, 2), { kernel: 3 }),
  ],
  ['avgPool2d: x is [2, 2]; it must be [B, C, H, W].', () => avgPool2d(f(2, 2), { kernel: 2 })],
  [
    'maxPool2d: the stride is 0; it must be a whole number of at least 1.',
    () => maxPool2d(f(1, 1, 2, 2), { kernel: 1, stride: 0 }),
  ],
  [
    'adaptiveAvgPool1d: the length is 0; it must be a whole number of at least 1.',
    () => adaptiveAvgPool1d(f(1, 2, 2), 0),
  ],
  [
    'scaledDotProductAttention: q has 3 heads and k 2; the first must be a multiple of the second.',
    () => scaledDotProductAttention(f(1, 3, 2, 4), f(1, 2, 2, 4), f(1, 2, 2, 4)),
  ],
  [
    'rotaryEmbeddings: q is [1, 2, 4, 8] and k [1, 3, 2, 8]; they may differ only in their heads.',
    () => rotaryEmbeddings(f(1, 2, 4, 8), f(1, 3, 2, 8)),
  ],
  ['rotaryEmbedding: x is [1, 2, 2, 3]; it must be [B, T, H, D] with an even D.', () => rotaryEmbedding(f(1, 2, 2, 3))],
  [
    'rotaryEmbedding: positions go from 65535 to 65536; they must be whole numbers from 0 to 65535.',
    () => rotaryEmbedding(f(1, 2, 1, 4), { start: 65535 }),
  ],
  [
    'rotaryEmbedding: positions go from -1 to 0; they must be whole numbers from 0 to 65535.',
    () => rotaryEmbedding(f(1, 2, 1, 4), { start: -1 }),
  ],
  [
    'rotaryEmbedding: positions go from 0.5 to 1.5; they must be whole numbers from 0 to 65535.',
    () => rotaryEmbedding(f(1, 2, 1, 4), { start: 0.5 }),
  ],
  [
    'rotaryEmbedding: positions go from 0 to 65536; they must be whole numbers from 0 to 65535.',
    () => rotaryEmbedding(f(1, 65537, 1, 2)),
  ],
  [
    "maxPool2d: the padding is 2 and the window's side 3; the padding must be at most half of the side.",
    () => maxPool2d(f(1, 1, 4, 4), { kernel: 3, padding: 2 }),
  ],
  [
    "avgPool2d: the padding is 1 and the window's side 1; the padding must be at most half of the side.",
    () => avgPool2d(f(1, 1, 4, 4), { kernel: 1, padding: 1 }),
  ],
  ['isNaN: an input is i32; arithmetic is f32, use cast.', () => isNaN(of('i32', 1))],
  ['pad: a side is -1; sides must be whole numbers of at least 0, to cut use slice.', () => pad(f(2), [[-1, 0]])],
  [
    'pad: 2 sides were given for x of [2]; there is at most one for each axis.',
    () =>
      pad(f(2), [
        [1, 0],
        [0, 1],
      ]),
  ],
  ['repeat: [2] for x of [2, 3]; it must be one whole number of at least 0 for each axis.', () => repeat(f(2, 3), [2])],
  ['roll: the shift is 0.5; it must be a whole number.', () => roll(f(2), 0.5, { axis: 0 })],
  ['flip: axis 1 is out of range for rank 1; it must lie in -1..0.', () => flip(f(2), { axis: 1 })],
  ['tril: x is [3]; it needs at least two axes.', () => tril(f(3))],
  ['mseLoss: x is [2] and the target [3]; they must be equal.', () => mseLoss(f(2), f(3))],
];

test.each(SHAPES)('%s', (sentence, call) => {
  gpu.scope(() => void expect(call).toThrow(new RegExp(`^${sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)));
});
