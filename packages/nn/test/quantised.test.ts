/** Quantised files: what belongs together is taken together, and what does not is refused. */
import { cast, openGpu, Parameter, WeightError } from '@curio/engine';
import { expect, test } from 'vitest';
import { quantisedTensor } from '../src/export/quantised-tensor.ts';
import { streamSafetensors } from '../src/export/safetensors-shards.ts';
import { piecesOf, readAhead, Scratch } from '../src/files/load-pieces.ts';
import { quantisedMetadata } from '../src/files/quantised.ts';
import { encodeSafetensors, joinBytes, openSafetensors } from '../src/files/safetensors.ts';
import { memorySource, type NamedTensor } from '../src/files/tensor-file.ts';
import { Weights } from '../src/weights.ts';

const words = (shape: number[]): NamedTensor => ({
  name: 'w.weight',
  dtype: 'U32',
  shape,
  data: new Uint32Array(shape[0]! * shape[1]!).fill(7),
});
const scales = (shape: number[], name = 'w.weight.scales'): NamedTensor => ({
  name,
  dtype: 'F32',
  shape,
  data: new Float32Array(shape[0]! * shape[1]!).fill(0.5),
});
const open = (tensors: NamedTensor[], metadata: Record<string, string> = quantisedMetadata('nf4')) =>
  openSafetensors(memorySource('q.safetensors', joinBytes(encodeSafetensors(tensors, metadata))));

test('a matrix has the shape of its numbers, and its scales with it', async () => {
  const { tensors } = await open([words([3, 16]), scales([3, 2])]);
  expect([...tensors.keys()]).toEqual(['w.weight']);
  const { shape, quantised } = tensors.get('w.weight')!;
  expect(shape).toEqual([3, 128]);
  expect(quantised).toMatchObject({ storage: 'nf4', groupSize: 64, scales: { shape: [3, 2] } });
});

test('an int8 matrix includes the factors of its columns, and in version 1 has none', async () => {
  const factors = (count: number, name = 'w.weight.columns'): NamedTensor => ({
    ...{ name, dtype: 'F32', shape: [count], data: new Float32Array(count).fill(1) },
  });
  const { tensors } = await open([words([3, 16]), scales([3, 1]), factors(64)], quantisedMetadata('int8'));
  expect([...tensors.keys()]).toEqual(['w.weight']);
  expect(tensors.get('w.weight')!.quantised!.columns!.shape).toEqual([64]);
  const first = await open([words([3, 16]), scales([3, 1])], { ...quantisedMetadata('int8'), version: '1' });
  expect(first.tensors.get('w.weight')!.quantised!.columns).toBeUndefined();
  await expect(open([words([3, 16]), scales([3, 1]), factors(63)], quantisedMetadata('int8'))).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight.columns' is F32 [63]; F32 [64] is needed, a factor for each column.",
  );
  await expect(open([words([3, 16]), scales([3, 1])], quantisedMetadata('int8'))).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight' has no 'w.weight.columns'; an int8 matrix of version 2 has a factor for each column.",
  );
});

test('outlier columns are read from the file with the bits of quantising while loading', async () => {
  const gpu = await openGpu();
  const values = Float32Array.from({ length: 40 * 64 }, (_, i) => Math.sin(i) * (i % 64 === 9 ? 50 : 1));
  const name = 'w.weight';
  const plain = encodeSafetensors([{ name, dtype: 'F32', shape: [40, 64], data: values }]);
  const source = (await openSafetensors(memorySource('plain', joinBytes(plain)))).tensors.get(name)!;
  const made = streamSafetensors('q', [quantisedTensor(gpu, name, source, 'int8')], quantisedMetadata('int8'));
  const chunks: Uint8Array[] = [];
  for await (const chunk of made.chunks()) chunks.push(chunk);
  const packed = (await openSafetensors(memorySource('q', joinBytes(chunks)))).tensors.get(name)!;
  const [want, got] = await Promise.all(
    [source, packed].map(async (stored) => {
      const parameter = new Parameter(gpu, name, [40, 64], null, 'int8');
      for await (const { piece, bytes } of readAhead(piecesOf(parameter, stored, new Scratch()))) piece.write(bytes);
      const columns = (await parameter.quantisation!.columns!.read()) as Float32Array;
      return { columns, values: await gpu.scope(() => cast(parameter, 'f32').read()) };
    }),
  );
  expect(want!.columns[9]).toBe(64);
  expect(got).toEqual(want);
  gpu.close();
});

