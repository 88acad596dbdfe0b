import { reduceCumulative as kernel } from '@curio/kernels/reduce_cumulative';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { around } from '../parts/reduce.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

const op = defineOp({
  name: 'cumsum',
  plan([x]: readonly [Tensor], axis: number) {
    requireFloat('cumsum', x);
    const k = resolveAxis('cumsum', axis, x.shape.length);
    const [outer, rows, cols] = around(x.shape, [k, k + 1]);
    return { params: { outer, rows, cols }, grid: lineGrid(ceilDiv(outer * cols, WG)) };
  },
  forward(run, [x], plan) {
    const y = run.out(x.shape);
    run.dispatch(kernel, 'forward', { buffers: { x, y }, ...plan });
    return { y };
  },
  backward(run, dy, _, plan) {
    const dx = run.out(dy.shape);
    run.dispatch(kernel, 'backward', { buffers: { x: dy, y: dx }, ...plan });
    return [dx];
  },
});

/**
 * Running sums: y[k] = Σ_{j ≤ k} x[j] along an axis (default: the last).
 * @param x float[...]
 * Saves nothing. Kernel: kernels/reduce/cumulative.wgsl.
 */
export function cumsum(x: Tensor, options: { axis?: number } = {}): Tensor {
  requireOptions('cumsum', options, ['axis']);
  return op([x], options.axis ?? -1);
}
