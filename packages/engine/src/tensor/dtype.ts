/**
 * @file Element types. Arithmetic is f32; i32, u32 and bool (kept as u32) serve indices and masks; f16, bf16, int8,
 * int4 and NF4 are storage of weights.
 */
import { DTypeError } from '../gpu/errors.ts';

export type DType = 'f32' | 'i32' | 'u32' | 'bool' | 'f16' | 'bf16' | 'int8' | 'int4' | 'nf4';
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

const BITS: Readonly<Record<DType, number>> = {
  f32: 32,
  i32: 32,
  u32: 32,
  bool: 32,
  f16: 16,
  bf16: 16,
  int8: 8,
  int4: 4,
  nf4: 4,
};

/** What others call the types. */
const OTHER_NAMES: Readonly<Record<string, DType>> = {
  float: 'f32',
  float32: 'f32',
  int: 'i32',
  int32: 'i32',
  uint32: 'u32',
  boolean: 'bool',
  half: 'f16',
  float16: 'f16',
  bfloat16: 'bf16',
  i8: 'int8',
  i4: 'int4',
};

/** Throws DTypeError unless `dtype` is an element type. */
export function requireType(where: string, dtype: unknown): void {
  if (typeof dtype === 'string' && Object.hasOwn(BITS, dtype)) return;
  const meant =
    typeof dtype === 'string' && Object.hasOwn(OTHER_NAMES, dtype.toLowerCase())
      ? `; ${dtype} is ${OTHER_NAMES[dtype.toLowerCase()]} here`
      : '';
  throw new DTypeError(
    `${where}: there is no element type ${typeof dtype === 'string' ? `'${dtype}'` : String(dtype)}${meant}; the types are ${Object.keys(BITS).join(', ')}.`,
  );
}

/** Types that only `linear`, `loraLinear`, `embedding`, the KV cache and `cast` accept. */
export const isPacked = (dtype: DType): boolean => BITS[dtype] < 32;

/** Bytes of `size` elements, rounded up to whole u32 words. */
export const byteLength = (dtype: DType, size: number): number => Math.ceil((size * BITS[dtype]) / 32) * 4;

/** A typed view of bytes that came from the device; packed types are given as their u32 words. */
export function hostView(dtype: DType, bytes: ArrayBuffer): HostArray {
  if (dtype === 'f32') return new Float32Array(bytes);
  return dtype === 'i32' ? new Int32Array(bytes) : new Uint32Array(bytes);
}
