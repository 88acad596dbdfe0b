/** @file Products in tiles of one subgroup, for adapters where barriers are expensive. */
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { KernelSource, Tuning } from '../../gpu/kernel/kernel.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import { padded, swapped as swappedOperands } from './operands.ts';
import type { Pads } from './operands.ts';
import { swappedPlan } from './plan.ts';
import type { Layout, MatmulPlan, MatmulVariant } from './plan.ts';

/**
 * Subgroup tiles are written for these sizes; devices with 32 and 64 have fast shared memory, where another kernel
 * wins.
 */
const hasTileSize = (gpu: KernelDevice): boolean => [4, 8, 16].includes(fixedSubgroupSize(gpu));

/** Four columns per lane, or eight: with wider subgroups four make the tile wide enough. */
export const vec4sOf = (sg: number): number => (sg === 16 ? 1 : 2);

/**
 * At least one row per lane where the rows lie across the lanes: lanes without a row would add to the last row of the
 * tile.
 */
function rowsOf(sg: number, layout: Layout, M: number): number {
  if (M <= 8 && (sg <= 8 || layout[0] === 't')) return 8;
  return M <= 16 || (sg === 4 && layout[0] === 'n') ? 16 : 32;
}

/** @param pads operands whose rows may be padded */
export function subgroupTile(kernel: KernelSource, layout: Layout, swaps: boolean, pads?: Pads): MatmulVariant {
  const own = (plan: MatmulPlan): MatmulPlan => (swaps ? swappedPlan(plan) : plan);
  return {
    kernel,
    adds: true,
    bind: swaps ? (_, work) => swappedOperands(work) : pads && padded(pads),
    fits(gpu, plan) {
      const { M, N, K, K2, hasBias, format } = own(plan);
      const rowsFit = layout[0] === 'n' ? K % 2 === 0 && K2 % 2 === 0 : M % 4 === 0 && K2 === 0;
      const columnsFit = N % 4 === 0 && (layout[1] === 'n' || K % 2 === 0);
      return (
        format === 'F32' &&
        hasTileSize(gpu) &&
        rowsFit &&
        columnsFit &&
        (!swaps || (M % 4 === 0 && K2 === 0 && !hasBias))
      );
    },
    pays: (gpu, plan) => gpu.adapter.costs.barriers === 'high' && (!swaps || (plan.N <= 16 && plan.M >= 4 * plan.N)),
    tuning(gpu, plan) {
      const sg = fixedSubgroupSize(gpu);
      const pair: Tuning = layout[0] === 'n' ? { PAIR: `${plan.K2 > 0}` } : {};
      return {
        SG: `${sg}u`,
        ROWS: `${rowsOf(sg, layout, own(plan).M)}u`,
        VEC4S: `${vec4sOf(sg)}u`,
        ...pair,
        SWAP: `${swaps}`,
      };
    },
    free: {
      ROWS(gpu, rows) {
        const sg = fixedSubgroupSize(gpu);
        if (layout[0] === 'n' && rows < sg)
          return `rows lie across the ${sg} lanes, and some would fall outside the tile`;
        return rows > (layout[0] === 'n' ? 4 : 8) * sg
          ? `the ${sg} lanes hold ${layout[0] === 'n' ? 4 : 8} rows each`
          : null;
      },
      VEC4S: () => null,
    },
    grid(gpu, plan, _, tuning) {
      const { M, N, batches } = own(plan);
      return [
        ceilDiv(N, 4 * fixedSubgroupSize(gpu) * tuned(tuning, 'VEC4S')),
        ceilDiv(M, tuned(tuning, 'ROWS')),
        batches,
      ];
    },
  };
}

/** The subgroup tile over a packed weight. */
export function packedTile(kernel: KernelSource, layout: Layout): MatmulVariant {
  const plain = subgroupTile(kernel, layout, false);
  return {
    kernel,
    adds: true,
    bind: padded({ a: true, b: false }),
    grid: plain.grid,
    free: plain.free,
    fits: (gpu, plan) => plan.format !== 'F32' && plain.fits!(gpu, { ...plan, format: 'F32' }),
    pays: plain.pays,
    tuning(gpu, plan, entry) {
      const { SWAP: _, ...rest } = plain.tuning!(gpu, plan, entry);
      return { FORMAT: plan.format, ...rest };
    },
  };
}
