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

test('of several formats safetensors is used, even in shards, as in transformers', async () => {
  expect(
    await names({
      'pytorch_model.bin': TENSORS,
      'model.safetensors.index.json': json({ weight_map: { a: '1.safetensors' } }),
      '1.safetensors': shard('a'),
    }),
  ).toEqual(['a']);
});

test('tensors that the index does not list are read, and refused if two shards hold them', async () => {
  const both = joinBytes(
    encodeSafetensors(['b', 'c'].map((name) => ({ name, dtype: 'F32', shape: [1], data: Float32Array.of(1) }))),
  );
  const index = (weight_map: object) => ({ 'model.safetensors.index.json': json({ weight_map }) });
  const files = { '1.safetensors': shard('b'), '2.safetensors': both };
  expect(await names({ ...files, ...index({ b: '1.safetensors', c: '2.safetensors' }) })).toEqual(['b', 'c']);
  expect(await names({ ...files, ...index({ b: '2.safetensors' }) })).toEqual(['b', 'c']);
  await expect(
    names({ ...files, '3.safetensors': both, ...index({ b: '2.safetensors', d: '3.safetensors' }) }),
  ).rejects.toThrow("tensor 'd' is listed in '3.safetensors', which has no such tensor.");
  const doubled = {
    '1.safetensors': joinBytes(
      encodeSafetensors(['a', 'c'].map((name) => ({ name, dtype: 'F32', shape: [1], data: Float32Array.of(1) }))),
    ),
    '2.safetensors': both,
  };
  await expect(names({ ...doubled, ...index({ a: '1.safetensors', b: '2.safetensors' }) })).rejects.toThrow(
    "weights: model.safetensors.index.json: tensor 'c' is in both '1.safetensors' and '2.safetensors'; the index must list one of them.",
  );
});

test('shards are found through the index, and missing tensors are named', async () => {
  const files = {
    'model.safetensors.index.json': json({ weight_map: { a: '1.safetensors', b: '2.safetensors' } }),
    '1.safetensors': shard('a'),
    '2.safetensors': shard('b'),
  };
  expect(await names(files)).toEqual(['a', 'b']);
  expect(
    await names({ 'pytorch_model.bin.index.json': json({ weight_map: { row: '1.bin' } }), '1.bin': TENSORS }),
  ).toEqual(['row', 'model.mm_projector.a.weight', 'half', 'brain', 'ids', 'transposed', 'scalar', 'again']);
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
    "weights: model.safetensors.index.json: tensor 'b' is listed in '2.safetensors', which has no such tensor.",
  );
  for (const file of ['../1.safetensors', '/1.safetensors', 'a/b.bin', 'C:\\1.bin', '..', '', '1.gguf']) {
    await refused(
      { 'model.safetensors.index.json': json({ weight_map: { a: file } }) },
      `weights: model.safetensors.index.json: '${file}' is not the name of a shard; a .safetensors or .bin file beside the index is needed.`,
    );
  }
  await refused(
    { 'model.safetensors.index.json': new TextEncoder().encode('{"weight_map":{"a":"1.bin","a":"2.bin"}}') },
    "weights: model.safetensors.index.json: it repeats the name 'a'.",
  );
  await refused(
    { 'model.safetensors.index.json': json({}) },
    "weights: model.safetensors.index.json: it has no 'weight_map' from tensor names to file names.",
  );
});
