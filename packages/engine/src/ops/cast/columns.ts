/**
 * @file Outlier columns of int8 weights. A column far larger or smaller than the others of its groups would spoil the
 * scale of its neighbours, or lose its own bits, though the features that it meets may make up for its size. So it is
 * divided by a power of two, which rounds nothing, and the ops multiply its feature by it. The idea is that of
 * SmoothQuant (Xiao et al. 2023, arXiv:2211.10438); the factors come from the weight alone.
 */
import { castColumns } from '@curio/kernels/cast_columns';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { boundOf } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';

const WG = 64;
/** Rows that are looked at; with fewer than the least a mean says nothing. */
const MOST_ROWS = 256;
const LEAST_ROWS = 16;
/** Columns within a factor of 2 of the median stay as they are; farther than 2^30 is not followed. */
const MOST_EXPONENT = 30;

/** Multiplies the columns of a dense f32 tensor in place; a multiple of 4 of them. */
export function scaleColumns(x: Tensor, factors: Tensor): void {
  const vectors = x.size / 4;
  x.gpu.dispatch(castColumns, 'scale', {
    op: 'cast',
    buffers: boundOf({ x, factors }),
    params: { vectors, cols: factors.size },
    grid: lineGrid(ceilDiv(vectors, WG)),
  });
}

/**
 * A factor for each column: the power of two nearest to its mean absolute value over the median column's, from at most
 * 256 rows. Null where all are 1, and for fewer than 16 rows.
 * @param at element i of the rows, row-major
 */
export function columnFactors(at: (i: number) => number, rows: number, cols: number): Float32Array<ArrayBuffer> | null {
  if (rows < LEAST_ROWS) return null;
  const sums = new Float64Array(cols);
  const looked = Math.min(rows, MOST_ROWS);
  for (let r = 0; r < looked; r++) {
    const begin = Math.floor((r * rows) / looked) * cols;
    for (let k = 0; k < cols; k++) sums[k]! += Math.abs(at(begin + k));
  }
  const median = sums.slice().sort()[cols >> 1]!;
  const factors = new Float32Array(cols).map((_, k) => {
    const exponent = Math.log2(sums[k]! / median);
    if (!Number.isFinite(exponent) || Math.abs(exponent) < 1) return 1;
    return 2 ** Math.max(-MOST_EXPONENT, Math.min(MOST_EXPONENT, Math.round(exponent)));
  });
  return factors.every((factor) => factor === 1) ? null : factors;
}

/** Element i of words of two halves. */
export function halfAt(dtype: 'f16' | 'bf16', words: Uint32Array): (i: number) => number {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  return (i) => {
    const half = (words[i >> 1]! >>> (16 * (i & 1))) & 0xffff;
    if (dtype === 'bf16') {
      bits[0] = half << 16;
      return value[0]!;
    }
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 31) return fraction ? NaN : Infinity;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    return half & 0x8000 ? -size : size;
  };
}
