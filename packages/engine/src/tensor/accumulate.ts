/** @file Sums of gradients, the only arithmetic that the tape itself records. */
import { tensorAccumulate as kernel } from '@curio/kernels/tensor_accumulate';
import { lineWork } from '../gpu/kernel/line.ts';
import type { Tensor } from './tensor.ts';

const WG = 64;

/** total ← total + x; both dense. */
export function accumulate(total: Tensor, x: Tensor): void {
  run('add_to', { x: x.binding, y: total.binding }, total, x.bindingOffset, 0, total.bindingOffset);
}

/** y ← a + b, or y ← a when b is null; all dense. */
export function addInto(y: Tensor, a: Tensor, b: Tensor | null): void {
  if (b) run('add', { a: a.binding, x: b.binding, y: y.binding }, y, b.bindingOffset, a.bindingOffset, y.bindingOffset);
  else run('assign', { x: a.binding, y: y.binding }, y, a.bindingOffset, 0, y.bindingOffset);
}

function run(
  entry: string,
  buffers: Record<string, Tensor['binding']>,
  y: Tensor,
  xOffset: number,
  aOffset: number,
  yOffset: number,
): void {
  const width = [y.size, xOffset, aOffset, yOffset].every((n) => n % 4 === 0) ? 4 : 1;
  const items = y.size / width;
  const params = { items, x_offset: xOffset / width, a_offset: aOffset / width, y_offset: yOffset / width };
  y.gpu.dispatch(kernel, entry, {
    buffers,
    params,
    ...lineWork(y.gpu, kernel, items, WG, { T: width === 4 ? 'vec4<f32>' : 'f32' }),
    op: 'accumulate',
  });
}
