import { WeightError } from '@curio/engine';
import { expect, test } from 'vitest';
import { storedZip } from '../src/export/stored-zip.ts';
import { joinBytes } from '../src/files/safetensors.ts';
import { decodeFloats, memorySource, type ByteSource } from '../src/files/tensor-file.ts';
import { openTorchFile } from '../src/files/torch-pickle.ts';
import { openGolden } from '../../testing/src/golden.ts';
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

test('a file truncated at any byte is refused in one sentence', async () => {
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

/** An archive of these entries, with zip64 records as a huge one has them. */
const zip64 = (files: Record<string, number[]>): Uint8Array =>
  joinBytes(
    storedZip(
      Object.entries(files).map(([name, data]) => ({ name, bytes: Uint8Array.from(data) })),
      0,
    ),
  );

const pickled = (...codes: (number[] | string)[]): number[] => [
  0x80,
  2,
  ...codes.flatMap((code) => (typeof code === 'string' ? bytesOf(code) : code)),
  0x2e,
];
const string = (text: string): number[] => [0x58, ...little(text.length, 4), ...bytesOf(text)];
/** A tensor of two floats: any part may be given otherwise. */
const tensorOf = (
  offset: number,
  { key = string('0'), count = [0x4b, 2], shape = [0x4b, 2], stride = [0x4b, 1] }: Record<string, number[]> = {},
): (number[] | string)[] => [
  'ctorch._utils\n_rebuild_tensor_v2\n',
  '((',
  string('storage'),
  'ctorch\nFloatStorage\n',
  key,
  string('cpu'),
  [...count, 0x74, 0x51],
  [0x4b, offset],
  [...shape, 0x85, ...stride, 0x85],
  [0x89],
  '}',
  'tR',
];

/** Each tuple holds the one before twice, which stands in the memo. */
const doubled = (levels: number): number[][] => Array.from({ length: levels }, (_, i) => [0x68, i, 0x86, 0x71, i + 1]);

test.each([
  [
    'a call of the system',
    pickled('cos\nsystem\n', string('true'), [0x85], 'R'),
    'it names os.system, which is not allowed; only tensors and dictionaries are read from it.',
  ],
  ['a list', pickled(']'), 'its pickle uses the opcode 0x5d, which dictionaries of tensors do not need.'],
  ['no dictionary', pickled('N'), 'it does not hold a dictionary of tensors.'],
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
  ['an empty stack', pickled('s'), 'its pickle is damaged: a value is missing.'],
  ['a pickle that ends too late', pickled('}}'), 'its pickle is damaged: it ends with 1 values left over.'],
  ['protocol 9', [0x80, 9, 0x7d, 0x2e], 'its pickle is damaged: it is of protocol 9; 2 to 5 are read.'],
  ['a key that is a number', pickled('}', [0x4b, 7], 'N', 's'), 'its dictionary has the key 7; names must be strings.'],
  [
    'a name given twice',
    pickled('}', string('w'), ...tensorOf(0), 's', string('w'), ...tensorOf(0), 's'),
    "'w' is given twice; names must differ.",
  ],
  [
    'a tuple of 2^40 leaves as a name',
    pickled('}', string('leaf'), [0x85, 0x71, 0], ...doubled(40), 'N', 's'),
    'its dictionary has the key [[…],[…]]; names must be strings.',
  ],
  [
    'a tuple of 2^40 leaves as a shape',
    pickled(
      '}',
      string('w'),
      ...tensorOf(0, { shape: [...string('leaf'), 0x85, 0x71, 0, ...doubled(40).flat()] }),
      's',
    ),
    'it makes a tensor of shape [[…]], strides [1] and offset 0; shape and strides are lists of at most 64 sizes, of equal length.',
  ],
  [
    'two values expanded to 2^50',
    pickled('}', string('w'), ...tensorOf(0, { shape: [0x8a, 7, 0, 0, 0, 0, 0, 0, 4], stride: [0x4b, 0] }), 's'),
    "'w' is F32 [1125899906842624], more than its file of 528 bytes; save an expanded tensor after .contiguous().",
  ],
  [
    'a storage called 0, the number',
    pickled('}', string('w'), ...tensorOf(0, { key: [0x4b, 0] }), 's'),
    'it refers to a storage without a type, a name and a number of elements.',
  ],
  [
    'a storage of another size',
    pickled('}', string('w'), ...tensorOf(0, { count: [0x4b, 3] }), 's'),
    "the storage '0' of 'w' has 8 bytes and 3 elements of F32 take 12; the file is damaged.",
  ],
  [
    'an integer of 200 bytes',
    pickled([0x8a, 200, ...Array<number>(200).fill(1)]),
    'its pickle is damaged: an integer of 200 bytes; sizes take at most 8.',
  ],
  [
    'many objects',
    pickled('N', Array<number>(250_001).fill(0x85)),
    'its pickle of 250005 bytes creates more than 84335 objects; no dictionary of tensors needs as many.',
  ],
  [
    'a high stack',
    pickled(Array<number>(10_001).fill(0x4e)),
    'its pickle stacks more than 10000 values; no dictionary of tensors needs as many.',
  ],
  [
    'a memo beyond the file',
    pickled('N', [0x72, ...little(2 ** 32 - 1, 4)]),
    'its pickle is damaged: it has a memo entry 4294967295 in 9 bytes.',
  ],
  [
    'attributes of a dictionary',
    pickled('}}', string('x'), 'N', 'sb'),
    'it sets attributes other than the _metadata of a dictionary; only tensors are read.',
  ],
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

test('only what is requested is read', async () => {
  let read = 0;
  const whole = memorySource('x.bin', TENSORS);
  const counting: ByteSource = { ...whole, read: (offset, length) => ((read += length), whole.read(offset, length)) };
  const tensors = await openTorchFile(counting);
  read = 0;
  await tensors.get('row')!.read();
  expect(read).toBe(30 + 'archive/data/4'.length + 16); // the entry's own header and name, and the row
});

test('files of protocols 2 to 5, as published and as saved from modules, parameters and views', async () => {
  const golden = await openGolden('torch-files');
  const names = ['mm_projector', 'non_lora_trainables', 'parameters', 'views', 'expanded'];
  for (const name of [...names, ...[2, 3, 4, 5].map((protocol) => `state-${protocol}`)]) {
    const tensors = await open(golden.bytes(`file.${name}`));
    const want = golden.under(`${name}.`);
    expect([...tensors.keys()].sort(), name).toEqual([...want.keys()].sort());
    for (const [tensor, { shape, data }] of want) {
      const stored = tensors.get(tensor)!;
      expect(stored.shape, `${name} ${tensor}`).toEqual(shape);
      expect(decodeFloats(await stored.read(), stored.dtype), `${name} ${tensor}`).toEqual(data);
    }
  }
});

test.each([
  [
    'wide',
    "torch: x.bin: 'w' is F32 [100000], more than its file of 1577 bytes; save an expanded tensor after .contiguous().",
  ],
  ['negated', 'torch: x.bin: it marks a tensor as negated or conjugated; save it after .resolve_neg().'],
  ['nested', "torch: x.bin: 'epoch' is not a tensor; only a flat dictionary of tensors can be read."],
  [
    'sparse',
    'torch: x.bin: it names torch._utils._rebuild_sparse_tensor, which is not allowed; only tensors and dictionaries are read from it.',
  ],
  [
    'legacy',
    'zip: x.bin: no end of a zip archive found; it is truncated, or not a PyTorch file of version 1.6 or later.',
  ],
])('a file of PyTorch that is refused: %s', async (name, message) => {
  await expect(open((await openGolden('torch-files')).bytes(`file.${name}`))).rejects.toThrow(new WeightError(message));
});

test('an archive from a big-endian machine', async () => {
  const files = { 'r/data.pkl': pickled('}'), 'r/byteorder': bytesOf('big') };
  await expect(open(zip64(files))).rejects.toThrow(
    "torch: x.bin: its byte order is 'big'; only little-endian files are read.",
  );
});
