/**
 * The gradients of attention in float64, and how far a kernel that rounds p, ds and dy to f16 may be from each: first
 * order, for q, k and v that f16 holds.
 */
import type { Array64 } from '../src/truth/oracle.ts';

/** Rounding to f16: relative, and absolute below its normal values, which a device may take for 0. */
export const UNIT = 2 ** -11;
const FLUSHED = 2 ** -14;
/** The same for p and ds, which are stored 2⁶ times as large. */
const LIFTED = 2 ** -20;
/** For terms of second order, and sums in f32. */
const SECOND = 1.1;

interface Gradient {
  readonly value: Float64Array;
  readonly bound: Float64Array;
}

/** The largest finite |x|. */
export const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);

const dot = (a: Float64Array, b: Float64Array, of = (x: number): number => x): number =>
  a.reduce((sum, value, d) => sum + of(value * b[d]!), 0);

/**
 * @param dy of y [B, H, T, D]
 * @returns of q, k and v
 * e = p · (3·UNIT·|dp - Σ dy·y| + UNIT · Σ |dy·v| + 2·UNIT · max |v| · Σ |dy|) is how far ds may be off: p and its sum
 * are rounded, and the product; dy is; y is off by 2·UNIT · max |v|.
 */
export function gradientsOf(
  [q, k, v, lengths]: readonly (Array64 | null)[],
  dy: Float64Array,
  { causal = false, scale }: { causal?: boolean; scale?: number },
): Gradient[] {
  const [batch, heads, tokens, width] = q!.shape as [number, number, number, number];
  const [, kvHeads, keys] = k!.shape as [number, number, number, number];
  const factor = scale ?? 1 / Math.sqrt(width);
  const make = (x: Array64): Gradient => ({
    value: new Float64Array(x.data.length),
    bound: new Float64Array(x.data.length),
  });
  const [dq, dk, dv] = [make(q!), make(k!), make(v!)] as [Gradient, Gradient, Gradient];
  const [mostV, mostDy] = [largest(v!.data), largest(dy)];
  const add = ({ value, bound }: Gradient, at: number, row: Float64Array, by: number, off: number): void =>
    row.forEach((x, d) => {
      value[at + d]! += by * x;
      bound[at + d]! += SECOND * off * Math.abs(x);
    });
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kv = (b * kvHeads + Math.floor((h * kvHeads) / heads)) * keys * width;
      for (let i = 0; i < tokens; i++) {
        const at = ((b * heads + h) * tokens + i) * width;
        const end = Math.max(0, Math.min(lengths?.data[b] ?? keys, causal ? keys - tokens + i + 1 : keys));
        const [query, dyRow] = [q!.data.subarray(at, at + width), dy.subarray(at, at + width)];
        const rows = Array.from({ length: end }, (_, j) => kv + j * width);
        const [key, value] = [k!, v!].map(({ data }) => rows.map((from) => data.subarray(from, from + width)));
        const scores = key!.map((row) => factor * dot(query, row));
        const top = Math.max(...scores);
        const total = scores.reduce((sum, s) => sum + Math.exp(s - top), 0);
        const p = scores.map((s) => Math.exp(s - top) / total);
        const dp = value!.map((row) => dot(dyRow, row));
        const along = p.reduce((sum, weight, j) => sum + weight * dp[j]!, 0);
        const sizeOfDy = dyRow.reduce((sum, x) => sum + Math.abs(x), 0);
        rows.forEach((from, j) => {
          const inner = dp[j]! - along;
          const off =
            p[j]! *
              (3 * UNIT * Math.abs(inner) + UNIT * dot(dyRow, value![j]!, Math.abs) + 2 * UNIT * mostV * sizeOfDy) +
            LIFTED * (Math.abs(inner) + mostDy) +
            p[j]! * FLUSHED * mostDy * largest(value![j]!) * width;
          add(dq, at, key![j]!, factor * p[j]! * inner, Math.abs(factor) * off);
          add(dk, from, query, factor * p[j]! * inner, Math.abs(factor) * off);
          add(dv, from, dyRow, p[j]!, 3 * UNIT * p[j]! + LIFTED);
          for (let d = 0; d < width; d++) dv.bound[from + d]! += FLUSHED * mostDy * p[j]!;
        });
      }
    }
  }
  return [dq, dk, dv];
}
