import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  cast,
  embedding,
  indexSelect,
  linear,
  loraLinear,
  matmul,
  openGpu,
  ones,
  reshape,
  tensor,
} from '../src/index.ts';
import type { DType, Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

/** The 16-bit patterns of `values` in a packed type. */
const patterns = async (values: number[], to: DType): Promise<string[]> => {
  const words = await gpu.scope(() => cast(tensor(gpu, values), to).read());
  return values.map((_, i) => ((words[i >> 1]! >>> (16 * (i & 1))) & 0xffff).toString(16));
};

test('f32 is truncated to the nearest representable integer, and NaN becomes 0', async () => {
  const values = [-Infinity, -3e9, -2147483648, -1.5, -0.5, -0, NaN, 0.99, 2147483520, 2147483648, 4294967040, 2 ** 32];
  const as = (to: 'i32' | 'u32'): Promise<number[]> =>
    gpu.scope(() => cast(tensor(gpu, [...values, Infinity]), to).read()).then((read) => Array.from(read));
  const [least, most] = [-2147483648, 2147483647];
  expect(await as('i32')).toEqual([least, least, least, -1, 0, 0, 0, 0, 2147483520, most, most, most, most]);
  expect(await as('u32')).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2147483520, 2 ** 31, 4294967040, 2 ** 32 - 1, 2 ** 32 - 1]);
});

test('f16 rounds to nearest with ties to even, including subnormal and infinite values', async () => {
  const values = [
    1,
    -2,
    65504,
    65519,
    65520,
    2 ** -24,
    2 ** -25,
    2 ** -25 * 1.01,
    3 * 2 ** -25,
    2 ** -14,
    2 ** -14 - 2 ** -26,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    Infinity,
    -Infinity,
    -0,
    2 ** -30,
  ];
  expect(await patterns(values, 'f16')).toEqual([
    '3c00',
    'c000',
    '7bff',
    '7bff',
    '7c00',
    '1',
    '0',
    '1',
    '2',
    '400',
    '400',
    '3c00',
    '3c02',
    '7c00',
    'fc00',
    '8000',
    '0',
  ]);
});

test.each(['f16', 'bf16'] as const)('%s is quantised as the f32 numbers that it stands for', async (from) => {
  const values = Array.from({ length: 4 * 128 }, (_, i) => (i === 200 ? NaN : 3 * Math.sin(i * i)));
  const [halves, plain] = gpu.scope(() => {
    const x = cast(tensor(gpu, values, [4, 128]), from);
    return [x, cast(x, 'f32')];
  });
  for (const to of ['int8', 'int4', 'nf4'] as const)
    for (const options of [{}, { groupSize: 8 }, { zeros: to === 'int4' }]) {
      const read = (x: Tensor) => {
        const y = gpu.scope(() => cast(x, to, options));
        const { scales, zeros } = y.quantisation!;
        return Promise.all([y.read(), scales.read(), zeros?.read()]);
      };
      expect(await read(halves!), to).toEqual(await read(plain!));
    }
});

test('bf16 rounds to nearest with ties to even and keeps a NaN', async () => {
  expect(await patterns([1, -2, 1 + 2 ** -8, 1 + 3 * 2 ** -8, Infinity, NaN], 'bf16')).toEqual([
    '3f80',
    'c000',
    '3f80',
    '3f82',
    '7f80',
    '7fc0',
  ]);
});

test('scales escape a scope with their tensor', async () => {
  const packed = gpu.scope(() =>
    cast(
      tensor(
        gpu,
        Float32Array.from({ length: 64 }, (_, i) => i - 32),
        [64],
      ),
      'int8',
    ),
  );
  const back = await gpu.scope(() => cast(packed, 'f32').read());
  expect(Math.max(...[...back].map((v, i) => Math.abs(v - (i - 32))))).toBeLessThan(32 / 127);
  packed.dispose();
});

test('a packed tensor is refused in arithmetic, and groups must fit', () => {
  gpu.scope(() => {
    expect(() => add(cast(ones(gpu, [4]), 'f16'), ones(gpu, [4]))).toThrow(
      'add: input 0 is f16, which is storage only; use cast to make it f32.',
    );
    expect(() => cast(ones(gpu, [2, 12]), 'int4')).toThrow(
      'cast: groups of 12 do not fit int4 of [2, 12]; a group is a multiple of 8 that divides the last axis.',
    );
    expect(() => cast(cast(ones(gpu, [8]), 'int8'), 'f16')).toThrow(
      'cast: int8 cannot become f16; cast it to f32 first.',
    );
  });
});

test('only linear, loraLinear and embedding take a packed weight, as it was cast', () => {
  gpu.scope(() => {
    const [x, weight] = [ones(gpu, [2, 64]), cast(ones(gpu, [8, 64]), 'int4')];
    const ids = tensor(gpu, Int32Array.of(1));
    expect(linear(x, weight).shape).toEqual([2, 8]);
    expect(loraLinear(x, weight, null, { a: ones(gpu, [4, 64]), b: ones(gpu, [8, 4]), scale: 1 }).shape).toEqual([
      2, 8,
    ]);
    expect(embedding(ids, weight).shape).toEqual([1, 64]);
    expect(() => linear(weight, x)).toThrow('linear: input 0 is int4, which is storage only; use cast to make it f32.');
    expect(() => matmul(x, weight, { transposeB: true })).toThrow(
      'matmul: input 1 is int4, which is storage only; use cast to make it f32.',
    );
    expect(() => indexSelect(weight, ids, { axis: 0 })).toThrow(
      'indexSelect: input 0 is int4, which is storage only; use cast to make it f32.',
    );
    expect(() => linear(x, reshape(weight, [4, 128]))).toThrow(
      "linear: x is [2, 64] and weight [4, 128]; x's last axis must be 128.",
    );
    expect(() => linear(ones(gpu, [2, 128]), reshape(weight, [4, 128]))).toThrow(
      'linear: the int4 tensor of shape [4, 128] has no scales; use the tensor that cast returned, not a view of it.',
    );
  });
});

test('a packed weight that wants a gradient is refused', () => {
  gpu.scope(() => {
    const weight = cast(ones(gpu, [4, 8]), 'bf16');
    weight.requiresGrad = true;
    expect(() => linear(ones(gpu, [2, 8]), weight)).toThrow(
      'linear: input 1 is bf16 and requires a gradient; packed weights stay frozen, so load it as f32 to train it.',
    );
  });
});
