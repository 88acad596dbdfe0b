/**
 * @file Files whose bytes are computed while they are written, so that a checkpoint of any size can be written on a
 * small machine: one tensor after another, each in pieces of at most 16 MiB of f32.
 */
import type { ByteFolder, NamedTensor, StoredDType, StoredTensor } from '../files/tensor-file.ts';
import { BYTES, decodeFloats, elements, encodeFloats, readExactly } from '../files/tensor-file.ts';
import { allZero, refuseHuge } from '../files/load-pieces.ts';

/** Elements of a piece. */
export const PIECE = 2 ** 22;

/** A tensor to be written, piece by piece. */
export interface StreamedTensor extends Pick<NamedTensor, 'name' | 'dtype' | 'shape'> {
  pieces(): AsyncIterable<Uint8Array>;
  /** Tensors that belong to it and go into the same file, such as scales; an index does not list them. */
  readonly companions?: readonly StreamedTensor[];
}

/** A file to be written; `name` may contain folders, `a/b.json`. */
export interface StreamedFile {
  readonly name: string;
  readonly size: number;
  chunks(): AsyncIterable<Uint8Array>;
}

/** A float type that can be written. */
export type FloatDType = 'F32' | 'F16' | 'BF16';
const FLOATS: readonly StoredDType[] = ['F64', 'F32', 'F16', 'BF16'];

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Elements `begin` to `end` of a stored tensor, as its bytes. */
export async function readElements(stored: StoredTensor, begin: number, end: number): Promise<Uint8Array> {
  const size = BYTES[stored.dtype];
  if (stored.readRange) return stored.readRange(begin * size, end * size);
  return (await stored.read()).subarray(begin * size, end * size);
}

/**
 * Numbers as the bytes to be written.
 * @throws WeightError if f16 would make a finite one infinite
 */
export function encodePiece(values: Float32Array, dtype: FloatDType, name: string): Uint8Array {
  if (dtype === 'F16') refuseHuge(values, name);
  return bytesOf(encodeFloats(values, dtype));
}

/** Whether all values of a tensor are 0. */
export const isZero = async (stored: StoredTensor): Promise<boolean> => allZero(await stored.read(), stored.dtype);

/** A stored tensor in another float type, rounded to nearest; integers stay as they are. */
export function recoded(name: string, stored: StoredTensor, dtype: FloatDType): StreamedTensor {
  const { shape } = stored;
  const isFloat = FLOATS.includes(stored.dtype);
  if (!isFloat || stored.dtype === dtype) return unchanged(name, stored);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const bytes of elementBytes(stored)) yield encodePiece(decodeFloats(bytes, stored.dtype), dtype, name);
  }
  return { name, dtype, shape, pieces };
}

/** A stored tensor with its own bytes. */
export const unchanged = (name: string, stored: StoredTensor): StreamedTensor => ({
  name,
  dtype: stored.dtype,
  shape: stored.shape,
  pieces: () => elementBytes(stored),
});

async function* elementBytes(stored: StoredTensor): AsyncGenerator<Uint8Array> {
  const total = elements(stored.shape);
  // Where parts cannot be read, the whole is read once.
  const step = stored.readRange ? PIECE : Math.max(1, total);
  for (let begin = 0; begin < total; begin += step)
    yield await readElements(stored, begin, Math.min(total, begin + step));
}

/** A file with the given text. */
export function textFile(name: string, text: string): StreamedFile {
  const bytes = new TextEncoder().encode(text);
  return {
    name,
    size: bytes.length,
    chunks: async function* () {
      yield bytes;
    },
  };
}

/** A file copied from a folder; undefined if the folder has none of that name. */
export async function copiedFile(folder: ByteFolder, name: string, as = name): Promise<StreamedFile | undefined> {
  const source = await folder.open(name);
  return (
    source && {
      name: as,
      size: source.size,
      chunks: async function* () {
        for (let at = 0; at < source.size; at += PIECE)
          yield await readExactly(source, at, Math.min(PIECE, source.size - at));
      },
    }
  );
}
