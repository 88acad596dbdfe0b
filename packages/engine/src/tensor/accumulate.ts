/** @file Sums of gradients, the one arithmetic that the tape itself records. */
import { accumulate as kernel } from '@curio/kernels/accumulate';
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import type { Tensor } from './tensor.ts';

/** total ← total + x; both dense. */
export function accumulate(total: Tensor, x: Tensor): void {
  run('add_to', { x: x.binding, y: total.binding }, total, x.bindingOffset, 0, total.bindingOffset);
}

/** y ← a + b, or y ← a when b is null; all dense. */
export function addInto(y: Tensor, a: Tensor, b: Tensor | null): void {
  if (b) run('add', { a: a.binding, x: b.binding, y: y.binding }, y, b.bindingOffset, a.bindingOffset, y.bindingOffset);
  else run('assign', { x: a.binding, y: y.binding }, y, a.bindingOffset, 0, y.bindingOffset);
}

function run(entry: string, buffers: Record<string, Tensor['binding']>, y: Tensor, xOffset: number, aOffset: number, yOffset: number): void {
  const params = { size: y.size, x_offset: xOffset, a_offset: aOffset, y_offset: yOffset };
  y.gpu.dispatch(kernel, entry, { buffers, params, grid: lineGrid(ceilDiv(y.size, 256)) });
}
