/** @file Operands of products, copied so that their rows do not fall into one set of the CPU's L1 cache. */
import { matmulPadRows } from '@curio/kernels/matmul_pad_rows';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { Run } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Extra elements that put each row into the next set: a cache line. */
const GAP = 16;

/**
 * How often each element must be read before a copy pays, by what divides K: rows of a multiple of 4 KiB all fall into
 * one of 64 sets, of 2 KiB into two, of 1 KiB into four. Measured on Lavapipe. A's rows, 32 a tile and half as many as
 * B's 64, pay less.
 */
const ENOUGH = {
  a: [[1024, 512]],
  b: [
    [1024, 128],
    [512, 256],
    [256, 1024],
  ],
} as const;

/**
 * Whether copying an operand of rows of K elements, which tiles walk many of at once, costs less than it saves, where
 * each element is read `times` times. On software adapters only: a GPU stages tiles in workgroup memory.
 */
export function paddingPays(gpu: KernelDevice, operand: 'a' | 'b', rows: number, K: number, times: number): boolean {
  if (gpu.adapter.costs.cacheConflicts === 'low' || rows < 16 || 4 * rows * (K + GAP) > gpu.memory.bindingLimit)
    return false;
  return ENOUGH[operand].some(([divisor, enough]) => K % divisor === 0 && times >= enough);
}

/** x[rows, K] with rows K + 16 elements apart. */
export function padRows(run: Run, x: Tensor, rows: number, K: number): Tensor {
  const y = run.out([rows, K + GAP]);
  const items = (rows * K) / 4;
  run.dispatch(matmulPadRows, 'pad', {
    buffers: { x, y },
    params: { items, width: K / 4, pitch: (K + GAP) / 4 },
    grid: lineGrid(ceilDiv(items, 64 * 8)),
  });
  return y;
}

/** Row pitch, in elements, of what padRows makes. */
export const paddedPitch = (K: number): number => K + GAP;
