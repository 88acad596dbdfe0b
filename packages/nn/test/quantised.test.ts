/** Quantised files: what belongs together is taken together, and what does not is refused. */
import { expect, test } from 'vitest';
import { quantisedMetadata } from '../src/files/quantised.ts';
import { encodeSafetensors, joinBytes, openSafetensors } from '../src/files/safetensors.ts';
import { memorySource, type NamedTensor } from '../src/files/tensor-file.ts';

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

test('in another file the same names are two tensors', async () => {
  const { tensors } = await open([words([3, 16]), scales([3, 2])], { format: 'pt' });
  expect([...tensors.keys()].sort()).toEqual(['w.weight', 'w.weight.scales']);
  expect(tensors.get('w.weight')).not.toHaveProperty('quantised');
});

test('what does not fit is refused in one sentence', async () => {
  await expect(open([scales([3, 2])])).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight.scales' stands without 'w.weight'.",
  );
  await expect(open([words([3, 16]), scales([2, 2])])).rejects.toThrow(
    "quantised: q.safetensors: 'w.weight' is U32 [3, 16] with scales F32 [2, 2]; U32 words of whole groups with F32 scales are needed.",
  );
  await expect(open([words([3, 16]), scales([3, 3])])).rejects.toThrow(/of whole groups with F32 scales are needed\.$/);
  await expect(open([words([3, 16])], { ...quantisedMetadata('nf4'), version: '2' })).rejects.toThrow(
    'quantised: q.safetensors: it is version "2" with storage "nf4"; version 1 with int8, int4, nf4 can be read, so convert it anew.',
  );
});
