import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AdamW,
  cast,
  DTypeError,
  openGpu,
  openPackedStore,
  openStore,
  Parameter,
  ShapeError,
  store,
  tensor,
} from '../src/index.ts';
import type { DType, Gpu } from '../src/index.ts';
import { byteLength } from '../src/tensor/dtype.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const values = (size: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: size }, (_, i) => Math.sin(i));
const parameter = (shape: number[], dtype: DType): Parameter =>
  new Parameter(gpu, 'w', shape, new Uint32Array(byteLength(dtype, shape[0]! * shape[1]!) / 4), dtype);
const same = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Array.prototype.every.call(a, (v, i) => v === b[i]);

test.each([
  ['bf16', [3, 5]],
  ['int8', [4, 96]],
  ['nf4', [1100, 4096]],
] as const)('%s %s is stored as cast would make it, however large', async (dtype, shape) => {
  const w = parameter([...shape], dtype);
  const host = values(w.size);
  store(w, host);
  const expected = gpu.scope(() =>
    cast(tensor(gpu, host, shape), dtype, dtype === 'bf16' ? {} : { groupSize: shape[1] === 96 ? 32 : 64 }),
  );
  expect(same(await w.read(), await expected.read())).toBe(true);
  if (w.quantisation)
    expect(same(await w.quantisation.scales.read(), await expected.quantisation!.scales.read())).toBe(true);
  expect(w.quantisation?.groupSize).toBe(expected.quantisation?.groupSize);
  expected.dispose();
  w.dispose();
});

test('storing again replaces the scales, and what does not fit is refused', async () => {
  const before = gpu.memoryReport().liveBuffers;
  const w = parameter([2, 64], 'int4');
  store(w, values(128));
  store(
    w,
    values(128).map((v) => 2 * v),
    { groupSize: 32 },
  );
  expect([...(await w.quantisation!.scales.read())].length).toBe(4);
  w.dispose();
  expect(gpu.memoryReport().liveBuffers).toBe(before);
  expect(() => store(parameter([2, 12], 'nf4'), values(24))).toThrow(
    "store: 'w' is [2, 12] and nf4 needs groups of a multiple of 8 that divide the last axis; store it as f16, bf16 or f32.",
  );
  expect(() => store(parameter([2, 64], 'nf4'), values(128), { groupSize: 40 })).toThrow(
    "store: 'w' is [2, 64] and nf4 needs groups of a multiple of 8",
  );
  expect(() => store(parameter([2, 64], 'int8'), values(64))).toThrow(
    "store: 64 values for 'w' of shape [2, 64]; it needs 128.",
  );
});

test('pieces are written at their offsets and nowhere else', () => {
  const w = parameter([2, 64], 'int8');
  const writer = openStore(w);
  expect(() => writer.write(64, values(64))).toThrow(
    "store: 64 values from element 64 of 'w'; every piece but the last must start at a multiple of 4194304 and have 4194304 values.",
  );
  expect(() => writer.write(0, { dtype: 'f16', words: new Uint32Array(32), count: 64 })).toThrow(
    "store: 64 values from element 0 of 'w'; every piece but the last must start at a multiple of 4194304 and have 4194304 values.",
  );
});

test('a parameter beside others in an optimizer is written at its own offset', async () => {
  const [first, second] = ['first', 'second'].map(
    (name) => new Parameter(gpu, name, [64], new Float32Array(64).fill(1)),
  );
  const optimizer = new AdamW(gpu, [first!, second!]);
  const writer = openStore(second!);
  writer.write(0, new Float32Array(64).fill(2));
  writer.finish();
  expect([...(await first!.read())]).toEqual(new Array(64).fill(1));
  expect([...(await second!.read())]).toEqual(new Array(64).fill(2));
  optimizer.dispose();
});

test('words and scales of one parameter make another with the same numbers', async () => {
  const first = new Parameter(gpu, 'w', [6, 64], null, 'nf4');
  store(first, values(384), { groupSize: 16 });
  const words = (await first.read()) as Uint32Array<ArrayBuffer>;
  const scales = new Uint32Array(((await first.quantisation!.scales.read()) as Float32Array<ArrayBuffer>).buffer);
  const second = new Parameter(gpu, 'w', [6, 64], null, 'nf4');
  const writer = openPackedStore(second, 16);
  expect(writer.bytes).toBe(words.byteLength);
  writer.words(0, words.slice(0, 20));
  writer.words(80, words.slice(20));
  writer.scales(0, scales.slice(0, 5));
  writer.scales(20, scales.slice(5));
  writer.finish();
  const [a, b] = await gpu.scope(() => [first, second].map((w) => cast(w, 'f32').read()));
  expect(await b).toEqual(await a);
  expect(() => openPackedStore(new Parameter(gpu, 'h', [6, 64], null, 'f16'), 16)).toThrow(
    "store: 'h' is f16; only int8, int4 and nf4 parameters have words with scales.",
  );
  expect(() => openPackedStore(second, 32, true)).toThrow(
    new ShapeError(
      "store: 'w' is nf4 [6, 64] in groups of 32; only scales of nf4 of which 64 rows hold whole blocks of 256 are nested.",
    ),
  );
  expect(() => openPackedStore(second, 16).blocks(0, new Uint32Array(2))).toThrow(
    new DTypeError("store: 'w' has no nested scales, so it takes no blocks of them."),
  );
  expect(() => openPackedStore(second, 24)).toThrow(
    "store: 'w' is [6, 64] and nf4 needs groups of a multiple of 8 that divide the last axis; store it as f16, bf16 or f32.",
  );
});
