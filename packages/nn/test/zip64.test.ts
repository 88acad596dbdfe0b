/** Archives of 4 GiB and more: zip64 as PyTorch writes it, what it says that is not so, and our own. */
import { WeightError } from '@curio/engine';
import { expect, test } from 'vitest';
import { crc32, storedZip } from '../src/export/stored-zip.ts';
import { joinBytes } from '../src/files/safetensors.ts';
import { decodeFloats, memorySource, type ByteSource } from '../src/files/tensor-file.ts';
import { openTorchFile } from '../src/files/torch-pickle.ts';
import { openZip } from '../src/files/zip.ts';
import { type GoldenFile, openGolden } from '../../testing/src/golden.ts';

const little = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);

test('what PyTorch writes from 4 GiB on: zip64 records for large sizes and offsets', async () => {
  const golden = await openGolden('torch-files');
  const tensors = await openTorchFile(largeSource(golden));
  const { large, ...small } = Object.fromEntries(tensors);
  expect(large!.shape).toEqual([2 ** 30 + 250]);
  expect(await floats(large!.readRange!(4 * (2 ** 30 + 247), 4 * (2 ** 30 + 250)))).toEqual([0, 0, 7]);
  for (const [name, want] of Object.entries({ first: [1, 2], last: [3] }))
    expect(await floats(small[name]!.read()), name).toEqual(want);
});

const floats = async (bytes: Promise<Uint8Array>): Promise<number[]> => [...decodeFloats(await bytes, 'F32')];

/** The file of 4 GiB, between whose ends it is zeros. @param patch bytes put at a place of its end */
function largeSource(
  golden: GoldenFile,
  patch?: { readonly at: number; readonly bytes: readonly number[] },
): ByteSource {
  const [begin, end, size] = [
    golden.bytes('large.begin'),
    golden.bytes('large.end').slice(),
    golden.config.large as number,
  ];
  if (patch) end.set(patch.bytes, patch.at);
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const out = new Uint8Array(length);
    for (const [from, part] of [
      [0, begin],
      [size - end.length, end],
    ] as const) {
      const [first, last] = [Math.max(offset, from), Math.min(offset + length, from + part.length)];
      if (first < last) out.set(part.subarray(first - from, last - from), first - offset);
    }
    return out;
  };
  return { name: 'x.bin', size, read };
}

/** Where bytes stand for the `nth` time, from the end with -1. */
function placeOf(bytes: Uint8Array, wanted: readonly number[], nth = 0): number {
  const places = [...bytes.keys()].filter((at) => wanted.every((byte, i) => bytes[at + i] === byte));
  return places.at(nth)!;
}