test.each([
  ['scales that are quantised once more', 256, 'U8'],
  ['scales of a matrix too narrow for it', 192, 'F32'],
] as const)('nf4-dq: %s are read with the bits of quantising while loading', async (_, width, dtype) => {
  const gpu = await openGpu();
  const values = Float32Array.from({ length: 130 * width }, (_, i) => Math.sin(i) * (1 + ((i >> 6) % 7)));
  const shape = [130, width];
  const plain = encodeSafetensors([{ name: 'w', dtype: 'F32', shape, data: values }]);
  const source = (await openSafetensors(memorySource('plain', joinBytes(plain)))).tensors.get('w')!;
  const metadata = quantisedMetadata('nf4-dq');
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamSafetensors('q', [quantisedTensor(gpu, 'w', source, 'nf4-dq')], metadata).chunks())
    chunks.push(chunk);
  const { tensors } = await openSafetensors(memorySource('q', joinBytes(chunks)));
  expect([...tensors.keys()]).toEqual(['w']);
  expect(tensors.get('w')!.quantised!.scales.dtype).toBe(dtype);
  const [want, got] = await Promise.all(
    [source, tensors.get('w')!].map(async (stored) => {
      const w = new Weights(gpu, { parts: [{ tensors: new Map([['w', stored]]), base: 'nf4-dq' }] });
      const parameter = w.get('w', shape);
      const { zero } = await w.load();
      const { scales, blocks, groupSize } = parameter.quantisation!;
      const bits = { words: await parameter.read(), scales: await scales.read(), blocks: await blocks?.read() };
      return { zero, groupSize, ...bits, values: await gpu.scope(() => cast(parameter, 'f32').read()) };
    }),
  );
  expect(got).toEqual(want);
  expect([want!.blocks?.length, want!.zero]).toEqual([dtype === 'U8' ? 6 : undefined, []]);
  gpu.close();
});

test('blocks of scales must exist, with the right size, and only if scales have 8 bits', async () => {
  const levels = (rows: number, columns: number): NamedTensor => ({
    ...{ name: 'w.weight.scales', dtype: 'U8', shape: [rows, columns], data: new Uint8Array(rows * columns) },
  });
  const nested = quantisedMetadata('nf4-dq');
  const { tensors } = await open([words([65, 32]), levels(65, 4), scales([2, 2], 'w.weight.blocks')], nested);
  expect(tensors.get('w.weight')!.quantised).toMatchObject({ storage: 'nf4-dq', blocks: { shape: [2, 2] } });
  await expect(open([words([65, 32]), levels(65, 4)], nested)).rejects.toThrow(
    new WeightError(
      "quantised: q.safetensors: 'w.weight' has 260 scales of 8 bits without blocks; F32 [2, 2] are needed.",
    ),
  );
  await expect(open([words([65, 32]), levels(65, 4), scales([1, 2], 'w.weight.blocks')], nested)).rejects.toThrow(
    new WeightError(
      "quantised: q.safetensors: 'w.weight' has 260 scales of 8 bits with blocks F32 [1, 2]; F32 [2, 2] are needed.",
    ),
  );
  await expect(open([words([64, 16]), levels(64, 2), scales([1, 2], 'w.weight.blocks')], nested)).rejects.toThrow(
    new WeightError(
      "quantised: q.safetensors: 'w.weight' has 128 scales of 8 bits with blocks F32 [1, 2]; rows of its width have F32 scales.",
    ),
  );
  await expect(open([words([65, 32]), levels(65, 4)], quantisedMetadata('nf4'))).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight' is U32 [65, 32] with scales U8 [65, 4]; U32 words of whole groups with F32 scales are needed.",
  );
});

test('in any other file the same names are two tensors', async () => {
  const { tensors } = await open([words([3, 16]), scales([3, 2])], { format: 'pt' });
  expect([...tensors.keys()].sort()).toEqual(['w.weight', 'w.weight.scales']);
  expect(tensors.get('w.weight')).not.toHaveProperty('quantised');
});

test('what does not fit is refused in one sentence', async () => {
  await expect(open([scales([3, 2])])).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight.scales' comes without 'w.weight'.",
  );
  await expect(open([words([3, 16]), scales([2, 2])])).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight' is U32 [3, 16] with scales F32 [2, 2]; U32 words of whole groups with F32 scales are needed.",
  );
  await expect(open([words([3, 16]), scales([3, 3])])).rejects.toThrow(/of whole groups with F32 scales are needed\.$/);
  await expect(open([words([3, 16])], { ...quantisedMetadata('nf4'), version: '3' })).rejects.toThrow(
    'quantised: q.safetensors: it is version "3" with storage "nf4"; version 1 or 2 with int8, int4, nf4, nf4-dq can be read, so convert it again.',
  );
});
