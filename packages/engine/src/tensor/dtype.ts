/** @file Element types. Arithmetic is f32; i32, u32 and bool (kept as u32) serve indices and masks; f16, bf16, int8, int4 and NF4 are storage of weights. */

export type DType = 'f32' | 'i32' | 'u32' | 'bool' | 'f16' | 'bf16' | 'int8' | 'int4' | 'nf4';
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

const BITS: Readonly<Record<DType, number>> = { f32: 32, i32: 32, u32: 32, bool: 32, f16: 16, bf16: 16, int8: 8, int4: 4, nf4: 4 };

/** Types that only `linear`, `loraLinear`, `embedding`, the KV cache and `cast` accept. */
export const isPacked = (dtype: DType): boolean => BITS[dtype] < 32;

/** Bytes of `size` elements, rounded up to whole u32 words. */
export const byteLength = (dtype: DType, size: number): number => Math.ceil((size * BITS[dtype]) / 32) * 4;

/** A typed view of bytes that came from the device; packed types are given as their u32 words. */
export function hostView(dtype: DType, bytes: ArrayBuffer): HostArray {
  if (dtype === 'f32') return new Float32Array(bytes);
  return dtype === 'i32' ? new Int32Array(bytes) : new Uint32Array(bytes);
}
