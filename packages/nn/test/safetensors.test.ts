import { expect, test } from 'vitest';
import { encodeSafetensors, joinBytes, openSafetensors } from '../src/files/safetensors.ts';
import { nearest } from '@curio/engine';
import { decodeFloats, encodeFloats, memorySource, type NamedTensor } from '../src/files/tensor-file.ts';

const float = (
  name: string,
  shape: number[],
  values: number[],
  dtype: 'F32' | 'F16' | 'BF16' = 'F32',
): NamedTensor => ({ name, shape, dtype, data: encodeFloats(Float32Array.from(values), dtype) });

const tensors: NamedTensor[] = [
  float('a.weight', [2, 3], [1, -2, 3.5, 0, 1e-3, 7]),
  float('a.half', [3], [1, 65504, -0.5], 'F16'),
  float('a.brain', [2], [1, -3], 'BF16'),
  float('scalar', [], [4]),
  float('empty', [0, 4], []),
  { name: 'ids', dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 5n) },
  { name: 'mask', dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: 'ints', dtype: 'I32', shape: [1], data: Int32Array.of(-9) },
  { name: 'bytes', dtype: 'U8', shape: [5], data: Uint8Array.of(1, 2, 3, 4, 255) },
];

const open = (bytes: Uint8Array) => openSafetensors(memorySource('x.safetensors', bytes));
const message = (bytes: Uint8Array) =>
  open(bytes).then(
    () => 'opened',
    (error: Error) => `${error.name}: ${error.message}`,
  );

/** A file with any header and `data` bytes after it. */
function file(header: unknown, data = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + data);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  return out;
}
const one = (entry: unknown, data = 16) => file({ w: entry }, data);

