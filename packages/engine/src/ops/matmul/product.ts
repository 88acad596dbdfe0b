/** @file The product that matmul, linear and loraLinear share. Records kernels only; no tape. */
import { matmulPackedNn } from '@curio/kernels/matmul_packed_nn';
import { matmulPackedNt } from '@curio/kernels/matmul_packed_nt';
import { matmulSubgroupNn } from '@curio/kernels/matmul_subgroup_nn';
import { matmulSubgroupNt } from '@curio/kernels/matmul_subgroup_nt';
import type { Gpu } from '../../gpu/gpu.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { KernelSource } from '../../gpu/kernel/kernel.ts';
import { choose, tune } from '../../gpu/kernel/variant.ts';
import type { Family } from '../../gpu/kernel/variant.ts';
import { boundOf } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import type { Shape } from '../../tensor/shape.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { isAlong, matmulVariants, partsOf } from './variants.ts';
import type { Layout, MatmulPlan, MatmulVariant } from './variants.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { spreadPays, spreadPitch, spreadRows } from './spread-rows.ts';
import { fitsMatrixUnits, halvesPay, inHalves, subgroupMatrix, subgroupMatrixHalves } from './matrix-units.ts';
import { layRows } from '../parts/texel-rows.ts';
import { unpackWeight } from '../parts/unpack-weight.ts';
import { formatOf, groupSizeOf, scalesOf } from '../parts/weight-format.ts';

/** Steps of A and B, in elements, from batch to batch: z = outer · inner + i. */
export interface Batches { readonly count: number; readonly inner: number; readonly aOuter: number; readonly aInner: number; readonly bOuter: number; readonly bInner: number }

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
  /** Elements from row to row where rows run along the terms: K, unless this is a part of a longer sum. */
  readonly pitch?: number;
}

const ONE_BATCH: Batches = { count: 1, inner: 1, aOuter: 0, aInner: 0, bOuter: 0, bInner: 0 };
/** Flags of the kernels. */
const [BIAS, ADD] = [1, 2];

/** alpha · (op(A)·op(B) + A2·op(B2)) + bias, a new tensor; or `into`, when it was added to that. */
export function product(run: Run, wanted: Product): Tensor {
  const { b, layout, M, N, K, shape, batches = ONE_BATCH, bias, pair } = wanted;
  const plan = { layout, M, N, K, K2: pair?.K ?? 0, hasBias: bias != null, batches: batches.count, format: formatOf(run.name, b), groupSize: groupSizeOf(b) };
  if (unpacksBefore(run.gpu, plan)) return run.gpu.scope(() => product(run, { ...wanted, b: unpackWeight(run, b) }));
  if (pair && isApart(run.gpu, plan)) {
    const c = product(run, { ...wanted, pair: undefined });
    const rest = { a: pair.a, b: pair.b, layout, M, N, K: pair.K, shape, alpha: wanted.alpha, into: c };
    return multiply(run, rest, pairPlan(plan), pair.K);
  }
  const parts = sizeOf(shape) === 0 ? 1 : partsOf(run.gpu, plan);
  // Parts of the sum are batches, added up in a fixed order.
  const terms = 4 * ceilDiv(ceilDiv(K, parts), 4);
  const count = ceilDiv(K, terms);
  const part = { ...plan, K: terms, batches: count };
  const readsPitch = (each: MatmulPlan): boolean => variantOf(run.gpu, each, true).readsPitch === true;
  if (parts === 1 || (layout !== 'tn' && !(readsPitch(plan) && readsPitch(part)))) return multiply(run, wanted, plan, K);
  const along = isAlong(layout);
  const split = { ...wanted, into: null, K: terms, pitch: K, shape: [count, M, N], batches: { count, inner: count, aOuter: 0, aInner: along.a ? terms : terms * M, bOuter: 0, bInner: along.b ? terms : terms * N } };
  return reduceMiddle('SUM', multiply(run, split, part, K - (count - 1) * terms), 1, count, M * N, shape);
}

function unpacksBefore(gpu: Gpu, plan: MatmulPlan): boolean {
  if (plan.format === 'F32' || plan.M * plan.N * plan.K === 0) return false;
  const forced = gpu.forced.get('matmul unpack');
  return forced === undefined ? variantOf(gpu, plan, true).unpacksBefore?.(gpu, plan) === true : forced === 'before';
}

/** A2·op(B2) as a product of its own. */
const pairPlan = (plan: MatmulPlan): MatmulPlan => ({ ...plan, K: plan.K2, K2: 0, hasBias: false, format: 'F32', groupSize: 0 });

