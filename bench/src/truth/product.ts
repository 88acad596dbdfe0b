/** @file Single elements of matrix products in float64. */
import type { Entry } from '../engine-cells.ts';

/** A matrix over numbers: element (row, column) is at row · rowStep + column · columnStep. */
export interface Matrix {
  readonly values: ArrayLike<number>;
  readonly rowStep: number;
  readonly columnStep: number;
}

export const rowMajor = (values: ArrayLike<number>, columns: number): Matrix => ({
  values,
  rowStep: columns,
  columnStep: 1,
});
export const flipped = ({ values, rowStep, columnStep }: Matrix): Matrix => ({
  values,
  rowStep: columnStep,
  columnStep: rowStep,
});

/** Element (m, n) of a·b with K terms. */
export function dot(a: Matrix, b: Matrix, m: number, n: number, K: number): number {
  let sum = 0;
  for (let k = 0; k < K; k++)
    sum += a.values[m * a.rowStep + k * a.columnStep]! * b.values[k * b.rowStep + n * b.columnStep]!;
  return sum;
}

/** Elements of a·b as a row-major matrix of N columns. */
export const productEntry =
  (a: Matrix, b: Matrix, N: number, K: number): Entry =>
  (i) =>
    dot(a, b, Math.floor(i / N), i % N, K);

/** The whole of a·b. */
export function product(a: Matrix, b: Matrix, M: number, N: number, K: number): Float64Array {
  const out = new Float64Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let k = 0; k < K; k++) {
      const v = a.values[m * a.rowStep + k * a.columnStep]!;
      for (let n = 0, at = m * N, from = k * b.rowStep; n < N; n++, at++, from += b.columnStep)
        out[at]! += v * b.values[from]!;
    }
  }
  return out;
}