test.each<[string, signature: number, nth: number, field: number, value: number[], message: string]>([
  [
    'a place of the zip64 record beyond the file',
    0x07064b50,
    0,
    8,
    little(2 ** 40, 8),
    'zip: x.bin: its zip64 record is listed at byte 1099511627776 of 4294970401; it is damaged.',
  ],
  ['a place where no record is', 0x07064b50, 0, 8, little(2 ** 32, 8), 'zip: x.bin: its zip64 record is damaged.'],
  [
    'a directory beyond the file',
    0x06064b50,
    0,
    48,
    little(2 ** 33, 8),
    'zip: x.bin: its directory ends at byte 8589935231 and the file has 4294970401; it is truncated.',
  ],
  [
    'a directory of 2^60 bytes',
    0x06064b50,
    0,
    40,
    little(2 ** 60, 8),
    'zip: x.bin: its directory ends at byte 1152921508901816600 and the file has 4294970401; it is truncated.',
  ],
  ['more entries than there are', 0x06064b50, 0, 32, little(10, 8), 'zip: x.bin: entry 9 of 10 is damaged.'],
  [
    'a size in the extra field that is another',
    0x00100001,
    -1,
    4,
    little(2 ** 32, 8),
    "zip: x.bin: the sizes of 'archive/data/1' are damaged.",
  ],
  [
    'two sizes of 2^40',
    0x00100001,
    -1,
    4,
    [...little(2 ** 40, 8), ...little(2 ** 40, 8)],
    "zip: x.bin: 'archive/data/1' ends beyond byte 1099511628662 and the file has 4294970401; it is truncated.",
  ],
  [
    'two sizes that are too small',
    0x00100001,
    -1,
    4,
    [...little(2 ** 32, 8), ...little(2 ** 32, 8)],
    "torch: x.bin: the storage '1' of 'large' has 4294967296 bytes and 1073742074 elements of F32 take 4294968296; the file is damaged.",
  ],
  [
    'an extra field that is too short',
    0x00100001,
    -1,
    2,
    little(8, 2),
    "zip: x.bin: the sizes of 'archive/data/1' are damaged.",
  ],
  [
    'a place in an extra field where another entry begins',
    0x00080001,
    -3,
    4,
    little(0, 8),
    "zip: x.bin: 'archive/data/2' is listed at byte 0, where another entry begins; the archive is damaged.",
  ],
])('a file of 4 GiB that says what is not so: %s', async (_, signature, nth, field, value, message) => {
  const golden = await openGolden('torch-files');
  const at = placeOf(golden.bytes('large.end'), little(signature, 4), nth) + field;
  const reading = async () => {
    for (const { read, readRange } of (await openTorchFile(largeSource(golden, { at, bytes: value }))).values())
      await (readRange?.(0, 4) ?? read());
  };
  await expect(reading()).rejects.toThrow(new WeightError(message));
});

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const FILES = ['data.pkl', 'byteorder', 'data/0', 'version'].map((name, i) => ({
  name: `r/${name}`,
  bytes: Uint8Array.from({ length: 100 * i }, (_, at) => at ^ i),
}));

test('an archive of ours with zip64 records: what zipfile and PyTorch have read', async () => {
  const bytes = joinBytes(storedZip(FILES, 0)) as Uint8Array<ArrayBuffer>;
  const zip = await openZip(memorySource('x.bin', bytes));
  for (const { name, bytes } of FILES) expect(await zip.read(name), name).toEqual(bytes);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  expect([...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('')).toBe('b80825ffd3ad892d');
});

test('an archive of ours becomes zip64 by its size', async () => {
  const large = new Uint8Array(2 ** 28);
  const checksum = crc32(large);
  const entries = Array.from({ length: 16 }, (_, i) => ({ name: `r/${i}`, bytes: large, checksum }));
  const chunks = storedZip([...entries, ...FILES]);
  const zip = await openZip(chunksSource(chunks));
  expect(zip.entries.get('r/15')!.header).toBeLessThan(2 ** 32);
  expect(zip.entries.get('r/data.pkl')!.header).toBeGreaterThan(2 ** 32);
  for (const { name, bytes } of FILES) expect(await zip.read(name), name).toEqual(bytes);
  const less = storedZip([...entries.slice(1), ...FILES]);
  const records = (of: readonly Uint8Array[]) =>
    of.filter((chunk) => placeOf(chunk.subarray(0, 4), little(0x06064b50, 4)) === 0);
  expect([records(chunks).length, records(less).length]).toEqual([1, 0]);
});

function chunksSource(chunks: readonly Uint8Array[]): ByteSource {
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const chunk of chunks) {
      parts.push(chunk.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at)));
      at += chunk.length;
    }
    return joinBytes(parts);
  };
  return { name: 'x.bin', size, read };
}

test('sizes and names that differ between an entry and the directory are refused', async () => {
  const bytes = joinBytes(storedZip(FILES, 0));
  const own = placeOf(bytes, [...bytesOf('r/data/0')]);
  const readDamaged = (at: number, value: Iterable<number>) => async () => {
    const other = bytes.slice();
    other.set([...value], at);
    await (await openZip(memorySource('x.bin', other))).read('r/data/0');
  };
  await expect(readDamaged(own + 8 + 4, little(9, 8))).rejects.toThrow(
    new WeightError(
      "zip: x.bin: 'r/data/0' has 200 bytes according to the directory and 9 according to its own header; the archive is damaged.",
    ),
  );
  await expect(readDamaged(own, bytesOf('r/data/1'))).rejects.toThrow(
    new WeightError(
      `zip: x.bin: 'r/data/0' is listed at byte ${own - 30}, where another entry begins; the archive is damaged.`,
    ),
  );
});
