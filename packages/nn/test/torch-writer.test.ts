/** `.bin` files: read back, and to the byte what PyTorch was seen to load (packages/testing/python/bin_folders.py). */
import { expect, test } from 'vitest';
import { encodeTorchFile } from '../src/export/torch-file.ts';
import { joinBytes } from '../src/files/safetensors.ts';
import { memorySource, type NamedTensor } from '../src/files/tensor-file.ts';
import { openTorchFile } from '../src/files/torch-pickle.ts';

const tensors: NamedTensor[] = [
  { name: 'model.mm_projector.c.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, -2.5, 3, 0, 1e-3, 7) },
  { name: 'half', dtype: 'F16', shape: [300, 1], data: Uint16Array.from({ length: 300 }, (_, i) => 0x3c00 + i) },
  { name: 'brain', dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0xc040) },
  { name: 'scalar', dtype: 'F32', shape: [], data: Float32Array.of(4) },
  { name: 'ids', dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 70000n) },
  { name: 'none', dtype: 'F32', shape: [0, 5], data: new Float32Array(0) },
  { name: 'ключ', dtype: 'F32', shape: [1, 1, 1], data: Float32Array.of(0.5) },
];

test('every tensor is read with its type, shape and bytes', async () => {
  const opened = await openTorchFile(memorySource('x.bin', joinBytes(encodeTorchFile('x', tensors))));
  expect([...opened.keys()]).toEqual(tensors.map(({ name }) => name));
  for (const { name, dtype, shape, data } of tensors) {
    const { read, ...stored } = opened.get(name)!;
    expect(stored).toMatchObject({ dtype, shape });
    expect(await read()).toEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
});

test('the same tensors give the bytes that PyTorch has loaded', async () => {
  const bytes = joinBytes(encodeTorchFile('x', tensors)) as Uint8Array<ArrayBuffer>;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  expect([...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('')).toBe('cdaa5c3303b1bac4');
});

test('storages begin at multiples of 64 bytes, as torch maps them', () => {
  const bytes = joinBytes(encodeTorchFile('some-longer-name', tensors));
  const text = new TextDecoder('latin1').decode(bytes);
  for (const key of tensors.keys()) {
    const header = text.indexOf(`some-longer-name/data/${key}FB`) - 30;
    const view = new DataView(bytes.buffer, bytes.byteOffset + header, 30);
    expect((header + 30 + view.getUint16(26, true) + view.getUint16(28, true)) % 64).toBe(0);
  }
});

test('what cannot be written is refused in one sentence', () => {
  const encode =
    (...given: NamedTensor[]) =>
    () =>
      encodeTorchFile('x', given);
  const [c] = tensors;
  expect(encode(c!, c!)).toThrow("torch: tensor 'model.mm_projector.c.weight' is given twice; names must differ.");
  expect(encode({ ...c!, dtype: 'F8_E4M3' })).toThrow(
    "torch: tensor 'model.mm_projector.c.weight' is F8_E4M3; only F32, F16, BF16, F64, I64, I32 can be written to a .bin file.",
  );
  expect(encode({ ...c!, shape: [2, 4] })).toThrow(
    "torch: tensor 'model.mm_projector.c.weight' is F32 [2, 4], which takes 32 bytes, and its data has 24.",
  );
});
