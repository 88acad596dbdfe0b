/**
 * @file Named tensors in a file, whatever its format: `safetensors.ts`, `torch-pickle.ts` and `peft.ts` all give a
 * `TensorMap`.
 * Bytes are read only when a tensor is asked for, so a 13 GB checkpoint can be opened on a small machine.
 */
import { WeightError } from '@curio/engine';
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from './half.ts';

/**
 * A source of bytes: a file, a Blob, HTTP ranges, OPFS. Apps implement it; the packages never touch a disk or a
 * network.
 */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`; rejects where there are fewer.
   * @param into memory whose start may take them if it has room: reusing memory costs no new pages
   */
  read(offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/** A folder of such files; `undefined` if there is no file of that name. */
export interface ByteFolder {
  readonly name: string;
  open(name: string): Promise<ByteSource | undefined>;
}

/** Bytes of one element, by safetensors' names of types. */
export const BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;
export type StoredDType = keyof typeof BYTES;

export interface StoredTensor {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** The file it is in, for messages. */
  readonly file: string;
  /** Raw little-endian bytes, row-major. */
  read(): Promise<Uint8Array>;
  /** Bytes `begin` to `end` of it, where partial reads are possible; `into` as for a source. */
  readRange?(begin: number, end: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** Set where the bytes are words of a quantised matrix; `shape` is then that of its numbers (quantised.ts). */
  readonly quantised?: QuantisedPart;
}

export interface QuantisedPart {
  readonly storage: 'int8' | 'int4' | 'nf4' | 'nf4-dq';
  /** Adjacent numbers along the last axis that share a scale. */
  readonly groupSize: number;
  readonly scales: StoredTensor;
  /** Minimum and step of each 256 scales, where these are quantised too. */
  readonly blocks?: StoredTensor;
  /** Factors of the columns of an int8 matrix; absent in files of version 1. */
  readonly columns?: StoredTensor;
}

export type TensorMap = ReadonlyMap<string, StoredTensor>;

/** One tensor to be written. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** PyTorch's own limit. */
export const MOST_AXES = 64;

/** An integer that can be a size or an offset. */
export const isCount = (x: unknown): x is number => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0;

/** Whether a value from a file is a list of sizes, or of strides. */
export const isCounts = (x: unknown): x is readonly number[] =>
  Array.isArray(x) && x.length <= MOST_AXES && x.every(isCount);

/** Whether it is a shape with a number of elements that can be represented. */
export const isShape = (x: unknown): x is readonly number[] =>
  isCounts(x) && x.reduce((product, size) => product * Math.max(1, size), 1) <= Number.MAX_SAFE_INTEGER;

function refuseBeyond({ name, size }: { name: string; size: number }, offset: number, length: number): void {
  if (offset + length > size)
    throw new WeightError(
      `weights: ${name}: bytes ${offset} to ${offset + length} were asked for and it has ${size}; it is truncated.`,
    );
}

/** Bytes of the longest array that every engine of today can make. */
const MOST_AT_ONCE = 2 ** 32;

/**
 * Reads from a source and checks it: nothing beyond its end is requested, and exactly the requested bytes must arrive.
 * @throws WeightError if there are fewer, and if they are more than an array, or the memory, can hold
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  into?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  refuseBeyond(source, offset, length);
  if (length === 0) return new Uint8Array(0);
  const asked = `weights: ${source.name}: ${length} bytes were asked for at once, at byte ${offset},`;
  if (length > MOST_AT_ONCE) throw new WeightError(`${asked} and ${MOST_AT_ONCE} can be; read them in parts.`);
  const bytes = await source.read(offset, length, into).catch((cause: unknown) => {
    // What allocating an array throws.
    if (!(cause instanceof RangeError)) throw cause;
    throw new WeightError(`${asked} and there is no memory for them (${cause.message}); read them in parts.`, {
      cause,
    });
  });
  if (bytes.length !== length)
    throw new WeightError(
      `weights: ${source.name}: ${length} bytes were asked for at byte ${offset} and ${bytes.length} came; read it again.`,
    );
  return bytes;
}

/** The first `length` bytes of `into` if it is large enough, else new ones. */
export const roomFor = (length: number, into?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);

/** A `ByteSource` over bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => {
      refuseBeyond({ name, size: bytes.length }, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/**
 * Views over raw bytes; copies them where they do not start at a multiple of the element's size. Not by `slice`, which
 * gives a view where the bytes are Node's Buffer.
 */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
}

/**
 * Raw bytes of type `dtype` as f32 numbers. 64-bit types are rounded to the nearest.
 * @param scratch memory for the result of f16 and bf16, at least as long
 */
export function decodeFloats(bytes: Uint8Array, dtype: StoredDType, scratch?: Float32Array): Float32Array {
  const size = BYTES[dtype];
  const { buffer, byteOffset } = aligned(bytes, size);
  const length = bytes.length / size;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, byteOffset, length);
    case 'F16':
      return halfToFloat(new Uint16Array(buffer, byteOffset, length), scratch?.subarray(0, length));
    case 'BF16':
      return bfloatToFloat(new Uint16Array(buffer, byteOffset, length), scratch?.subarray(0, length));
    case 'F64':
      return Float32Array.from(new Float64Array(buffer, byteOffset, length));
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, length), Number);
    case 'U64':
      return Float32Array.from(new BigUint64Array(buffer, byteOffset, length), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer, byteOffset, length));
    case 'U32':
      return Float32Array.from(new Uint32Array(buffer, byteOffset, length));
    case 'I16':
      return Float32Array.from(new Int16Array(buffer, byteOffset, length));
    case 'U16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, length));
    case 'I8':
      return Float32Array.from(new Int8Array(buffer, byteOffset, length));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(bytes);
    default:
      throw new WeightError(`weights: cannot turn ${dtype} into numbers; use F32, F16, BF16, F64 or an integer type.`);
  }
}

/** f32 numbers as the elements of a float type. */
export function encodeFloats(data: Float32Array, dtype: 'F32' | 'F16' | 'BF16'): ArrayBufferView {
  return dtype === 'F32' ? data : dtype === 'F16' ? floatToHalf(data) : floatToBfloat(data);
}
