/**
 * @file Packed storage in float64: the reference of `cast`, and of every op that reads a packed weight.
 */
import type { CastOptions } from '../ops/cast/cast.ts';
import type { DType } from '../tensor/dtype.ts';
import { Array64, mapRows } from './oracle.ts';

/** A packed type with the options that `cast` takes for it. */
export interface StorageSpec extends CastOptions {
  readonly to: DType;
}

/** To the nearest integer, a half to the even one, as WGSL's round. */
function nearest(v: number): number {
  const floor = Math.floor(v);
  return v - floor > 0.5 || (v - floor === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** `v` with the given number of mantissa bits, to nearest, ties to even; for values that are normal in the format. */
function rounded(v: number, bits: number): number {
  if (v === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(v))) - bits);
  return nearest(v / unit) * unit;
}

const NF4 = [
  -1, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0, 0.0795803, 0.1609302, 0.2461123,
  0.33791524, 0.44070983, 0.562617, 0.72295684, 1,
];

/**
 * One group through a quantised type and back. Which level a value takes is decided in f32, as
 * kernels/cast/quantise.wgsl says: a value halfway between two levels would otherwise round differently here and there,
 * once in some hundred thousand.
 */
function quantised(group: ArrayLike<number>, to: DType, zeros: boolean): number[] {
  const values = Array.from(group, Math.fround);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const widest = Math.max(-low, high);
  if (to === 'nf4')
    return values.map(
      (v) => widest * NF4.reduce((a, b) => (Math.abs(b - v / widest) < Math.abs(a - v / widest) ? b : a)),
    );
  const span = zeros ? Math.fround(high - low) : widest;
  const scale = Math.fround(span / (to === 'int8' ? 127 : zeros ? 15 : 7));
  const inverse = scale > 0 ? Math.fround(1 / scale) : 0;
  const level = (v: number): number => nearest(Math.fround(v * inverse));
  if (!zeros || to === 'int8') return values.map((v) => level(v) * scale);
  const zero = level(-low);
  return values.map((v) => (Math.min(15, Math.max(0, level(v) + zero)) - zero) * scale);
}

/** `x` through a packed type and back. */
export function asStored(x: Array64, { to, groupSize, zeros = false, nested = false }: StorageSpec): Array64 {
  if (to === 'f16' || to === 'bf16')
    return new Array64(
      x.shape,
      x.data.map((v) => rounded(v, to === 'f16' ? 10 : 7)),
    );
  const group = groupSize ?? Math.min(64, x.shape.at(-1)!);
  const rows = new Array64([x.data.length / group, group], x.data);
  const stored = mapRows(rows, (row) => quantised(row, to, zeros)).data;
  if (!nested || (64 * (x.shape.at(-1)! / group)) % 256 !== 0) return new Array64(x.shape, stored);
  const scales = Array.from({ length: rows.shape[0]! }, (_, g) =>
    Math.max(...Array.from(rows.data.subarray(g * group, (g + 1) * group), (v) => Math.abs(Math.fround(v)))),
  );
  const ratios = scales.map((scale, g) => (scale === 0 ? 0 : nestedScale(scales, g) / scale));
  return new Array64(
    x.shape,
    stored.map((v, i) => v * ratios[Math.floor(i / group)]!),
  );
}

/** A scale in 8 bits between the least and the greatest of its block of 256; decided in f32, as the kernel does. */
function nestedScale(scales: readonly number[], at: number): number {
  const begin = at - (at % 256);
  const block = scales.slice(begin, begin + 256);
  const least = Math.min(...block);
  const step = Math.fround(Math.fround(Math.max(...block) - least) / 255);
  const inverse = step > 0 ? Math.fround(1 / step) : 0;
  return least + nearest(Math.fround(Math.fround(scales[at]! - least) * inverse)) * step;
}
