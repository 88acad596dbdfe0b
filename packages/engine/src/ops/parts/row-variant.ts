/** @file The kernels that give the rows of the last axis to subgroups: same grid, same tunables. */
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { KernelSource } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice, Variant } from '../../gpu/kernel/variant.ts';

/** WG / SG rows per workgroup, where the device has one subgroup size and `fits` allows. */
export const subgroupRows = <Plan extends { readonly rows: number }>(
  kernel: KernelSource,
  fits: (plan: Plan) => boolean = () => true,
): Variant<Plan> => ({
  kernel,
  fits: (gpu, plan) => fixedSubgroupSize(gpu) > 0 && fits(plan),
  tuning: (gpu) => ({ SG: `${fixedSubgroupSize(gpu)}u`, WG: '64u' }),
  free: { WG: () => null },
  grid: (gpu, { rows }, _, tuning) => lineGrid(ceilDiv(rows, tuned(tuning, 'WG') / fixedSubgroupSize(gpu))),
});

/**
 * Rows that one subgroup processes one after the other. Where starting a subgroup is expensive (as much as about 60
 * columns), strips are as long as still keeps every core busy; elsewhere they would leave lanes idle.
 */
const stripOf = (gpu: KernelDevice, rows: number): number =>
  gpu.adapter.costs.subgroupStart === 'low' || rows < 64 ? 1 : rows < 1024 ? 4 : 8;

/** The same where a subgroup takes a strip of rows. */
export const subgroupStrips = <Plan extends { readonly rows: number }>(
  kernel: KernelSource,
  fits: (plan: Plan) => boolean,
): Variant<Plan> => ({
  ...subgroupRows(kernel, fits),
  tuning: (gpu, { rows }) => ({ SG: `${fixedSubgroupSize(gpu)}u`, WG: '64u', STRIP: `${stripOf(gpu, rows)}u` }),
  free: { WG: () => null, STRIP: () => null },
  grid: (gpu, { rows }, _, tuning) =>
    lineGrid(ceilDiv(rows, (tuned(tuning, 'WG') / fixedSubgroupSize(gpu)) * tuned(tuning, 'STRIP'))),
});

/** Vec4s of a row that a lane holds in registers. */
const HELD = 4;

/** The same for short rows, each read once: it pays where a load costs as much as several operations. */
export const heldStrips = <Plan extends { readonly rows: number; readonly cols: number }>(
  kernel: KernelSource,
): Variant<Plan> => ({
  ...subgroupStrips(kernel, ({ cols }) => cols % 4 === 0),
  fits: (gpu, { cols }) => cols % 4 === 0 && cols <= 4 * HELD * fixedSubgroupSize(gpu),
  pays: ({ adapter }) => adapter.costs.bufferLoads === 'scalar',
});

/** Rows backward of one subgroup: they share what they read of a weight. */
const sharedRows = (gpu: KernelDevice, rows: number): number =>
  gpu.adapter.costs.subgroupStart === 'low' || rows < 2 ? 1 : rows < 64 ? 2 : 4;

/** The same forward, and backward fewer rows a subgroup, since each is read from two tensors. */
export const subgroupNorm = <Plan extends { readonly rows: number }>(
  kernel: KernelSource,
  fits: (plan: Plan) => boolean,
): Variant<Plan> => {
  const strips = subgroupStrips(kernel, fits);
  return {
    ...strips,
    tuning: (gpu, plan, entry) => ({ ...strips.tuning!(gpu, plan, entry), ROWS: `${sharedRows(gpu, plan.rows)}u` }),
    free: { ...strips.free, ROWS: () => null },
    grid: (gpu, plan, entry, tuning) =>
      strips.grid(gpu, plan, entry, entry === 'forward' ? tuning : { ...tuning, STRIP: tuning.ROWS! }),
  };
};

/** Rows from this many columns on would be read twice by a subgroup, whose lanes cannot hold them. */
const LONG_ROW = 2048;

/**
 * Lanes for a row of this many values: each takes as many as the kernels keep in registers, four of one tensor forward
 * and two of two backward. On an H200 softmax of 4096 columns moved 3958 GB/s with 256 lanes and 3786 with 512.
 */
function lanesFor(gpu: KernelDevice, values: number, entry: string): number {
  const most = Math.min(512, gpu.adapter.limits.maxComputeInvocationsPerWorkgroup!);
  return Math.min(2 ** Math.ceil(Math.log2(Math.max(32, values / (entry === 'backward' ? 2 : 4)))), most);
}

/** What a workgroup processes: `length` adjacent elements of a row of `cols`. */
interface RowSizes {
  readonly rows: number;
  readonly cols: number;
  readonly length: number;
}

/**
 * A workgroup per row: for GPUs whose subgroups vary in size or are missing, and for long rows, which it keeps in
 * registers.
 */
export const workgroupRows = <Plan>(kernel: KernelSource, sizesOf: (plan: Plan) => RowSizes): Variant<Plan> => ({
  kernel,
  pays: (gpu, plan) =>
    gpu.adapter.costs.barriers === 'low' && (fixedSubgroupSize(gpu) === 0 || sizesOf(plan).length >= LONG_ROW),
  tuning(gpu, plan, entry) {
    const { cols, length } = sizesOf(plan);
    const isWide = cols % 4 === 0;
    return {
      T: isWide ? 'vec4<f32>' : 'f32',
      WIDTH: isWide ? '4u' : '1u',
      WG: `${lanesFor(gpu, isWide ? length / 4 : length, entry)}u`,
    };
  },
  free: {
    WG(gpu, lanes) {
      const most = gpu.adapter.limits.maxComputeInvocationsPerWorkgroup!;
      return lanes > most ? `a workgroup has at most ${most} lanes here` : null;
    },
  },
  grid: (_, plan) => lineGrid(sizesOf(plan).rows),
});

export const wholeRows = ({ rows, cols }: { readonly rows: number; readonly cols: number }): RowSizes => ({
  rows,
  cols,
  length: cols,
});
