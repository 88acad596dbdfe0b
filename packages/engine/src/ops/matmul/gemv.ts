/** @file Products of one to four rows. */
import { matmulGemv } from '@curio/kernels/matmul_gemv';
import { matmulGemvColumns } from '@curio/kernels/matmul_gemv_columns';
import { matmulGemvScaled } from '@curio/kernels/matmul_gemv_scaled';
import { matmulGemvShared } from '@curio/kernels/matmul_gemv_shared';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { KernelSource } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { MatmulPlan, MatmulVariant } from './plan.ts';
import type { WeightFormat } from '../parts/weight-format.ts';

/** Subgroups per workgroup, for at least 64 lanes, which also starts fastest on a software adapter. */
const subgroupsOf = (sg: number): number => (sg >= 32 ? 4 : 8);

/**
 * Whether the subgroups of a workgroup share four columns, each a part of k: where one subgroup for four would leave so
 * few lanes that their loads do not keep the memory of a GPU busy.
 */
const splitPays = ({ adapter: { costs } }: KernelDevice, sg: number, N: number): boolean =>
  costs.barriers === 'low' && ceilDiv(N, 4) * sg < costs.lanes / 8;

/**
 * For few rows: a subgroup for four columns, or for eight where they are so small that the rows of A are most of what
 * is read.
 */
function gemv(
  kernel: KernelSource,
  formats: readonly WeightFormat[],
  fitsK: (plan: MatmulPlan) => boolean,
  eights?: readonly WeightFormat[],
): MatmulVariant {
  const splits = !eights;
  return {
    kernel,
    adds: true,
    fits: (gpu, plan) =>
      plan.M <= 4 &&
      plan.batches === 1 &&
      fixedSubgroupSize(gpu) > 0 &&
      formats.includes(plan.format) &&
      plan.K2 % 4 === 0 &&
      fitsK(plan),
    tuning(gpu, { format, M, N, K2 }) {
      const sg = fixedSubgroupSize(gpu);
      return {
        FORMAT: format,
        SG: `${sg}u`,
        SUBGROUPS: `${subgroupsOf(sg)}u`,
        ROWS: M === 1 ? '1u' : '4u',
        PAIR: `${K2 > 0}`,
        ...(splits && { SPLIT: `${splitPays(gpu, sg, N)}` }),
        ...(eights && { VEC4S: eights.includes(format) ? '2u' : '1u' }),
      };
    },
    free: {
      SUBGROUPS: (gpu, count) =>
        count * fixedSubgroupSize(gpu) > gpu.adapter.limits.maxComputeInvocationsPerWorkgroup!
          ? `that many of ${fixedSubgroupSize(gpu)} lanes are no workgroup here`
          : null,
      ...(splits && { SPLIT: () => null }),
      ...(eights && { VEC4S: () => null }),
    },
    grid(_, { N }, __, tuning) {
      const columns = eights ? 4 * tuned(tuning, 'VEC4S') : 4;
      return [ceilDiv(N, tuning.SPLIT === 'true' ? columns : columns * tuned(tuning, 'SUBGROUPS')), 1, 1];
    },
  };
}

export const plainGemv = gemv(
  matmulGemv,
  ['F32', 'F16', 'BF16'],
  ({ K, format }) => K % (format === 'F32' ? 4 : 8) === 0,
);
export const scaledGemv = gemv(matmulGemvScaled, ['INT8', 'INT4', 'INT4_ZEROS', 'NF4'], () => true, [
  'INT8',
  'INT4',
  'INT4_ZEROS',
]);

/** Levels of four words, which a lane takes at a time. */
const levelsOf = (format: WeightFormat): number => (format === 'INT8' ? 16 : 32);

/** For few rows over a quantised weight: one or two columns per lane, where loads cost more than idle lanes. */
export const columnGemv: MatmulVariant = {
  kernel: matmulGemvColumns,
  adds: true,
  fits: (gpu, plan) =>
    [8, 16].includes(fixedSubgroupSize(gpu)) &&
    scaledGemv.fits!(gpu, plan) &&
    plan.groupSize % levelsOf(plan.format) === 0,
  pays: (gpu, { N }) => gpu.adapter.costs.bufferLoads === 'scalar' && N >= 256,
  tuning: (gpu, { format, M, K2 }) => ({
    FORMAT: format,
    SG: `${fixedSubgroupSize(gpu)}u`,
    SUBGROUPS: '4u',
    ROWS: M === 1 ? '1u' : '4u',
    COLUMNS: '2u',
    PAIR: `${K2 > 0}`,
  }),
  free: { SUBGROUPS: () => null, COLUMNS: () => null },
  grid: (gpu, { N }, __, tuning) => [
    ceilDiv(N, fixedSubgroupSize(gpu) * tuned(tuning, 'COLUMNS') * tuned(tuning, 'SUBGROUPS')),
    1,
    1,
  ],
};

/** The same without subgroups, or where their size varies. */
export const sharedGemv: MatmulVariant = {
  kernel: matmulGemvShared,
  adds: true,
  fits: (_, { M, K, K2, batches }) => M <= 4 && batches === 1 && K % 4 === 0 && K2 % 4 === 0,
  tuning: (_, { format, M }) => ({ FORMAT: format, ROWS: M === 1 ? '1u' : '4u' }),
  grid: (_, { N }) => [ceilDiv(N, 4), 1, 1],
};
