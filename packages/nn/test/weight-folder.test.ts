import { expect, test } from 'vitest';
import { encodeSafetensors, joinBytes } from '../src/files/safetensors.ts';
import { memorySource, type ByteFolder } from '../src/files/tensor-file.ts';
import { openWeightFile, openWeightFolder } from '../src/files/weight-folder.ts';
import { TENSORS } from './torch-file.ts';

const folder = (files: Record<string, Uint8Array | undefined>): ByteFolder => ({
  name: 'base',
  open: async (name) => files[name] && memorySource(name, files[name]),
});
const json = (x: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(x));
const shard = (name: string): Uint8Array =>
  joinBytes(encodeSafetensors([{ name, dtype: 'F32', shape: [1], data: Float32Array.of(1) }]));
const names = async (files: Record<string, Uint8Array>): Promise<string[]> => [
  ...(await openWeightFolder(folder(files))).keys(),
];

test('one file, of either format', async () => {
  expect(await names({ 'model.safetensors': shard('a'), 'pytorch_model.bin': TENSORS })).toEqual(['a']);
  expect(await names({ 'pytorch_model.bin': TENSORS })).toContain('transposed');
  expect([...(await openWeightFile(folder({ 'x.bin': TENSORS }), 'x'))!.keys()]).toContain('half');
  expect(await openWeightFile(folder({}), 'x')).toBeUndefined();
});

test('shards are found through the index, and broken promises are named', async () => {
  const files = {
    'model.safetensors.index.json': json({ weight_map: { a: '1.safetensors', b: '2.safetensors' } }),
    '1.safetensors': shard('a'),
    '2.safetensors': shard('b'),
  };
  expect(await names(files)).toEqual(['a', 'b']);
  expect(
    await names({ 'pytorch_model.bin.index.json': json({ weight_map: { row: '1.bin' } }), '1.bin': TENSORS }),
  ).toEqual(['row']);
  const refused = (changed: Record<string, Uint8Array | undefined>, text: string) =>
    expect(openWeightFolder(folder(changed))).rejects.toThrow(text);
  await refused(
    {},
    'weights: base has no model.safetensors, pytorch_model.bin or index of shards; one of them must be there.',
  );
  await refused(
    { ...files, '2.safetensors': undefined },
    "weights: model.safetensors.index.json: shard '2.safetensors' not found in base.",
  );
  await refused(
    { ...files, '2.safetensors': shard('c') },
    "weights: model.safetensors.index.json: tensor 'b' is promised in '2.safetensors', which has no such tensor.",
  );
  await refused(
    { 'model.safetensors.index.json': json({}) },
    "weights: model.safetensors.index.json: it has no 'weight_map' from tensor names to file names.",
  );
});
