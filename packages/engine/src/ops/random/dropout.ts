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

interface Plan {
  readonly p: number;
  readonly stream: number;
}

function apply(run: Run, x: Tensor, { p, stream }: Plan): Tensor {
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
  plan([x]: readonly [Tensor], p: number): Plan {
    requireFloat('dropout', x);
    if (!(p >= 0 && p <= 1)) throw new ShapeError(`dropout: p is ${p}; it must lie in 0..1.`);
    return { p, stream: x.gpu.random.draw() };
  },
  forward: (run, [x], plan) => ({ y: apply(run, x, plan) }),
  backward: (run, dy, _, plan) => [apply(run, dy, plan)],
});

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
  return p === 0 ? x : op([x], p);
}
