/** @file Cells of products on matrix units, next to the same products in f32. */
import { CurioError, subgroupMatrixFault } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Cell } from './cell.ts';

/** Multiples of 2⁻⁸ small enough to be exact in f16, so that results can be checked within f32's tolerance. */
export const heldByF16 = (values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> =>
  values.map((v) => Math.round(256 * v) / 256);

/** The cell with its products on matrix units, as `variant`; none if the adapter has no matrix units. */
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