/** Whether a pair takes two products, of which the second adds itself to the first. */
function isApart(gpu: Gpu, plan: MatmulPlan): boolean {
  if (plan.K2 === 0 || plan.M * plan.N === 0) return false;
  const forced = gpu.forced.get('matmul pair');
  const isWanted = forced === undefined ? variantOf(gpu, plan, true).pairApart?.(plan) === true : forced === 'apart';
  return isWanted && addsUp(gpu, plan.layout, variantOf(gpu, pairPlan(plan), true));
}

/** The kernel of a product; `inRows` says that batches begin at rows, as textures need it. */
function variantOf(gpu: Gpu, plan: MatmulPlan, inRows: boolean): MatmulVariant {
  if (gpu.halfProducts && fitsMatrixUnits(gpu, plan)) return subgroupMatrix;
  return choose<MatmulPlan>(gpu, `matmul ${plan.layout}`, 'multiply', inRows ? matmulVariants[plan.layout] : overBuffers(plan.layout), plan);
}

/** One product, with copies of operands where they pay; the last batch has `lastTerms` terms. */
function multiply(run: Run, wanted: Product, plan: MatmulPlan, lastTerms: number): Tensor {
  const { a, b, layout, M, N, K, shape, pitch = K } = wanted;
  if (sizeOf(shape) === 0) return run.out(shape);
  const along = isAlong(layout);
  const inRows = K === 0 || beginAtRows(wanted.batches ?? ONE_BATCH, along.a ? K : M, along.b ? K : N);
  const variant = variantOf(run.gpu, plan, inRows);
  const c = wanted.into && addsUp(run.gpu, layout, variant) ? wanted.into : run.out(shape);
  if (variant === subgroupMatrix && halvesPay(run.gpu, plan)) {
    return run.gpu.scope(() => {
      const isPlain = plan.format === 'F32';
      const rounded = { ...wanted, a: inHalves(run, a), b: isPlain ? inHalves(run, b) : b };
      return dispatch(run, rounded, c, isPlain ? { ...plan, format: 'F16' } : plan, subgroupMatrixHalves, lastTerms, K, K);
    });
  }
  if (variant.needsTexels) return multiplyTexels(run, wanted, c, plan, variant, lastTerms);
  const spreads = spreadsOf(run.gpu, variant, plan);
  if (!spreads.a && !spreads.b) return dispatch(run, wanted, c, plan, variant, lastTerms, pitch, pitch);
  return run.gpu.scope(() => {
    const spread = { ...wanted, a: spreads.a ? spreadRows(run, a, M, K) : a, b: spreads.b ? spreadRows(run, b, N, K) : b };
    return dispatch(run, spread, c, plan, variant, lastTerms, spreads.a ? spreadPitch(K) : K, spreads.b ? spreadPitch(K) : K);
  });
}

const flagsOf = (bias: Tensor | null | undefined, adds: boolean): number => (bias ? BIAS : 0) + (adds ? ADD : 0);

/** Whether a variant can add to C: those of ours over plain cores, where nobody put a kernel of his own in their place. */
function addsUp(gpu: Gpu, layout: Layout, variant: MatmulVariant): boolean {
  return Object.values<MatmulVariant>(matmulVariants[layout]).includes(variant) && gpu.replacements.kernelFor(variant.kernel) === variant.kernel;
}

/** Rows of A and B from element to element apart. */
function dispatch(run: Run, { a, b, layout, M, N, K, batches = ONE_BATCH, bias, alpha = 1, pair, into }: Product, c: Tensor, plan: MatmulPlan, variant: MatmulVariant, lastTerms: number, aPitch: number, bPitch: number): Tensor {
  const { inner, aOuter, aInner, bOuter, bInner } = batches;
  const rest = { K, K_last: lastTerms, K2: plan.K2, batch_inner: inner, flags: flagsOf(bias, c === into), alpha, group: plan.groupSize };
  const workOf = (each: MatmulVariant) => ({
    buffers: { ...(each.swaps ? { a: b, b: a } : { a, b }), c, bias: bias ?? a, a2: pair?.a ?? a, b2: pair?.b ?? a, ...scalesOf(b, a) },
    params: each.swaps
      ? { M: N, N: M, a_outer: bOuter, a_inner: bInner, b_outer: aOuter, b_inner: aInner, a_pitch: bPitch, b_pitch: aPitch, ...rest }
      : { M, N, a_outer: aOuter, a_inner: aInner, b_outer: bOuter, b_inner: bInner, a_pitch: aPitch, b_pitch: bPitch, ...rest },
    ...tune(run.gpu, each, plan, 'multiply'),
  });
  if (variant.kernel !== subgroupMatrix.kernel) run.gpu.tuner?.consider<MatmulPlan>(`matmul ${layout}`, 'multiply', matmulVariants[layout], plan, variant, (each) => {
    const { buffers, ...work } = workOf(each);
    return { kernel: each.kernel, entry: 'multiply', buffers: boundOf(buffers), ...work };
  });
  run.dispatch(variant.kernel, 'multiply', workOf(variant));
  return c;
}

