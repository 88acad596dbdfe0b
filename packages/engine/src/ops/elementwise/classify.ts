/**
 * @file Which values are NaN, infinite or finite: float[...] in, bool[...] of the same shape out, decided by bits, so
 * the result does not depend on the driver's arithmetic.
 * Kernel: kernels/elementwise/classify.wgsl. No gradient. Each throws DTypeError unless x is f32.
 */
import { elementwiseClassify as kernel } from '@curio/kernels/elementwise_classify';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { lineWork } from '../../gpu/kernel/line.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

function define(name: string, kind: 'NAN' | 'INF' | 'FINITE'): (x: Tensor) => Tensor {
  const op = defineOp({
    name,
    plan([x]: readonly [Tensor], _: undefined) {
      requireFloat(name, x);
      const vectors = ceilDiv(x.size, 4);
      return { params: { vectors }, ...lineWork(x.gpu, kernel, vectors, WG, { OP: kind }) };
    },
    forward(run, [x], plan) {
      const y = run.out(x.shape, 'bool');
      run.dispatch(kernel, 'forward', { buffers: { x, y }, ...plan });
      return { y };
    },
  });
  return (x) => op([x]);
}

/** bool: x is NaN. */
export const isNaN = define('isNaN', 'NAN');
/** bool: x is ∞ or -∞. */
export const isInf = define('isInf', 'INF');
/** bool: x is neither NaN nor infinite. */
export const isFinite = define('isFinite', 'FINITE');
