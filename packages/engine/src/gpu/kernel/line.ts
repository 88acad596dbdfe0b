/** @file Grids over a line of items or over rows, several items per lane: see kernels/lib/run.wgsl and row_run.wgsl. */
import { ceilDiv, lineGrid } from './grid.ts';
import type { Grid } from './grid.ts';
import type { KernelSource, Tuning } from './kernel.ts';
import type { KernelDevice } from './variant.ts';

/**
 * Items per lane: many where starting a workgroup costs more than its work, as long as every core has enough
 * workgroups. Where there are many lanes, one, or four for long lines, so that four loads are in flight: neg of 256 MB
 * moved 3323 GB/s with one and 3989 with four on an H200, AdamW, which has seven streams, 3364 and 3141.
 */
function stepsOf(gpu: KernelDevice, kernel: KernelSource, items: number, wg: number, streams: number): string {
  const { subgroupStart, lanes } = gpu.adapter.costs;
  const usual =
    subgroupStart === 'low' ? (items < 4 * lanes || streams > 3 ? '1u' : '4u') : items < 4 * wg * 64 ? '16u' : '64u';
  return gpu.kernels.tuned.get(kernel.name)?.STEPS ?? usual;
}

/**
 * Tuning and grid of a kernel over `items` items, a lane taking STEPS of them; `wg` is its workgroup's size, a multiple
 * of 8, and `streams` are the tensors that it reads or writes.
 */
export function lineWork(
  gpu: KernelDevice,
  kernel: KernelSource,
  items: number,
  wg: number,
  tuning: Tuning = {},
  streams = 3,
): { tuning: Tuning; grid: Grid } {
  const steps = stepsOf(gpu, kernel, items, wg, streams);
  return { tuning: { ...tuning, STEPS: steps }, grid: lineGrid(ceilDiv(items, wg * Number.parseInt(steps, 10))) };
}

/**
 * Grid of a kernel over rows, eight lanes along each, a lane taking `steps` of a row's columns; `wg` is its workgroup's
 * size.
 */
export function rowGrid(rows: number, cols: number, steps: number, wg: number): Grid {
  const [x, y] = lineGrid(ceilDiv(rows, wg / 8));
  return [x, y, ceilDiv(cols, 8 * steps)];
}