/** The variants that read buffers as they lie. */
function overBuffers(layout: Layout): Family<MatmulPlan> {
  return Object.fromEntries(Object.entries<MatmulVariant>(matmulVariants[layout]).filter(([, { needsTexels }]) => !needsTexels));
}

/** Rows of an operand from its first to its last batch, and rows from batch to batch. */
function linesOf(x: Tensor, rows: number, width: number, count: number, innerCount: number, outer: number, inner: number) {
  const [outerRows, innerRows] = [outer / width, inner / width];
  return { lines: { x, rows: (ceilDiv(count, innerCount) - 1) * outerRows + (Math.min(count, innerCount) - 1) * innerRows + rows, width }, outerRows, innerRows };
}

const mayGroup = ({ outerRows, innerRows }: ReturnType<typeof linesOf>): boolean => outerRows % 4 === 0 && innerRows % 4 === 0;

/** Whether each batch begins at a row. */
const beginAtRows = ({ aOuter, aInner, bOuter, bInner }: Batches, aWidth: number, bWidth: number): boolean => aOuter % aWidth === 0 && aInner % aWidth === 0 && bOuter % bWidth === 0 && bInner % bWidth === 0;

/** The product over operands laid in textures. */
function multiplyTexels(run: Run, { a, b, layout, M, N, K, batches = ONE_BATCH, bias, alpha = 1, pair, into }: Product, c: Tensor, plan: MatmulPlan, variant: MatmulVariant, lastTerms: number): Tensor {
  const { count, inner, aOuter, aInner, bOuter, bInner } = batches;
  const along = isAlong(layout);
  const [aLines, bLines] = [
    linesOf(a, along.a ? M : K, along.a ? K : M, count, inner, aOuter, aInner),
    linesOf(b, along.b ? N : K, along.b ? K : N, count, inner, bOuter, bInner),
  ];
  const K2 = pair?.K ?? 0;
  const { tuning, grid } = tune(run.gpu, variant, plan, 'multiply');
  run.gpu.scope(() => {
    const aTexels = layRows(run, aLines.lines, pair ? { x: pair.a, rows: M, width: K2 } : null, along.a, N, mayGroup(aLines));
    const bTexels = layRows(run, bLines.lines, pair ? { x: pair.b, rows: along.b ? N : K2, width: along.b ? K2 : N } : null, along.b, M, mayGroup(bLines));
    aTexels.fill();
    bTexels.fill();
    const [left, right] = variant.swaps ? [bTexels, aTexels] : [aTexels, bTexels];
    const [leftLines, rightLines] = variant.swaps ? [bLines, aLines] : [aLines, bLines];
    run.dispatch(variant.kernel, 'multiply', {
      buffers: { a: left.binding, b: right.binding, c, bias: bias ?? a },
      params: {
        M: variant.swaps ? N : M, N: variant.swaps ? M : N, K: K + K2, K_last: lastTerms + K2, batch_inner: inner, flags: flagsOf(bias, c === into), alpha,
        a_outer: leftLines.outerRows, a_inner: leftLines.innerRows, b_outer: rightLines.outerRows, b_inner: rightLines.innerRows,
        a_strip: left.strip, a_strip_rows: left.stripRows, b_strip: right.strip, b_strip_rows: right.stripRows,
      },
      grid,
      tuning: { ...tuning, TAIL: `${(lastTerms + K2) % 4 !== 0 || K % 4 !== 0}` },
    });
  });
  return c;
}

/** Kernels that take a pitch of A; the first of B too, whose rows it walks. */
const WALKERS: readonly KernelSource[] = [matmulSubgroupNt, matmulSubgroupNn, matmulPackedNt, matmulPackedNn];

/** Which operands are copied with their rows spread: where each element is read often enough, and nobody put a kernel of his own in place of ours. */
function spreadsOf(gpu: Gpu, { kernel, swaps }: MatmulVariant, { M, N, K, batches }: MatmulPlan): { a: boolean; b: boolean } {
  if (!WALKERS.includes(kernel) || swaps || batches !== 1 || gpu.replacements.kernelFor(kernel) !== kernel) return { a: false, b: false };
  return { a: spreadPays(gpu, 'a', M, K, N), b: kernel === matmulSubgroupNt && spreadPays(gpu, 'b', N, K, M) };
}

/** The layout of op(A)·op(B). */
export const layoutOf = (transposeA: boolean, transposeB: boolean): Layout => `${transposeA ? 't' : 'n'}${transposeB ? 't' : 'n'}`;
