import { randomDropout as kernel } from '@curio/kernels/random_dropout';
import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { requireOptions } from '../../tensor/options.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { lineWork } from '../../gpu/kernel/line.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

/** Which elements are dropped: as long as the step lasts, it is drawn again from this alone. */
export interface Mask {
  readonly p: number;
  readonly stream: number;
}

/** A mask for x, from the next stream of the step's random numbers. Throws ShapeError unless 0 ≤ p ≤ 1. */
export function drawMask(x: Tensor, p: number): Mask {
  requireFloat('dropout', x);
  if (!(p >= 0 && p <= 1)) throw new ShapeError(`dropout: p is ${p}; it must lie in 0..1.`);
  return { p, stream: x.gpu.random.draw() };
}

/** x through a mask. Records a kernel only; no tape. */
export function applyMask(run: Run, x: Tensor, { p, stream }: Mask): Tensor {
  const y = run.out(x.shape);
  const vectors = ceilDiv(x.size, 4);
  run.dispatch(kernel, 'apply', {
    buffers: { key: run.gpu.random.binding(), x, y },
    params: { vectors, stream, p, scale: p === 1 ? 0 : 1 / (1 - p) },
    ...lineWork(run.gpu, kernel, vectors, WG),
  });
  return y;
}

const op = defineOp({
  name: 'dropout',
  plan: (_: readonly [Tensor], mask: Mask): Mask => mask,
  forward: (run, [x], mask) => ({ y: applyMask(run, x, mask) }),
  backward: (run, dy, _, mask) => [applyMask(run, dy, mask)],
});

/** `dropout` by a mask that was drawn for x. */
export const dropoutBy = (x: Tensor, mask: Mask): Tensor => op([x], mask);

/**
 * y = x / (1 - p) with probability 1 - p, else 0, independently for each element.
 * @param x float[...]
 * @param options p: probability of a zero
 * Draws one stream of the step's random numbers; the mask is drawn again for the gradient, so nothing is saved. With p
 * = 0 it is x itself.
 * Kernel: kernels/random/dropout.wgsl. Throws ShapeError unless 0 ≤ p ≤ 1. (Srivastava et al. 2014)
 */
export function dropout(x: Tensor, options: { p: number }): Tensor {
  requireTensors('dropout', x);
  const { p } = requireOptions('dropout', options, ['p']);
  return p === 0 ? x : dropoutBy(x, drawMask(x, p));
}
