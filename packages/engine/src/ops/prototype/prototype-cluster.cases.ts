import { defineCases } from '../../truth/cases.ts';
import type { Case } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import { prototypeCluster } from './prototype-cluster.ts';
import type { PrototypeClusterOptions } from './plan.ts';
import { prototypeFamilies } from './kernels.ts';

type Matrix = number[][];

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const unit = (a: readonly number[]): number[] => {
  const norm = Math.max(Math.sqrt(dot(a, a)), 1e-12);
  return a.map((v) => v / norm);
};
const flip = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
/** a·bᵀ */
const product = (a: Matrix, b: Matrix): Matrix => a.map((row) => b.map((other) => dot(row, other)));
const mean = (rows: Matrix): number[] =>
  flip(rows).map((column) => column.reduce((sum, v) => sum + v, 0) / rows.length);
const softmax = (a: readonly number[]): number[] => {
  const e = a.map((v) => Math.exp(v - Math.max(...a)));
  const total = e.reduce((sum, v) => sum + v, 0);
  return e.map((v) => v / total);
};

/** One image, in the steps of the specification's 1.4.2; `cos` [K][L] decides the assignment. */
function clusterOne(
  X: Matrix,
  F: Matrix,
  V: Matrix,
  { Wc, bc, alpha, beta }: { Wc: Matrix; bc: readonly number[]; alpha: number; beta: number },
  { numPrototypes: K, iterations }: PrototypeClusterOptions,
): { Y: Matrix; cos: Matrix } {
  const L = X.length;
  const bin = (rows: Matrix, i: number): Matrix => rows.slice(Math.floor((i * L) / K), Math.ceil(((i + 1) * L) / K));
  const pool = (rows: Matrix): Matrix => Array.from({ length: K }, (_, i) => mean(bin(rows, i)));
  const PF = pool(F);
  let C = pool(X);
  const Vhat = flip(flip(V).map(unit)); // each channel over the tokens
  for (let t = 0; t < iterations; t++) {
    const Q = product(C, Wc).map((row) => row.map((v, d) => v + bc[d]!));
    const Z = product(Q.map(unit), Vhat);
    const A = flip(flip(Z).map(softmax)); // over the centres, token by token
    C = product(A, flip(F));
  }
  const cos = product(C.map(unit), X.map(unit));
  const S = cos.map((row) => row.map((c) => 1 / (1 + Math.exp(-(beta + alpha * c)))));
  const chosen = X.map((_, l) => S.reduce((best, row, n) => (row[l]! > S[best]![l]! ? n : best), 0));
  const w = chosen.map((n, l) => S[n]![l]!);
  const G = PF.map((pooled, n) => {
    const members = chosen.flatMap((m, l) => (m === n ? [l] : []));
    return pooled.map((p, d) => (members.reduce((sum, l) => sum + w[l]! * F[l]![d]!, 0) + p) / (members.length + 1));
  });
  return { Y: X.map((x, l) => x.map((v, d) => v + w[l]! * G[chosen[l]!]![d]!)), cos };
}

const matrix = (data: ArrayLike<number>, rows: number, cols: number, from = 0): Matrix =>
  Array.from({ length: rows }, (_, r) => Array.from({ length: cols }, (_, c) => data[from + r * cols + c]!));

/** Each image of the batch. */
function cluster(inputs: readonly (Array64 | null)[], attrs: PrototypeClusterOptions): { Y: Matrix; cos: Matrix }[] {
  const [x, f, v, cWeight, cBias, alpha, beta] = inputs as Array64[];
  const [B, L, D] = x!.shape as [number, number, number];
  const weights = {
    Wc: matrix(cWeight!.data, D, D),
    bc: [...cBias!.data],
    alpha: alpha!.data[0]!,
    beta: beta!.data[0]!,
  };
  return Array.from({ length: B }, (_, b) => {
    const [X, F, V] = [x!, f!, v!].map((a) => matrix(a.data, L, D, b * L * D)) as [Matrix, Matrix, Matrix];
    return clusterOne(X, F, V, weights, attrs);
  });
}

/**
 * Minimum gap between a token's best cosine and the next: the assignment must change neither within a central
 * difference nor by f32 rounding.
 */
const MARGIN = 2e-5;

