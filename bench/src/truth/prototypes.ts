/** @file The prototype extractor in float64, with gradients: docs/sq-llava.md 1.4.2 over the tape. One image. */
import { map, Matrix64, plus, softmaxRows, times, transpose, unitRows, walkBack } from './tape.ts';

export interface PrototypeTruth {
  readonly y: Float64Array;
  /** Gradients of x, f, v, cWeight, cBias, alpha and beta. */
  readonly grads: readonly Float64Array[];
}

/**
 * Smallest gap between a token's best cosine and the next that f32 resolves reliably; a single token below it may
 * change the whole result.
 */
const MARGIN = 1e-5;

/** Adaptive average pooling of the rows into K bins. */
const pooling = (K: number, L: number): Matrix64 =>
  new Matrix64(
    K,
    L,
    Float64Array.from({ length: K * L }, (_, i) => {
      const [bin, row] = [Math.floor(i / L), i % L];
      const [first, end] = [Math.floor((bin * L) / K), Math.ceil(((bin + 1) * L) / K)];
      return row >= first && row < end ? 1 / (end - first) : 0;
    }),
  );

export function prototypeTruth(
  inputs: readonly Float32Array[],
  L: number,
  D: number,
  K: number,
  iterations: number,
  dy: Float32Array,
): PrototypeTruth {
  const sizes = [
    [L, D],
    [L, D],
    [L, D],
    [D, D],
    [1, D],
    [1, 1],
    [1, 1],
  ] as const;
  const leaves = sizes.map(([rows, cols], i) => new Matrix64(rows, cols, inputs[i]!));
  const [x, f, v, cWeight, cBias, alpha, beta] = leaves as [
    Matrix64,
    Matrix64,
    Matrix64,
    Matrix64,
    Matrix64,
    Matrix64,
    Matrix64,
  ];
  const pool = pooling(K, L);
  const keys = transpose(unitRows(transpose(v)));
  let centres = times(pool, x);
  for (let t = 0; t < iterations; t++) {
    const query = unitRows(plus(times(centres, cWeight, { transposeB: true }), cBias));
    const assignment = softmaxRows(times(keys, query, { transposeB: true })); // [L, K]
    centres = times(assignment, f, { transposeA: true });
  }
  const cosine = times(unitRows(x), unitRows(centres), { transposeB: true }); // [L, K]
  const chosen = new Int32Array(L);
  for (let l = 0; l < L; l++) {
    const row = cosine.data.subarray(l * K, (l + 1) * K);
    chosen[l] = row.reduce((best, c, n) => (c > row[best]! ? n : best), 0);
    if (row.some((c, n) => n !== chosen[l] && c > row[chosen[l]!]! - MARGIN))
      throw new Error(
        `prototypeTruth: the two best centres of token ${l} are too close for f32 to tell apart; take other inputs.`,
      );
  }
  const isChosen = (i: number): boolean => chosen[Math.floor(i / K)] === i % K;
  const sigma = (z: number): number => 1 / (1 + Math.exp(-z));
  const [a, b] = [alpha.data[0]!, beta.data[0]!];
  const gate: Matrix64 = new Matrix64(
    L,
    K,
    cosine.data.map((c, i) => (isChosen(i) ? sigma(b + a * c) : 0)),
    () => {
      gate.data.forEach((s, i) => {
        if (!isChosen(i)) return;
        const dz = gate.grad[i]! * s * (1 - s);
        cosine.grad[i]! += dz * a;
        alpha.grad[0]! += dz * cosine.data[i]!;
        beta.grad[0]! += dz;
      });
    },
    [cosine, alpha, beta],
  );
  const members = new Float64Array(K);
  for (const n of chosen) members[n]!++;
  const share = (_: number, i: number): number => 1 / (members[Math.floor(i / D)]! + 1);
  const group = map(
    plus(times(gate, f, { transposeA: true }), times(pool, f)),
    (value, i) => value * share(value, i),
    share,
  );
  const y = plus(x, times(gate, group));
  walkBack(y, dy);
  return { y: y.data, grads: leaves.map(({ grad }) => grad) };
}
