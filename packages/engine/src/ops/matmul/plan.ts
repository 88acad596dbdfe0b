/** @file The sizes and layout of a matrix product, known before its kernel is chosen. */
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import type { OpVariant } from '../../tensor/op.ts';
import type { WeightFormat } from '../parts/weight-format.ts';

/** How A and B are stored: `n` as the product reads them (A[M, K], B[K, N]), `t` transposed (A[K, M], B[N, K]). */
export type Layout = 'nn' | 'nt' | 'tn' | 'tt';

export interface MatmulPlan {
  readonly layout: Layout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Terms of the second pair, 0 without one. */
  readonly K2: number;
  readonly hasBias: boolean;
  readonly batches: number;
  /** How B is stored; packed weights have one batch, and the layout nt or nn. */
  readonly format: WeightFormat;
  /** Neighbours of B that share a scale; 0 without scales. */
  readonly groupSize: number;
  /** Whether each batch of A and B begins at a row. */
  readonly inRows: boolean;
  /** Whether the batches are parts of one sum. */
  readonly isPart: boolean;
  /** Whether another product of the same op reads A too, so that a copy of it serves both. */
  readonly sharesA?: boolean;
}

export interface MatmulVariant extends OpVariant<MatmulPlan> {
  /** Adds to C where params.flags says so. */
  readonly adds?: boolean;
  /** Reads rows along the terms that are longer than the sum, so that parts of a sum are batches in every layout. */
  readonly readsPitch?: boolean;
  /**
   * Whether A2·op(B2) is a product of its own that is added to the first. `gpu.kernels.forced.set('matmul pair',
   * 'separate' | 'joined' | 'folded')` says it for tests and benches.
   */
  readonly pairSeparate?: (plan: MatmulPlan) => boolean;
  /** Whether the pair of a layer is added to its weight before the product: see `foldedWeight`. */
  readonly pairFolds?: (plan: MatmulPlan) => boolean;
}

/** Whether the rows of A, or of B, run along the terms of the sum. */
export const isAlong = (layout: Layout): { readonly a: boolean; readonly b: boolean } => ({
  a: layout[0] === 'n',
  b: layout[1] === 't',
});

export const transposition = (layout: Layout): Tuning => ({
  TRANSPOSE_A: `${layout[0] === 't'}`,
  TRANSPOSE_B: `${layout[1] === 't'}`,
});

/** The product as a kernel sees it that computes it swapped. */
export const swappedPlan = (plan: MatmulPlan): MatmulPlan => ({ ...plan, M: plan.N, N: plan.M });
