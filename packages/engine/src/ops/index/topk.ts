import { reduceTopK as kernel } from '@curio/kernels/reduce_top_k';
import { ShapeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { gather } from './gather.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

const places = defineOp({
  name: 'topk',
  plan([x]: readonly [Tensor], k: number) {
    requireFloat('topk', x);
    const cols = x.shape.at(-1) ?? 0;
    if (!Number.isInteger(k) || k < 1 || k > cols)
      throw new ShapeError(`topk: k is ${k} and x ${showShape(x.shape)}; k must lie in 1..${cols}.`);
    return { rows: x.size / cols, cols, k };
  },
  forward(run, [x], { rows, cols, k }) {
    const y = run.out([...x.shape.slice(0, -1), k], 'i32');
    run.dispatch(kernel, 'top_k', { buffers: { x, y }, params: { rows, cols, k }, grid: lineGrid(ceilDiv(rows, WG)) });
    return { y };
  },
});

/**
 * The k largest elements of the last axis, the largest first, the lowest index first among equals, NaN before all
 * others; meant for a small k.
 * @param x float[..., C]
 * @returns values float[..., k], through which gradients flow, and indices i32[..., k]
 * Kernel: kernels/reduce/top_k.wgsl. Throws ShapeError unless 1 ≤ k ≤ C.
 */
export function topk(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const indices = places([x], k);
  return { values: gather(x, indices, { axis: -1 }), indices };
}