test('every type is read with its values, whatever the alignment in memory', async () => {
  const bytes = joinBytes(encodeSafetensors(tensors, { format: 'pt', made: 'here' }));
  for (const shift of [0, 1]) {
    const moved = new Uint8Array(bytes.length + shift);
    moved.set(bytes, shift);
    const { tensors: read, metadata } = await open(moved.subarray(shift));
    expect(metadata).toEqual({ format: 'pt', made: 'here' });
    expect(read.size).toBe(tensors.length);
    for (const { name, dtype, shape, data } of tensors) {
      const stored = read.get(name)!;
      expect([stored.dtype, stored.shape]).toEqual([dtype, shape]);
      expect([...(await stored.read())]).toEqual([...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
    }
    expect([...decodeFloats(await read.get('a.half')!.read(), 'F16')]).toEqual([1, 65504, -0.5]);
    expect([...decodeFloats(await read.get('ids')!.read(), 'I64')]).toEqual([-1, 5]);
    expect([...decodeFloats(await read.get('mask')!.read(), 'BOOL')]).toEqual([1, 0, 1]);
  }
});

test('the same tensors give the same bytes in any order, aligned for every type', () => {
  const forwards = encodeSafetensors(tensors);
  expect(joinBytes(encodeSafetensors([...tensors].reverse()))).toEqual(joinBytes(forwards));
  expect(forwards[0].length % 8).toBe(0);
});

test('a file truncated at any byte is refused in one sentence, and none of it is used', async () => {
  const bytes = joinBytes(encodeSafetensors(tensors));
  for (let length = 0; length < bytes.length; length++) {
    const text = await message(bytes.subarray(0, length));
    expect(text, `cut at ${length}`).toMatch(/^WeightError: safetensors: x\.safetensors: [^\n]*truncated\.$/);
  }
  expect(await message(bytes.subarray(0, 5))).toBe(
    "WeightError: safetensors: x.safetensors: the file has 5 bytes and a header's length alone takes 8; it is truncated.",
  );
  expect(await message(bytes.subarray(0, bytes.length - 1))).toBe(
    "WeightError: safetensors: x.safetensors: tensor 'mask' ends at byte 66 of the data and the file has 65; the file is truncated.",
  );
});

test.each([
  [
    'a header of absurd size',
    new Uint8Array(16).fill(0xff),
    'the header claims 18446744073709552000 bytes, and at most 10000000 are read; this is not a safetensors file.',
  ],
  ['a header that is a list', file([1]), 'the header is not a JSON object; the file is damaged.'],
  [
    'metadata with numbers',
    file({ __metadata__: { a: 1 } }),
    "'__metadata__' must map names to strings; the file is damaged.",
  ],
  ['an entry that is a number', file({ w: 3 }), "tensor 'w' is not described by an object; the file is damaged."],
  [
    'a name given twice',
    file(
      '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
    ),
    "the header repeats the name 'w'; the file is damaged.",
  ],
  [
    'two shapes',
    file('{"w":{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,4]}}', 4),
    "the header repeats the name 'shape'; the file is damaged.",
  ],
  [
    'a shape that cannot be counted',
    one({ dtype: 'F32', shape: [2 ** 40, 2 ** 40, 0], data_offsets: [0, 0] }, 0),
    "tensor 'w' has the shape [1099511627776,1099511627776,0]; it must be a list of at most 64 sizes.",
  ],
  [
    'a shape that is nested',
    one({ dtype: 'F32', shape: [[[4]]], data_offsets: [0, 16] }),
    "tensor 'w' has the shape [[…]]; it must be a list of at most 64 sizes.",
  ],
  [
    'a name over several lines',
    file({ [`a\nb${'x'.repeat(200)}`]: 3 }),
    `tensor 'a\\u000ab${'x'.repeat(32)}…${'x'.repeat(40)}' is not described by an object; the file is damaged.`,
  ],
  [
    'a header of many brackets',
    file('['.repeat(600_001)),
    'the header has 600001 brackets, commas and colons, and at most 600000 are read; the file is damaged.',
  ],
  ['a header that is not UTF-8', file('{}').fill(0xff, 8), 'the header is not UTF-8; the file is damaged.'],
  [
    'an unknown type',
    one({ dtype: 'F7', shape: [4], data_offsets: [0, 16] }),
    'tensor \'w\' has the type "F7"; known types are BOOL, U8, I8, F8_E4M3, F8_E5M2, U16, I16, F16, BF16, U32, I32, F32, U64, I64, F64.',
  ],
  [
    'a negative size',
    one({ dtype: 'F32', shape: [-4], data_offsets: [0, 16] }),
    "tensor 'w' has the shape [-4]; it must be a list of at most 64 sizes.",
  ],
  [
    'one offset',
    one({ dtype: 'F32', shape: [4], data_offsets: [16] }),
    "tensor 'w' has the offsets [16]; they must be a start and an end.",
  ],
  [
    'offsets turned round',
    one({ dtype: 'F32', shape: [4], data_offsets: [16, 0] }),
    "tensor 'w' has the offsets [16,0]; they must be a start and an end.",
  ],
  [
    'a shape that does not fit',
    one({ dtype: 'F32', shape: [5], data_offsets: [0, 16] }),
    "tensor 'w' is F32 [5], which takes 20 bytes, and its offsets hold 16; the file is damaged.",
  ],
  [
    'bytes behind the last tensor',
    one({ dtype: 'F32', shape: [4], data_offsets: [0, 16] }, 20),
    'the tensors end at byte 16 of the data and the file has 20; there must be nothing after them.',
  ],
  [
    'a gap',
    one({ dtype: 'F32', shape: [4], data_offsets: [4, 20] }, 20),
    "tensor 'w' starts at byte 4 and the header ends at 0; there must be no gap.",
  ],
  [
    'overlap',
    file(
      { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } },
      12,
    ),
    "tensor 'b' starts at byte 4 inside tensor 'a', which ends at 8; tensors must not overlap.",
  ],
])('%s', async (_, bytes, expected) => {
  expect(await message(bytes)).toBe(`WeightError: safetensors: x.safetensors: ${expected}`);
});

test('a header that is not JSON', async () => {
  expect(await message(file('{"w": '))).toMatch(
    /^WeightError: safetensors: x\.safetensors: the header is not JSON \(.*\); the file is damaged\.$/,
  );
});

test('a tensor called __proto__ is like any other', async () => {
  const { tensors: read } = await open(joinBytes(encodeSafetensors([float('__proto__', [2], [3, 4])])));
  expect([...(await read.get('__proto__')!.read())]).toEqual([...new Uint8Array(Float32Array.of(3, 4).buffer)]);
});

test('writing refuses what does not fit', () => {
  expect(() => encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [3], data: new Float32Array(2) }])).toThrow(
    "safetensors: tensor 'w' is F32 [3], which takes 12 bytes, and its data has 8.",
  );
  expect(() => encodeSafetensors([float('w', [1], [1]), float('w', [1], [2])])).toThrow(
    "safetensors: tensor 'w' is given twice; names must differ.",
  );
});

test('nearest names', () => {
  expect(nearest('c.weight', ['v.bias', 'c.bias', 'mlp.0.weight', 'cc.weight'])).toBe('cc.weight');
  expect(nearest('x', [])).toBeUndefined();
});
