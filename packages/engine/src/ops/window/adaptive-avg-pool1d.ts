import { windowAdaptivePool as kernel } from '@curio/kernels/window_adaptive_pool';
import { ShapeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

const op = defineOp({
  name: 'adaptiveAvgPool1d',
  plan([x]: readonly [Tensor], length: number) {
    requireFloat('adaptiveAvgPool1d', x);
    const [batch, from, width] = x.shape;
    if (x.shape.length !== 3 || from === 0)
      throw new ShapeError(`adaptiveAvgPool1d: x is ${showShape(x.shape)}; it must be [B, L, D] with L of at least 1.`);
    if (!Number.isInteger(length) || length < 1)
      throw new ShapeError(`adaptiveAvgPool1d: the length is ${length}; it must be a whole number of at least 1.`);
    const vec4s = width! % 4 === 0;
    const cols = width! / (vec4s ? 4 : 1);
    return {
      from: x.shape,
      to: [batch!, length, width!],
      work: {
        params: { batch: batch!, from_len: from!, to_len: length, cols },
        tuning: { T: vec4s ? 'vec4<f32>' : 'f32' },
      },
      gridFor: (len: number) => lineGrid(ceilDiv(batch! * len * cols, WG)),
    };
  },
  forward(run, [x], { to, work, gridFor }) {
    const y = run.out(to);
    run.dispatch(kernel, 'forward', { buffers: { x, y }, ...work, grid: gridFor(to[1]!) });
    return { y };
  },
  backward(run, dy, _, { from, work, gridFor }) {
    const dx = run.out(from);
    run.dispatch(kernel, 'backward', { buffers: { x: dy, y: dx }, ...work, grid: gridFor(from[1]!) });
    return [dx];
  },
});

/**
 * Means over bins that tile the token axis: y[b, i] = mean x[b, ⌊i·L / N⌋ … ⌈(i + 1)·L / N⌉).
 * @param x float[B, L, D]
 * @param length N
 * @returns float[B, N, D]
 * Saves nothing. Kernel: kernels/window/adaptive_pool.wgsl. Throws ShapeError unless x has three axes. Tokens are the
 * middle axis, unlike PyTorch's [B, D, L].
 */
export const adaptiveAvgPool1d = (x: Tensor, length: number): Tensor => op([x], length);
