/** @file The product that matmul, linear and loraLinear share. Records kernels only; no tape. */
import type { Gpu } from '../../gpu/gpu.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { choose } from '../../gpu/kernel/choose.ts';
import { copyDense } from '../../tensor/copy.ts';
import type { Run } from '../../tensor/op.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { formatOf, groupSizeOf, withScales } from '../parts/weight-format.ts';
import { fitsMatrixUnits, halvesPay, subgroupMatrix, subgroupMatrixHalves } from './matrix-units.ts';
import { isAlong } from './plan.ts';
import type { Layout, MatmulPlan, MatmulVariant } from './plan.ts';
import { matmulVariants, splitsOf } from './variants.ts';

/** Steps of A and B, in elements, from batch to batch: z = outer · inner + i. */
export interface Batches {
  readonly count: number;
  readonly inner: number;
  readonly aOuter: number;
  readonly aInner: number;
  readonly bOuter: number;
  readonly bInner: number;
}

export interface Product {
  readonly a: Tensor;
  /** May be a packed weight, in one batch. */
  readonly b: Tensor;
  readonly layout: Layout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Of the result; M·N elements a batch. */
  readonly shape: Shape;
  readonly batches?: Batches;
  readonly bias?: Tensor | null;
  readonly alpha?: number;
  /** Continues the sum over k with A2[M, K]·op(B2). */
  readonly pair?: { readonly a: Tensor; readonly b: Tensor; readonly K: number };
  /** A dense tensor of `shape` at the start of a binding, to which the product is added where its kernel can. */
  readonly into?: Tensor | null;
  /** Where the result is written, dense and at the start of a binding; a new tensor when left out. */
  readonly out?: Tensor;
  /** Whether another product of the op reads A too, in one sum without a pair. */
  readonly sharesA?: boolean;
  /** Elements from row to row where rows run along the terms: K, unless this is a part of a longer sum. */
  readonly pitch?: number;
}

const ONE_BATCH: Batches = { count: 1, inner: 1, aOuter: 0, aInner: 0, bOuter: 0, bInner: 0 };
/** Flags of the kernels. */
const [BIAS, ADD] = [1, 2];

/** alpha · (op(A)·op(B) + A2·op(B2)) + bias, a new tensor; or `into`, when it was added to that. */
export function product(run: Run, wanted: Product): Tensor {
  const { b, layout, M, N, K, shape, batches = ONE_BATCH, bias, pair } = wanted;
  const inRows = K === 0 || beginAtRows(batches, layout[0] === 'n' ? K : M, layout[1] === 't' ? K : N);
  const plan = {
    layout,
    M,
    N,
    K,
    K2: pair?.K ?? 0,
    hasBias: bias != null,
    batches: batches.count,
    format: formatOf(run.name, b),
    groupSize: groupSizeOf(b),
    inRows,
    isPart: false,
    sharesA: wanted.sharesA ?? false,
  };
  if (pair && takesTwoProducts(run.gpu, plan)) {
    const c = product(run, { ...wanted, pair: undefined });
    const rest = { a: pair.a, b: pair.b, layout, M, N, K: pair.K, shape, alpha: wanted.alpha, into: c };
    return multiply(run, rest, pairPlan(plan), pair.K);
  }
  const splits = sizeOf(shape) === 0 || batches.inner !== batches.count ? 1 : splitsOf(run.gpu, plan);
  // Parts of the sum are batches within those of the product, added up in a fixed order.
  const terms = 4 * ceilDiv(ceilDiv(K, splits), 4);
  const count = ceilDiv(K, terms);
  const part = { ...plan, K: terms, batches: batches.count * count, isPart: true };
  const readsPitch = (each: MatmulPlan): boolean => variantOf(run.gpu, each).readsPitch === true;
  if (splits === 1 || (layout !== 'tn' && !(readsPitch(plan) && readsPitch(part))))
    return multiply(run, wanted, plan, K);
  const along = isAlong(layout);
  const split = {
    ...wanted,
    into: null,
    out: undefined,
    K: terms,
    pitch: K,
    shape: [batches.count, count, M, N],
    batches: {
      count: batches.count * count,
      inner: count,
      aOuter: batches.aInner,
      aInner: along.a ? terms : terms * M,
      bOuter: batches.bInner,
      bInner: along.b ? terms : terms * N,
    },
  };
  const parts = multiply(run, split, part, K - (count - 1) * terms);
  const { into, out } = wanted;
  return reduceMiddle('SUM', parts, { outer: batches.count, n: count, inner: M * N, shape, into, out });
}

/** A2·op(B2) as a separate product. */
const pairPlan = (plan: MatmulPlan): MatmulPlan => ({
  ...plan,
  K: plan.K2,
  K2: 0,
  hasBias: false,
  format: 'F32',
  groupSize: 0,
  inRows: true,
  isPart: false,
  sharesA: false,
});

/** How a pair is computed: in one sum, as a second product, or added to B before the product. */
type PairWay = 'joined' | 'separate' | 'folded';

const forcedWay = (gpu: Gpu): PairWay | undefined => gpu.kernels.forced.get('matmul pair') as PairWay | undefined;