/** Attempts before everything is redrawn: some draws put centres so close that redrawing tokens does not help. */
const TRIES = 10;

/** Redraws tokens whose two best centres are too close, until there are none. */
function adjust(
  inputs: readonly (Array64 | null)[],
  attrs: PrototypeClusterOptions,
  random: { normal(): number },
): void {
  const [x, f] = inputs as [Array64, Array64];
  const [, L, D] = x.shape as [number, number, number];
  if (attrs.numPrototypes === 1) return;
  for (let tries = 0; tries < 100; tries++) {
    if (tries % TRIES === TRIES - 1)
      for (const { data } of [x, f]) for (let i = 0; i < data.length; i++) data[i] = Math.fround(random.normal());
    const close = cluster(inputs, attrs).flatMap(({ cos }, b) =>
      flip(cos).flatMap((ofToken, l) => {
        const best = Math.max(...ofToken);
        // equal values belong to equal bins: a true tie
        return ofToken.some((c) => c !== best && c > best - MARGIN) ? [b * L + l] : [];
      }),
    );
    if (close.length === 0) return;
    for (const row of close) for (let d = 0; d < D; d++) x.data[row * D + d] = Math.fround(random.normal());
  }
  throw new Error(
    `prototypeCluster cases: no inputs of shape ${x.shape.join('×')} with ${attrs.numPrototypes} centres were found whose assignment is clear; use fewer.`,
  );
}

function makeCase(
  label: string,
  B: number,
  L: number,
  D: number,
  numPrototypes: number,
  iterations = 2,
): Case<PrototypeClusterOptions> {
  const tokens = [B, L, D];
  return {
    label: `${label}: B=${B} L=${L} D=${D} K=${numPrototypes} T=${iterations}`,
    inputs: [
      tokens,
      tokens,
      { shape: tokens, range: L === 1 ? [0.5, 1.5] : undefined },
      [D, D],
      [D],
      { shape: [1], range: [0.5, 2] },
      { shape: [1], range: [-1, 1] },
    ],
    attrs: { numPrototypes, iterations },
    adjust,
  };
}

export const prototypeClusterCases = defineCases<PrototypeClusterOptions>({
  op: 'prototypeCluster',
  run: ([x, f, v, cWeight, cBias, simAlpha, simBeta], attrs) =>
    prototypeCluster(x!, f!, v!, {
      cWeight: cWeight!,
      cBias: cBias!,
      simAlpha: simAlpha!,
      simBeta: simBeta!,
      ...attrs,
    }),
  reference(inputs, attrs) {
    return new Array64(
      inputs[0]!.shape,
      cluster(inputs, attrs).flatMap(({ Y }) => Y.flat()),
    );
  },
  families: prototypeFamilies,
  step: 1e-6,
  cases: [
    makeCase('golden sizes', 1, 9, 4, 4),
    makeCase('a small model', 2, 36, 8, 16),
    makeCase('primes', 2, 29, 7, 11, 3),
    makeCase('more centres than tokens', 1, 3, 8, 7),
    makeCase('one token', 2, 1, 4, 3),
    makeCase('one centre, one iteration', 1, 5, 12, 1, 1),
    makeCase('wider than a workgroup', 1, 7, 68, 3),
  ],
  bench: [
    {
      label: 'the small model, batch 16',
      inputs: benchInputs(16, 36, 128),
      attrs: { numPrototypes: 16, iterations: 2 },
      flops: benchFlops(16, 36, 128, 16),
    },
    {
      label: 'published: CLIP ViT-L/14-336, 256 centres',
      inputs: benchInputs(1, 576, 1024),
      attrs: { numPrototypes: 256, iterations: 2 },
      flops: benchFlops(1, 576, 1024, 256),
    },
  ],
});

function benchInputs(B: number, L: number, D: number): Case<PrototypeClusterOptions>['inputs'] {
  return [[B, L, D], [B, L, D], [B, L, D], [D, D], [D], { shape: [1], values: [1] }, { shape: [1], values: [0] }];
}

/** Products of the forward pass: per iteration C·Wcᵀ, Q·Vᵀ, A·F; then the scores. */
function benchFlops(B: number, L: number, D: number, K: number): number {
  return 2 * B * (2 * (K * D * D + 2 * K * L * D) + K * L * D);
}
