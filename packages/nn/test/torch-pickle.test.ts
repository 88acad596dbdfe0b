import { expect, test } from 'vitest';
import { decodeFloats, memorySource, type ByteSource } from '../src/files/tensor-file.ts';
import { openTorchFile } from '../src/files/torch-pickle.ts';
import { MODULE, TENSORS } from './torch-file.ts';

const open = (bytes: Uint8Array) => openTorchFile(memorySource('x.bin', bytes));

test("PyTorch's own file: every type, a transpose, a row, a shared storage", async () => {
  const tensors = await open(TENSORS);
  const values = async (name: string) => [...decodeFloats(await tensors.get(name)!.read(), tensors.get(name)!.dtype)];
  expect(Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, `${dtype} [${shape}]`]))).toEqual({
    'model.mm_projector.a.weight': 'F32 [2,3]',
    half: 'F16 [3]',
    brain: 'BF16 [2]',
    ids: 'I64 [3]',
    transposed: 'F32 [4,3]',
    row: 'F32 [4]',
    scalar: 'F32 []',
    again: 'F32 []',
  });
  expect(await values('model.mm_projector.a.weight')).toEqual([1, -2.5, 3, 0, Math.fround(1e-3), 7]);
  expect(await values('half')).toEqual([1, 65504, -0.5]);
  expect(await values('brain')).toEqual([1, -3]);
  expect(await values('ids')).toEqual([-1, 5, 70000]);
  expect(await values('transposed')).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  expect(await values('row')).toEqual([4, 5, 6, 7]);
  expect([await values('scalar'), await values('again')]).toEqual([[4], [4]]);
});

test('a file cut at any byte is refused in one sentence', async () => {
  for (let length = 0; length < TENSORS.length; length += 7) {
    await expect(open(TENSORS.subarray(0, length)), `cut at ${length}`).rejects.toThrow(
      /^(zip|torch): x\.bin: [^\n]*\.$/,
    );
  }
});

test('names other than tensors and dictionaries are refused, whatever they are', async () => {
  await expect(open(MODULE)).rejects.toThrow(
    'torch: x.bin: it names torch.nn.modules.linear.Linear, which is not allowed; only tensors and dictionaries are read from it.',
  );
});

const bytesOf = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
const little = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);

/**
 * A stored archive as the zip64 rules write a huge one: sizes and places of all ones, the true ones in extra fields and
 * records.
 */
function zip64(files: Record<string, number[]>): Uint8Array {
  const out: number[] = [];
  const central: number[] = [];
  for (const [name, data] of Object.entries(files)) {
    const wide = [
      ...little(1, 2),
      ...little(24, 2),
      ...little(data.length, 8),
      ...little(data.length, 8),
      ...little(out.length, 8),
    ];
    central.push(
      ...little(0x02014b50, 4),
      ...Array<number>(16).fill(0),
      ...little(2 ** 32 - 1, 4),
      ...little(2 ** 32 - 1, 4),
      ...little(name.length, 2),
      ...little(wide.length, 2),
      ...Array<number>(10).fill(0),
      ...little(2 ** 32 - 1, 4),
      ...bytesOf(name),
      ...wide,
    );
    out.push(
      ...little(0x04034b50, 4),
      ...Array<number>(22).fill(0),
      ...little(name.length, 2),
      ...little(5, 2),
      ...bytesOf(name),
      ...Array<number>(5).fill(0),
      ...data,
    );
  }
  const directory = out.length;
  out.push(...central);
  const record = out.length;
  const count = Object.keys(files).length;
  out.push(
    ...little(0x06064b50, 4),
    ...little(44, 8),
    ...Array<number>(12).fill(0),
    ...little(count, 8),
    ...little(count, 8),
    ...little(central.length, 8),
    ...little(directory, 8),
  );
  out.push(...little(0x07064b50, 4), ...little(0, 4), ...little(record, 8), ...little(1, 4));
  return Uint8Array.from([
    ...out,
    ...little(0x06054b50, 4),
    ...Array<number>(4).fill(0),
    ...Array<number>(4).fill(255),
    ...Array<number>(8).fill(255),
    0,
    0,
  ]);
}

const pickled = (...codes: (number[] | string)[]): number[] => [
  0x80,
  2,
  ...codes.flatMap((code) => (typeof code === 'string' ? bytesOf(code) : code)),
  0x2e,
];
const string = (text: string): number[] => [0x58, ...little(text.length, 4), ...bytesOf(text)];
const tensorOf = (offset: number): (number[] | string)[] => [
  'ctorch._utils\n_rebuild_tensor_v2\n',
  '((',
  string('storage'),
  'ctorch\nFloatStorage\n',
  string('0'),
  string('cpu'),
  [0x4b, 2, 0x74, 0x51],
  [0x4b, offset],
  [0x4b, 2, 0x85, 0x4b, 1, 0x85],
  [0x89],
  '}',
  'tR',
];

test('zip64 archives, of which no 4 GB one is needed here', async () => {
  const files = {
    'r/data.pkl': pickled('}', string('w'), ...tensorOf(0), 's'),
    'r/data/0': [...new Uint8Array(Float32Array.of(3, 4).buffer)],
  };
  const tensors = await open(zip64(files));
  expect([...decodeFloats(await tensors.get('w')!.read(), 'F32')]).toEqual([3, 4]);
});

test.each([
  [
    'a call of the system',
    pickled('cos\nsystem\n', string('true'), [0x85], 'R'),
    'it names os.system, which is not allowed; only tensors and dictionaries are read from it.',
  ],
  ['a list', pickled(']'), 'its pickle uses the opcode 0x5d, which dictionaries of tensors do not need.'],
  ['no dictionary', pickled('N'), 'it holds no dictionary of tensors.'],
  [
    'a number in the dictionary',
    pickled('}', string('epoch'), [0x4b, 3], 's'),
    "'epoch' is not a tensor; only a flat dictionary of tensors can be read.",
  ],
  [
    'a tensor beyond its storage',
    pickled('}', string('w'), ...tensorOf(1), 's'),
    "'w' reaches element 2 of a storage with 2; the file is damaged.",
  ],
  ['a pickle without an end', [0x80, 2, 0x7d], 'its pickle is truncated.'],
  ['an empty stack', pickled('s'), 'its pickle is damaged.'],
  [
    'a prototype by name',
    pickled('ctorch\nconstructor\n'),
    'it names torch.constructor, which is not allowed; only tensors and dictionaries are read from it.',
  ],
])('%s', async (_, pickle, message) => {
  await expect(open(zip64({ 'r/data.pkl': pickle, 'r/data/0': Array<number>(8).fill(0) }))).rejects.toThrow(
    `torch: x.bin: ${message}`,
  );
});

test('only what is asked for is read', async () => {
  let read = 0;
  const whole = memorySource('x.bin', TENSORS);
  const counting: ByteSource = { ...whole, read: (offset, length) => ((read += length), whole.read(offset, length)) };
  const tensors = await openTorchFile(counting);
  read = 0;
  await tensors.get('row')!.read();
  expect(read).toBe(16);
});