/** Whether a pair takes two products, of which the second adds itself to the first. */
function takesTwoProducts(gpu: Gpu, plan: MatmulPlan): boolean {
  if (plan.K2 === 0 || plan.M * plan.N === 0) return false;
  const forced = forcedWay(gpu);
  const isWanted = forced === undefined ? variantOf(gpu, plan).pairSeparate?.(plan) === true : forced === 'separate';
  return isWanted && variantOf(gpu, pairPlan(plan)).adds === true;
}

/** Whether x·(W + scale · B·A)ᵀ costs less than the pair x·Wᵀ + scale · (x·Aᵀ)·Bᵀ for M rows of x and rank r. */
export function foldPays(run: Run, weight: Tensor, r: number, M: number): boolean {
  const [N, K] = weight.shape as [number, number];
  const format = formatOf(run.name, weight);
  if (format !== 'F32' || M * N * K * r === 0) return false;
  const whole = { hasBias: false, batches: 1, format, groupSize: 0, inRows: true, isPart: false } as const;
  const pair: MatmulPlan = { ...whole, layout: 'nt', M, N, K, K2: r };
  const forced = forcedWay(run.gpu);
  const isWanted = forced === undefined ? variantOf(run.gpu, pair).pairFolds?.(pair) === true : forced === 'folded';
  return isWanted && variantOf(run.gpu, { ...whole, layout: 'nn', M: N, N: K, K: r, K2: 0 }).adds === true;
}

/** W + scale · B·A where that pays for M rows, a new tensor; else null. W float[N, K], B float[N, r], A float[r, K]. */
export function foldedWeight(run: Run, weight: Tensor, b: Tensor, a: Tensor, scale: number, M: number): Tensor | null {
  const [N, K] = weight.shape as [number, number];
  const r = a.shape[0]!;
  if (!foldPays(run, weight, r, M)) return null;
  const into = run.out(weight.shape);
  copyDense(into, weight);
  return product(run, { a: b, b: a, layout: 'nn', M: N, N: K, K: r, shape: weight.shape, alpha: scale, into });
}

/** Whether the sum over k of a product of f32 is split. */
export const isSplit = (gpu: Gpu, { layout, M, N, K }: Pick<Product, 'layout' | 'M' | 'N' | 'K'>): boolean =>
  splitsOf(gpu, {
    layout,
    M,
    N,
    K,
    K2: 0,
    hasBias: false,
    batches: 1,
    format: 'F32',
    groupSize: 0,
    inRows: true,
    isPart: false,
  }) > 1;

/**
 * The kernel of a product. Long sums of few results, such as LoRA's inner activations, stay in f32: split-K keeps a GPU
 * busy, and matrix units support it only in the layout tn. 512×128 over 4096 terms took 0.15 ms on those of an H200 and
 * 0.036 ms split.
 */
function variantOf(gpu: Gpu, plan: MatmulPlan): MatmulVariant {
  const isSplit = plan.layout !== 'tn' && (plan.isPart || splitsOf(gpu, plan) > 1);
  if (gpu.kernels.halfProducts && !isSplit && fitsMatrixUnits(gpu, plan))
    return halvesPay(gpu, plan) ? subgroupMatrixHalves : subgroupMatrix;
  return choose<MatmulVariant, MatmulPlan>(gpu, `matmul ${plan.layout}`, 'multiply', matmulVariants[plan.layout], plan);
}

/** One product; the last inner batch has `lastTerms` terms. */
function multiply(run: Run, wanted: Product, plan: MatmulPlan, lastTerms: number): Tensor {
  const { a, b, layout, M, N, K, shape, batches = ONE_BATCH, bias, alpha = 1, pair, pitch = K } = wanted;
  if (sizeOf(shape) === 0) return wanted.out ?? run.out(shape);
  const variant = variantOf(run.gpu, plan);
  const into = variant.adds ? wanted.into : null;
  const c = into ?? wanted.out ?? run.out(shape);
  const { inner, aOuter, aInner, bOuter, bInner } = batches;
  const buffers = { a, b, c, bias: bias ?? a, a2: pair?.a ?? a, b2: pair?.b ?? a };
  const params = {
    M,
    N,
    K,
    K_last: lastTerms,
    K2: plan.K2,
    batch_inner: inner,
    flags: (bias ? BIAS : 0) + (into ? ADD : 0),
    alpha,
    group: plan.groupSize,
    a_outer: aOuter,
    a_inner: aInner,
    b_outer: bOuter,
    b_inner: bInner,
    a_pitch: pitch,
    b_pitch: pitch,
  };
  withScales(run, b, a, (scales) =>
    run.launch<MatmulPlan>(
      `matmul ${layout}`,
      matmulVariants[layout],
      plan,
      'multiply',
      { buffers: { ...buffers, ...scales }, params },
      variant,
    ),
  );
  return c;
}

/** Whether each batch begins at a row. */
const beginAtRows = ({ aOuter, aInner, bOuter, bInner }: Batches, aWidth: number, bWidth: number): boolean =>
  aOuter % aWidth === 0 && aInner % aWidth === 0 && bOuter % bWidth === 0 && bInner % bWidth === 0;

/** The layout of op(A)·op(B). */
export const layoutOf = (transposeA: boolean, transposeB: boolean): Layout =>
  `${transposeA ? 't' : 'n'}${transposeB ? 't' : 'n'}`;
