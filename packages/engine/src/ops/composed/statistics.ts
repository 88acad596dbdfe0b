/** @file Variance and related statistics over axes, composed of means, norms, sums and elementwise ops. */
import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { add, mul, sub } from '../elementwise/binary.ts';
import { isFinite } from '../elementwise/classify.ts';
import { norm } from '../reduce/norm.ts';
import { max, mean, sum } from '../reduce/reductions.ts';
import type { ReduceOptions } from '../reduce/reductions.ts';
import { exp, log } from '../elementwise/unary.ts';
import { reshape } from '../layout/views.ts';
import { where } from '../elementwise/where.ts';

export interface VarianceOptions extends ReduceOptions {
  /**
   * Taken from the number of elements that the squares are divided by. Default 1, as PyTorch has it; 0 for the variance
   * of the elements themselves.
   */
  readonly correction?: number;
}

/**
 * √variance; derivative 0 where all elements are equal. The mean of the deviations, left by rounding, is subtracted.
 * Elements whose sum overflows give NaN.
 * @param x float[...]. Throws ShapeError when n does not exceed the correction.
 */
export function std(x: Tensor, options: VarianceOptions = {}): Tensor {
  return deviation('std', x, options);
}

/** Σ (x - mean x)² / (n - correction) over axes. See `std`. */
export function variance(x: Tensor, options: VarianceOptions = {}): Tensor {
  const root = deviation('variance', x, options);
  return mul(root, root);
}

function deviation(name: string, x: Tensor, given: VarianceOptions): Tensor {
  requireTensors(name, x);
  const { correction = 1, ...options } = requireOptions(name, given, ['axis', 'keepDims', 'correction']);
  requireFinite(name, 'correction', correction);
  const { axis } = options;
  const axes =
    axis === undefined
      ? x.shape.map((_, i) => i)
      : [...new Set([axis].flat().map((k) => resolveAxis(name, k, x.shape.length)))];
  const n = sizeOf(axes.map((k) => x.shape[k]!));
  if (n <= correction)
    throw new ShapeError(
      `${name}: ${n} elements of ${showShape(x.shape)} with a correction of ${correction}; there must be more elements than that.`,
    );
  // Deviations add up to 0, so the mean has no part in the derivative of their length.
  const meanOf = (values: Tensor): Tensor => noGrad(() => mean(values, { ...options, keepDims: true }));
  const nearly = sub(x, meanOf(x));
  const off = sub(nearly, meanOf(nearly));
  return mul(norm(off, options), 1 / Math.sqrt(n - correction));
}

/**
 * log Σ eˣ over axes, without overflow: the largest element is taken out first, unless it is infinite: ∞ gives ∞, -∞
 * alone -∞. Throws ShapeError when there are no elements.
 */
export function logSumExp(x: Tensor, options: ReduceOptions = {}): Tensor {
  requireTensors('logSumExp', x);
  const greatest = noGrad(() => max(x, { ...options, keepDims: true }));
  const isUsual = isFinite(greatest);
  const top = where(isUsual, greatest, 0);
  const total = log(sum(exp(sub(x, top)), options));
  const [usual, limit] = [reshape(isUsual, total.shape), reshape(greatest, total.shape)];
  return where(usual, add(total, limit), limit); // drivers differ in the logarithms of 0 and ∞
}
