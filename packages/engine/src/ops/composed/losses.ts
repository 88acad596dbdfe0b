/** @file Mean losses, composed. Both sides are float[...] of one shape; the result is float[]. */
import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { add, mul, sub } from '../elementwise/binary.ts';
import { mean } from '../reduce/reductions.ts';
import { abs, neg, softplus } from '../elementwise/unary.ts';

function requireSame(where: string, x: Tensor, target: Tensor): void {
  requireTensors(where, x, target);
  if (!sameShape(x.shape, target.shape))
    throw new ShapeError(
      `${where}: x is ${showShape(x.shape)} and the target ${showShape(target.shape)}; they must be equal.`,
    );
}

/** mean (x - target)². Throws ShapeError when the shapes differ. */
export function mseLoss(x: Tensor, target: Tensor): Tensor {
  requireSame('mseLoss', x, target);
  const off = sub(x, target);
  return mean(mul(off, off));
}

/** mean |x - target|. Throws ShapeError when the shapes differ. */
export function l1Loss(x: Tensor, target: Tensor): Tensor {
  requireSame('l1Loss', x, target);
  return mean(abs(sub(x, target)));
}

/**
 * mean -(target · log sigmoid x + (1 - target) · log(1 - sigmoid x)), for targets from 0 to 1, as target · softplus(-x)
 * + (1 - target) · softplus x: nothing cancels where x is large. Throws ShapeError when the shapes differ.
 */
export function binaryCrossEntropyWithLogits(x: Tensor, target: Tensor): Tensor {
  requireSame('binaryCrossEntropyWithLogits', x, target);
  return mean(add(mul(target, softplus(neg(x))), mul(sub(1, target), softplus(x))));
}
