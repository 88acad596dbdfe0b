import { WeightError } from '@curio/engine';
import { expect, test } from 'vitest';
import { blobSource, handleSource, type SyncHandle } from '../src/files/byte-sources.ts';
import { encodeSafetensors, joinBytes, openSafetensors } from '../src/files/safetensors.ts';
import { readExactly } from '../src/files/tensor-file.ts';

const file = joinBytes(
  encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [3], data: Float32Array.of(1, 2, 3) }]),
) as Uint8Array<ArrayBuffer>;

/** A handle that gives at most seven bytes at a time, as handles may. */
const handleOf = (bytes: Uint8Array, size = bytes.length): SyncHandle => ({
  getSize: () => size,
  read: (into, { at }) => {
    const came = bytes.subarray(at, at + Math.min(7, into.length));
    into.set(came);
    return came.length;
  },
});

test.each([
  ['a Blob', blobSource('x', new Blob([file]))],
  ['a handle of OPFS', handleSource('x', handleOf(file))],
])('%s gives the bytes of a file', async (_, source) => {
  const { tensors } = await openSafetensors(source);
  expect([...new Float32Array((await tensors.get('w')!.read()).buffer)]).toEqual([1, 2, 3]);
});

test('a source that gives less than its size is refused in a sentence', async () => {
  await expect(handleSource('x', handleOf(file, file.length + 9)).read(file.length - 3, 9)).rejects.toThrow(
    new WeightError(
      `weights: x: it ended at byte ${file.length} and ${file.length + 6} were expected; it was truncated while being read.`,
    ),
  );
  const short = { ...blobSource('x', new Blob([file])), size: file.length + 9 };
  await expect(readExactly(short, file.length - 3, 9)).rejects.toThrow(
    new WeightError(`weights: x: 9 bytes were asked for at byte ${file.length - 3} and 3 came; read it again.`),
  );
  await expect(readExactly(short, 0, file.length + 10)).rejects.toThrow(
    new WeightError(
      `weights: x: bytes 0 to ${file.length + 10} were asked for and it has ${file.length + 9}; it is truncated.`,
    ),
  );
});

test('a read that there is no memory for is refused in a sentence', async () => {
  const read = async (): Promise<Uint8Array> => {
    throw new RangeError('Array buffer allocation failed');
  };
  await expect(readExactly({ name: 'x', size: 2 ** 33, read }, 40, 2 ** 32)).rejects.toThrow(
    new WeightError(
      'weights: x: 4294967296 bytes were asked for at once, at byte 40, and there is no memory for them (Array buffer allocation failed); read them in parts.',
    ),
  );
});
