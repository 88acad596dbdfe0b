/** Numbers beside tensors and values that become tensors: PyTorch's value, or a sentence that refuses them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  AdamW,
  cosineSchedule,
  empty,
  eq,
  full,
  ge,
  gt,
  le,
  lt,
  maximum,
  ne,
  ones,
  openGpu,
  pad,
  Parameter,
  relu,
  softmax,
  tensor,
  where,
  zeros,
} from '../src/index.ts';
import type { DType, Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(
  async () =>
    void (gpu = await openGpu({ features: import.meta.env.CURIO_FEATURES === 'portable' ? 'portable' : 'all' })),
);
afterAll(() => gpu.close());

const values = async (make: () => Tensor): Promise<number[]> => Array.from(await gpu.scope(() => make().read()));

const COMPARISONS: readonly (readonly [string, (a: Tensor, b: number) => Tensor, (a: number, b: number) => boolean])[] =
  [
    ['eq', eq, (a, b) => a === b],
    ['ne', ne, (a, b) => a !== b],
    ['lt', lt, (a, b) => a < b],
    ['le', le, (a, b) => a <= b],
    ['gt', gt, (a, b) => a > b],
    ['ge', ge, (a, b) => a >= b],
  ];
const HELD: Readonly<Record<string, readonly number[]>> = {
  i32: [-(2 ** 31), -3, -1, 0, 1, 2, 3, 16777217, 2 ** 31 - 1],
  u32: [0, 1, 2, 3, 16777217, 2 ** 31, 2 ** 32 - 1],
  bool: [0, 1],
};
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  2.5,
  -0.5,
  0.5,
  -2.5,
  16777216.5,
  2 ** 31,
  2 ** 31 - 1,
  -(2 ** 31),
  -(2 ** 31) - 1,
  3e9,
  2 ** 32 - 1,
  2 ** 32,
  1e300,
  Infinity,
  -Infinity,
  NaN,
];

test.each(COMPARISONS)('%s of whole numbers takes every number exactly', async (_, run, truth) => {
  for (const [dtype, held] of Object.entries(HELD)) {
    const results = await Promise.all(
      gpu.scope(() =>
        NUMBERS.map((n) => run(tensor(gpu, held as number[], undefined, { dtype: dtype as DType }), n).read()),
      ),
    );
    results.forEach((result, i) =>
      expect(Array.from(result), `${dtype} with ${NUMBERS[i]}`).toEqual(held.map((v) => Number(truth(v, NUMBERS[i]!)))),
    );
  }
});

test('f32 is compared with a number as f32', async () => {
  expect(await values(() => eq(tensor(gpu, [0.1, 0]), 0.1))).toEqual([1, 0]);
});

test('a fraction or NaN beside whole numbers makes the result f32', async () => {
  const cond = (): Tensor => tensor(gpu, [true, false]);
  const i32 = (): Tensor => tensor(gpu, Int32Array.of(7, 8));
  expect(await values(() => where(cond(), 1.5, i32()))).toEqual([1.5, 8]);
  expect(await values(() => where(cond(), i32(), -Infinity))).toEqual([7, -Infinity]);
  expect(await values(() => where(cond(), NaN, tensor(gpu, [true, true])))).toEqual([NaN, 1]);
  expect(await values(() => where(cond(), 2, tensor(gpu, [true, true])))).toEqual([2, 1]);
  gpu.scope(
    () =>
      void expect([
        where(cond(), 1, i32()).dtype,
        where(cond(), 1.5, i32()).dtype,
        where(cond(), tensor(gpu, [true, true]), 0).dtype,
        where(cond(), 1, 2).dtype,
      ]).toEqual(['i32', 'f32', 'bool', 'f32']),
  );
  expect(await values(() => where(cond(), -5, i32()))).toEqual([-5, 8]);
});

test('values become what PyTorch makes of them', async () => {
  expect(await values(() => full(gpu, [2], 0.5, 'bool'))).toEqual([1, 1]);
  expect(await values(() => tensor(gpu, [0, -0, 0.5, NaN, -1], undefined, { dtype: 'bool' }))).toEqual([0, 0, 1, 1, 1]);
  expect(await values(() => tensor(gpu, [2.9, -2.9], undefined, { dtype: 'i32' }))).toEqual([2, -2]);
  expect(await values(() => tensor(gpu, [-0.5, 4294967295], undefined, { dtype: 'u32' }))).toEqual([0, 4294967295]);
  expect(await values(() => full(gpu, [2], -3.7, 'i32'))).toEqual([-3, -3]);
  expect(await values(() => tensor(gpu, [true, 2]))).toEqual([1, 2]);
  expect(await values(() => full(gpu, [1], -0))).toEqual([-0]);
  gpu.scope(
    () =>
      void expect([
        tensor(gpu, [true, 2]).dtype,
        tensor(gpu, [2, true]).dtype,
        tensor(gpu, [true]).dtype,
        tensor(gpu, [[true], [false]]).dtype,
      ]).toEqual(['f32', 'f32', 'bool', 'bool']),
  );
});

test('a list of typed arrays gives rows', async () => {
  const rows = [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)];
  gpu.scope(() => void expect(tensor(gpu, rows).shape).toEqual([2, 3]));
  expect(await values(() => tensor(gpu, rows))).toEqual([1, 2, 3, 4, 5, 6]);
  gpu.scope(() => void expect(tensor(gpu, [rows, rows]).shape).toEqual([2, 2, 3]));
});

/** What a user without types can write. */
const any = (value: unknown): never => value as never;
const weight = (): Parameter => new Parameter(gpu, 'weight', [1], Float32Array.of(1));
const trained = (settings: object): AdamW => new AdamW(gpu, [weight()], { groups: [['weight', 1]], ...settings });

