/** @file Products over operands in textures, for adapters that load buffers one scalar at a time. */
import { matmulSubgroupTexels } from '@curio/kernels/matmul_subgroup_texels';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import { inTextures } from './operands.ts';
import { isAlong, swappedPlan } from './plan.ts';
import type { Layout, MatmulPlan, MatmulVariant } from './plan.ts';
import { vec4sOf } from './subgroup-tiles.ts';
import { readsTexels, rowCost, rowTexels } from '../parts/texel-rows.ts';

/**
 * A texture is worth its copy from this many multiply-adds on, by lanes of a subgroup, if each copied element is read
 * often enough: on Lavapipe in every layout, on SwiftShader, whose subgroups have four lanes, where the rows across the
 * lanes run along the terms.
 */
const [MIN_PRODUCTS, MIN_READS] = [{ 8: 1.5 * 2 ** 20, 4: 2 ** 23 } as Record<number, number>, 14];

/**
 * A pair lengthens both sums and is copied behind both operands; folding it costs a product and a copy of the weight's
 * size.
 */
const FOLD = 4;

/**
 * Rows of a tile. On Lavapipe a result takes 7 % less time with 48 than with 32, since each element of B that is loaded
 * serves more of them, but not where more rows would lie past the edge, or few tiles are left to share.
 */
function texelRowsOf(sg: number, M: number, isAlong: boolean): number {
  if (M <= 16 || sg === 4) return 16;
  return isAlong && M >= 96 && 48 * ceilDiv(M, 48) < 1.07 * 32 * ceilDiv(M, 32) ? 48 : 32;
}

/** The subgroup tile over operands in textures. */
export function overTexels(layout: Layout, swaps: boolean): MatmulVariant {
  const own = (plan: MatmulPlan): MatmulPlan => (swaps ? swappedPlan(plan) : plan);
  const along = isAlong(layout);
  const [isAlongRows, isAlongColumns] = swaps ? [along.b, along.a] : [along.a, along.b];
  return {
    kernel: matmulSubgroupTexels,
    adds: true,
    pairFolds: ({ M, N, K }) => FOLD * N * K <= M * (N + K),
    bind: inTextures(swaps),
    fits(gpu, plan) {
      const { M, N, K, K2, hasBias, batches, format } = own(plan);
      if (!plan.inRows || format !== 'F32' || N % 4 !== 0 || K === 0 || !readsTexels(gpu)) return false;
      if (K2 > 0 && (batches !== 1 || K % 4 !== 0 || !along.a)) return false;
      if (swaps && (M % 4 !== 0 || K2 > 0 || hasBias)) return false;
      return (
        Math.max(...sidesOf(along.a, plan.M, K, K2, batches), ...sidesOf(along.b, plan.N, K, K2, batches)) <=
        gpu.adapter.limits.maxTextureDimension2D!
      );
    },
    pays(gpu, plan) {
      const { M, N, K, batches } = own(plan);
      const sg = fixedSubgroupSize(gpu);
      return (
        gpu.adapter.costs.bufferLoads === 'scalar' &&
        (sg === 8 || (sg === 4 && isAlongRows)) &&
        M * N * K * batches >= Math.max(MIN_PRODUCTS[sg]!, MIN_READS * copiedElements(plan)) &&
        (!swaps || (M <= 32 && N >= 4 * M))
      );
    },
    tuning(gpu, plan) {
      const { M, K, K2 } = own(plan);
      const sg = fixedSubgroupSize(gpu);
      return {
        SG: `${sg}u`,
        ROWS: `${texelRowsOf(sg, M, isAlongRows)}u`,
        VEC4S: `${vec4sOf(sg)}u`,
        A_ALONG: `${isAlongRows}`,
        B_ALONG: `${isAlongColumns}`,
        TAIL: `${(K + K2) % 4 !== 0 || plan.isPart}`, // the last part may be shorter
        SWAP: `${swaps}`,
      };
    },
    free: {
      ROWS(gpu, rows) {
        const [sg, most] = [fixedSubgroupSize(gpu), isAlongRows ? 6 : 4];
        return rows > most * sg ? `the ${sg} lanes hold ${most} rows each` : null;
      },
      VEC4S: () => null,
    },
    grid(gpu, plan, _, tuning) {
      const { M, N, batches } = own(plan);
      return [
        ceilDiv(M, tuned(tuning, 'ROWS')),
        ceilDiv(N, 4 * fixedSubgroupSize(gpu) * tuned(tuning, 'VEC4S')),
        batches,
      ];
    },
  };
}

/** What copying the operands costs, in elements. */
function copiedElements({ layout, M, N, K, batches, sharesA }: MatmulPlan): number {
  const along = isAlong(layout);
  const operand = (isRow: boolean, count: number): number =>
    isRow ? count * batches * rowCost(K) : K * batches * rowCost(count);
  return (sharesA ? 0 : operand(along.a, M)) + operand(along.b, N);
}

/** Texels of a row of the texture, and its rows, for an operand of so many rows or columns of the result. */
const sidesOf = (along: boolean, count: number, K: number, K2: number, batches: number): number[] =>
  along ? [rowTexels(K, K2), count * batches] : [rowTexels(count), K * batches + K2];
