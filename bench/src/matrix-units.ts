/** @file Cells of products on matrix units, beside the same products in f32. */
import { CurioError, subgroupMatrixFault } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Cell } from './cell.ts';

/** Multiples of 2⁻⁸ near enough to 0 that f16 holds them exactly, so that a result is held to the bounds of f32. */
export const heldByF16 = (values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> =>
  values.map((v) => Math.round(256 * v) / 256);

/** The cell with its products on matrix units, as `variant`; no cell where the adapter has none. */
export function onMatrixUnits(gpu: Gpu, variant: string, cell: Cell): Cell[] {
  if (!gpu.adapter.subgroupMatrix) return [];
  const open: Cell['open'] = async () => {
    const reason = await subgroupMatrixFault(gpu);
    if (reason) throw new CurioError(reason);
    const session = await cell.open();
    return {
      check: () => gpu.kernels.withHalfProducts(true, () => session.check()),
      time: (count) => gpu.kernels.withHalfProducts(true, () => session.time(count)),
      close: () => session.close(),
    };
  };
  return [{ ...cell, variant, open }];
}