const REFUSED: readonly (readonly [string, () => unknown])[] = [
  [
    'full: the value is 3000000000 and the type i32; it must lie in -2147483648..2147483647, or the type must be f32.',
    () => full(gpu, [1], 3e9, 'i32'),
  ],
  [
    'full: the value is NaN and the type i32; it must lie in -2147483648..2147483647, or the type must be f32.',
    () => full(gpu, [0], NaN, 'i32'),
  ],
  ['full: the value is undefined; it must be a number or a boolean.', () => full(gpu, [1], any(undefined))],
  ['full: cannot be created as int8; create it as f32 and use cast.', () => full(gpu, [8], 1, 'int8')],
  [
    'tensor: value 1 is -1 and the type u32; it must lie in 0..4294967295, or the type must be f32.',
    () => tensor(gpu, [1, -1], [2], { dtype: 'u32' }),
  ],
  [
    'tensor: value 1 is 4294967295 and the type i32; it must lie in -2147483648..2147483647, or the type must be f32.',
    () => tensor(gpu, Uint32Array.of(1, 4294967295), [2], { dtype: 'i32' }),
  ],
  ['tensor: value 1 is undefined; it must be a number or a boolean.', () => tensor(gpu, [1, any(undefined)])],
  [
    'tensor: value 1 is undefined; it must be a number or a boolean.',
    () => tensor(gpu, any(Object.assign([1, 0, 3], { length: 3 }).map((v) => v || undefined))),
  ],
  ["tensor: value 1 is 'x'; it must be a number or a boolean.", () => tensor(gpu, [1, any('x')])],
  ['tensor: value 0 is 5n; it must be a number or a boolean.', () => tensor(gpu, [any(5n)])],
  ['tensor: value 0 is null; it must be a number or a boolean.', () => tensor(gpu, [any(null)])],
  [
    "tensor: the values are 'hello'; they must be a typed array of numbers or a list of numbers, booleans, or lists of them.",
    () => tensor(gpu, any('hello')),
  ],
  [
    'tensor: the values are 5; they must be a typed array of numbers or a list of numbers, booleans, or lists of them; for one number: tensor(gpu, [5], []).',
    () => tensor(gpu, any(5)),
  ],
  [
    'tensor: the values are undefined; they must be a typed array of numbers or a list of numbers, booleans, or lists of them.',
    () => tensor(gpu, any(undefined)),
  ],
  ['tensor: the rows have shapes [] and [2]; they must be equal.', () => tensor(gpu, [1, [2, 3]])],
  [
    'tensor: the rows have shapes [2] and [3]; they must be equal.',
    () => tensor(gpu, [new Float32Array(2), new Float32Array(3)]),
  ],
  [
    "tensor: there is no element type 'int32'; int32 is i32 here; the types are f32, i32, u32, bool, f16, bf16, int8, int4, nf4.",
    () => tensor(gpu, [1], [1], { dtype: any('int32') }),
  ],
  [
    "zeros: there is no element type 'float32'; float32 is f32 here; the types are f32, i32, u32, bool, f16, bf16, int8, int4, nf4.",
    () => zeros(gpu, [2], any('float32')),
  ],
  [
    "empty: there is no element type 'toString'; the types are f32, i32, u32, bool, f16, bf16, int8, int4, nf4.",
    () => empty(gpu, [2], any('toString')),
  ],
  ['zeros: the shape is 3; it must be a list of sizes, such as [2, 3].', () => zeros(gpu, any(3))],
  ['ones: the shape is 3; it must be a list of sizes, such as [2, 3].', () => ones(gpu, any(3))],
  ["lt: b is '2'; it must be a number or a boolean.", () => lt(tensor(gpu, [1]), any('2'))],
  [
    'where: b is undefined; it must be a number or a boolean.',
    () => where(tensor(gpu, [true]), tensor(gpu, [1]), any(undefined)),
  ],
  [
    'where: the number is 3000000000 and the type i32; it must lie in -2147483648..2147483647, or the type must be f32.',
    () => where(tensor(gpu, [true]), 3e9, tensor(gpu, Int32Array.of(1))),
  ],
  [
    'pad: the value is -1 and the type u32; it must lie in 0..4294967295, or the type must be f32.',
    () => pad(tensor(gpu, Uint32Array.of(1)), [[1, 0]], -1),
  ],
  ['add: b is undefined; it must be a tensor or a number.', () => add(tensor(gpu, [1]), any(undefined))],
  ["maximum: a is '1'; it must be a tensor or a number.", () => maximum(any('1'), tensor(gpu, [1]))],
  ['relu: input 0 is undefined; it must be a tensor.', () => relu(any(undefined))],
  ['relu: input 0 is a list; it must be a tensor.', () => relu(any([1, 2]))],
  ['softmax: input 0 is a value of Float32Array; it must be a tensor.', () => softmax(any(Float32Array.of(1)))],
  [
    'adamw: the parameters are one tensor; they must be a list of Parameters.',
    () => new AdamW(gpu, any(tensor(gpu, [1])), { groups: [['w', 1]] }),
  ],
  [
    "adamw: parameter 0 is a tensor without a name; make it with new Parameter(gpu, 'its name', shape, values).",
    () => new AdamW(gpu, any([tensor(gpu, [1])]), any(undefined)),
  ],
  [
    'adamw: parameter 1 is undefined; it must be a Parameter, which has a name.',
    () => new AdamW(gpu, [weight(), any(undefined)], { groups: [['weight', 1]] }),
  ],
  [
    "adamw: groups is 'weight'; it must be a list of [pattern, factor], such as [['weight', 1]].",
    () => trained({ groups: 'weight' }),
  ],
  [
    "adamw: the factor of 'weight' is NaN; it must be a finite number of at least 0.",
    () => trained({ groups: [['weight', NaN]] }),
  ],
  ['adamw: lr is NaN; it must be a finite number of at least 0.', () => trained({ lr: NaN })],
  ['adamw: lr is NaN; it must be a finite number of at least 0.', () => trained({}).step(NaN)],
  ['adamw: eps is -1; it must be a finite number of at least 0.', () => trained({ eps: -1 })],
  ["adamw: weightDecay is '0.1'; it must be a finite number of at least 0.", () => trained({ weightDecay: '0.1' })],
  [
    'adamw: maxGradNorm is Infinity; it must be a finite number of at least 0.',
    () => trained({ maxGradNorm: Infinity }),
  ],
  ['adamw: betas[1] is 1; it must be at least 0 and below 1.', () => trained({ betas: [0.9, 1] })],
  ['cosineSchedule: lr is NaN; it must be a finite number of at least 0.', () => cosineSchedule({ lr: NaN, steps: 3 })],
];

test.each(REFUSED)('%s', (sentence, call) => {
  gpu.scope(() => void expect(call).toThrow(new RegExp(`^${sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)));
});
