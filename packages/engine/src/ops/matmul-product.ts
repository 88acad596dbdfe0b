/** @file The product that matmul, linear and loraLinear share, in every layout. Records kernels only; no tape. */
import { matmulNaive } from '@curio/kernels/matmul_naive';
import { ceilDiv } from '../gpu/grid.ts';
import { choose } from '../gpu/variant.ts';
import type { Family } from '../gpu/variant.ts';
import type { Run } from '../tensor/op.ts';
import type { Shape } from '../tensor/shape.ts';
import { sizeOf } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/** How A and B are stored: `n` as the product reads them (A[M, K], B[K, N]), `t` transposed (A[K, M], B[N, K]). */
export type Layout = 'nn' | 'nt' | 'tn' | 'tt';

/** Steps of A and B, in elements, from batch to batch: z = outer · inner + i. */
export interface Batches { readonly count: number; readonly inner: number; readonly aOuter: number; readonly aInner: number; readonly bOuter: number; readonly bInner: number }

export interface Product {
  readonly a: Tensor;
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
  /** Continues the sum over k with A2[M, K2]·op(B2), not multiplied by alpha. */
  readonly pair?: { readonly a: Tensor; readonly b: Tensor; readonly K: number };
}

interface Plan { readonly layout: Layout; readonly M: number; readonly N: number; readonly K: number; readonly K2: number; readonly count: number }

const naive = {
  kernel: matmulNaive,
  tuning: (_: unknown, { layout }: Plan) => ({ TRANSPOSE_A: `${layout[0] === 't'}`, TRANSPOSE_B: `${layout[1] === 't'}` }),
  grid: (_: unknown, { M, N, count }: Plan) => [ceilDiv(N, 8), ceilDiv(M, 8), count] as const,
};

/** Kernels by layout, the preferred first. */
export const matmulVariants: Readonly<Record<Layout, Family<Plan>>> = { nn: { naive }, nt: { naive }, tn: { naive }, tt: { naive } };

const ONE_BATCH: Batches = { count: 1, inner: 1, aOuter: 0, aInner: 0, bOuter: 0, bInner: 0 };
const BIAS = 1;

/** alpha · op(A)·op(B) + A2·op(B2) + bias, a new tensor. */
export function product(run: Run, { a, b, layout, M, N, K, shape, batches = ONE_BATCH, bias, alpha = 1, pair }: Product): Tensor {
  const c = run.out(shape);
  if (sizeOf(shape) === 0) return c;
  const { count, inner } = batches;
  const plan = { layout, M, N, K, K2: pair?.K ?? 0, count };
  const variant = choose(run.gpu, `matmul ${layout}`, matmulVariants[layout], plan);
  run.dispatch(variant.kernel, 'multiply', {
    buffers: { a, b, c, bias: bias ?? a, a2: pair?.a ?? a, b2: pair?.b ?? b },
    params: { M, N, K, K_last: K, K2: plan.K2, batch_inner: inner, a_outer: batches.aOuter, a_inner: batches.aInner, b_outer: batches.bOuter, b_inner: batches.bInner, flags: bias ? BIAS : 0, alpha },
    grid: variant.grid(run.gpu, plan, 'multiply'),
    tuning: variant.tuning?.(run.gpu, plan),
  });
  return c;
}

/** The layout of op(A)·op(B). */
export const layoutOf = (transposeA: boolean, transposeB: boolean): Layout => `${transposeA ? 't' : 'n'}${transposeB ? 't' : 'n'}`;
