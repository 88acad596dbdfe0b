/** @file The kernels that give each row of the last axis to one subgroup: same grid, same tunables. */
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import type { KernelSource } from '../gpu/kernel.ts';
import { fixedSubgroupSize, tuned } from '../gpu/variant.ts';
import type { Variant } from '../gpu/variant.ts';

/** WG / SG rows a workgroup, where the device has one subgroup size and `fits` allows. */
export const subgroupRows = <Plan extends { readonly rows: number }>(kernel: KernelSource, fits: (plan: Plan) => boolean = () => true): Variant<Plan> => ({
  kernel,
  fits: (gpu, plan) => fixedSubgroupSize(gpu) > 0 && fits(plan),
  tuning: (gpu) => ({ SG: `${fixedSubgroupSize(gpu)}u`, WG: '64u' }),
  free: { WG: () => null },
  grid: (gpu, { rows }, _, tuning) => lineGrid(ceilDiv(rows, tuned(tuning, 'WG') / fixedSubgroupSize(gpu))),
});

/** The same where a subgroup takes two rows, which share what they read of a weight, on a software adapter: there each read costs. */
export const subgroupRowGroups = <Plan extends { readonly rows: number }>(kernel: KernelSource, fits: (plan: Plan) => boolean): Variant<Plan> => ({
  ...subgroupRows(kernel, fits),
  tuning: (gpu, { rows }) => ({ SG: `${fixedSubgroupSize(gpu)}u`, WG: '64u', ROWS: gpu.adapter.isSoftware && rows % 2 === 0 ? '2u' : '1u' }),
  grid: (gpu, { rows }, _, tuning) => lineGrid(ceilDiv(rows, (tuned(tuning, 'WG') / fixedSubgroupSize(gpu)) * tuned(tuning, 'ROWS'))),
});
