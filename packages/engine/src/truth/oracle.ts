/** @file Float64 arrays for reference forwards. JavaScript's numbers are doubles, so the oracle is free. */
import { broadcastShapes, denseStrides, sizeOf } from '../tensor/shape.ts';
import type { Shape } from '../tensor/shape.ts';

export class Array64 {
  readonly data: Float64Array;

  constructor(
    readonly shape: Shape,
    data?: ArrayLike<number>,
  ) {
    this.data = data ? Float64Array.from(data) : new Float64Array(sizeOf(shape));
  }

  /** Element at the given indices. */
  at(...indices: number[]): number {
    return this.data[this.index(indices)]!;
  }

  set(value: number, ...indices: number[]): void {
    this.data[this.index(indices)] = value;
  }

  private index(indices: readonly number[]): number {
    const strides = denseStrides(this.shape);
    return indices.reduce((sum, i, k) => sum + i * strides[k]!, 0);
  }
}

/** An array of `shape` whose element at each index list is `f(...indices)`. */
export function build(shape: Shape, f: (...indices: number[]) => number): Array64 {
  const out = new Array64(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = f(...index);
    for (let k = shape.length - 1; k >= 0; k--) {
      if (++index[k]! < shape[k]!) break;
      index[k] = 0;
    }
  }
  return out;
}

/** `x` seen as rows of its last axis, mapped one by one. */
export function mapRows(x: Array64, f: (row: Float64Array, r: number) => ArrayLike<number>): Array64 {
  const cols = x.shape.at(-1) ?? 1;
  const out = new Array64(x.shape);
  for (let r = 0; cols > 0 && r < x.data.length / cols; r++)
    out.data.set(f(x.data.subarray(r * cols, (r + 1) * cols), r), r * cols);
  return out;
}

/** f over broadcast arrays, in float64. */
export function broadcast(arrays: readonly Array64[], f: (...values: number[]) => number): Array64 {
  const shape = arrays.map((x) => x.shape).reduce((a, b) => broadcastShapes('oracle', a, b));
  return build(shape, (...index) =>
    f(...arrays.map((x) => x.at(...x.shape.map((n, k) => (n === 1 ? 0 : index[k + shape.length - x.shape.length]!))))),
  );
}

/** v - top, and 0 for two equal infinities. */
export const belowTop = (v: number, top: number): number => (v === top ? 0 : v - top);

/** erf by its series, and by a continued fraction where that is slow. */
export function erf(x: number): number {
  if (Math.abs(x) > 3) {
    let f = 0;
    for (let k = 60; k >= 1; k--) f = k / 2 / (Math.abs(x) + f);
    return Math.sign(x) * (1 - Math.exp(-x * x) / ((Math.abs(x) + f) * Math.sqrt(Math.PI)));
  }
  let sum = 0;
  let term = x;
  for (let n = 0; n < 60; n++) {
    sum += term / (2 * n + 1);
    term *= (-x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/**
 * Gives the values of all arrays together distinct ones in the same order, 0.01 apart and none at 0: where derivatives
 * jump at ties or at 0, differences must not straddle one.
 */
export function setApart(arrays: readonly (Array64 | null)[]): void {
  const all = arrays.flatMap((x) => (x ? Array.from(x.data, (value, i) => ({ value, x, i })) : []));
  const below = all.filter(({ value }) => value < 0).length;
  all
    .sort((a, b) => a.value - b.value)
    .forEach(({ x, i }, rank) => (x.data[i] = Math.fround((rank - below + 0.5) / 100)));
}

/** x[..., K] · weight[N, K]ᵀ + bias[N]. */
export function multiplyRows(x: Array64, weight: Array64, bias: Array64 | null = null): Array64 {
  const [N, K] = weight.shape as [number, number];
  const out = new Array64([...x.shape.slice(0, -1), N]);
  for (let i = 0; i < out.data.length; i++) {
    const [row, n] = [Math.floor(i / N), i % N];
    let sum = bias ? bias.data[n]! : 0;
    for (let k = 0; k < K; k++) sum += x.data[row * K + k]! * weight.data[n * K + k]!;
    out.data[i] = sum;
  }
  return out;
}

/** Mean over rows of w · (log Σ exp logits - logits[target]), rows of target -100 left out; or the sum. */
export function meanCrossEntropy(
  logits: Array64,
  targets: Array64,
  weights: Array64 | null | undefined,
  reduction: 'mean' | 'sum' = 'mean',
): Array64 {
  const cols = logits.shape.at(-1)!;
  let loss = 0;
  let total = 0;
  targets.data.forEach((target, r) => {
    if (target === -100) return;
    const row = logits.data.subarray(r * cols, (r + 1) * cols);
    const top = Math.max(...row);
    const w = weights?.data[r] ?? 1;
    loss +=
      w *
      (Math.log(row.reduce((sum, v) => sum + Math.exp(belowTop(v, top)), 0)) -
        belowTop(target < 0 ? NaN : (row[target] ?? NaN), top));
    total += w;
  });
  return new Array64([], [reduction === 'sum' ? loss : total === 0 ? 0 : loss / total]);
}
