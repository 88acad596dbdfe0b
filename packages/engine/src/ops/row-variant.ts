/** @file The kernels that give the rows of the last axis to subgroups: same grid, same tunables. */
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import type { Gpu } from '../gpu/gpu.ts';
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

/**
 * Rows that one subgroup takes in turn. On a software adapter starting one costs as much as some 60 columns, so a strip is long where the strips keep
 * every core busy; on a GPU it would leave lanes idle.
 */
const stripOf = (gpu: Gpu, rows: number): number => (!gpu.adapter.isSoftware || rows < 64 ? 1 : rows < 1024 ? 4 : 8);

/** The same where a subgroup takes a strip of rows. */
export const subgroupStrips = <Plan extends { readonly rows: number }>(kernel: KernelSource, fits: (plan: Plan) => boolean): Variant<Plan> => ({
  ...subgroupRows(kernel, fits),
  tuning: (gpu, { rows }) => ({ SG: `${fixedSubgroupSize(gpu)}u`, WG: '64u', STRIP: `${stripOf(gpu, rows)}u` }),
  free: { WG: () => null, STRIP: () => null },
  grid: (gpu, { rows }, _, tuning) => lineGrid(ceilDiv(rows, (tuned(tuning, 'WG') / fixedSubgroupSize(gpu)) * tuned(tuning, 'STRIP'))),
});

/** Rows backward of one subgroup: they share what they read of a weight. */
const sharedRows = (gpu: Gpu, rows: number): number => (!gpu.adapter.isSoftware || rows < 2 ? 1 : rows < 64 ? 2 : 4);

/** The same forward, and backward fewer rows a subgroup, since each is read from two tensors. */
export const subgroupNorm = <Plan extends { readonly rows: number }>(kernel: KernelSource, fits: (plan: Plan) => boolean): Variant<Plan> => {
  const strips = subgroupStrips(kernel, fits);
  return {
    ...strips,
    tuning: (gpu, plan) => ({ ...strips.tuning!(gpu, plan), ROWS: `${sharedRows(gpu, plan.rows)}u` }),
    free: { ...strips.free, ROWS: () => null },
    grid: (gpu, plan, entry, tuning) => strips.grid(gpu, plan, entry, entry === 'forward' ? tuning : { ...tuning, STRIP: tuning.ROWS! }),
  };
};
