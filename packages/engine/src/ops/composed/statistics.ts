/** @file Spread and size of values over axes, composed of means, sums and elementwise ops. */
import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { add, maximum, minimum, mul, sub } from '../elementwise/binary.ts';
import { isFinite } from '../elementwise/classify.ts';
import { max, mean, sum } from '../reduce/reductions.ts';
import type { ReduceOptions } from '../reduce/reductions.ts';
import { exp, log, root } from '../elementwise/unary.ts';
import { reshape } from '../layout/views.ts';
import { where } from '../elementwise/where.ts';

/** The greatest f32: squares beyond it stay infinite, where ∞ - ∞ would be NaN. */
const MOST = (2 - 2 ** -23) * 2 ** 127;

export interface VarianceOptions extends ReduceOptions {
  /**
   * Taken from the number of elements that the squares are divided by. Default 1, as PyTorch has it; 0 for the variance
   * of the elements themselves.
   */
  readonly correction?: number;
}

/**
 * Σ (x - mean x)² / (n - correction) over axes. The mean of the deviations, which is what rounding left of
 * the mean, is taken out: (Σ d)² / n of Σ d².
 * @param x float[...]. Throws ShapeError when n does not exceed the correction.
 */
export function variance(x: Tensor, given: VarianceOptions = {}): Tensor {
  requireTensors('variance', x);
  const { correction = 1, ...options } = requireOptions('variance', given, ['axis', 'keepDims', 'correction']);
  const { axis } = options;
  const axes =
    axis === undefined
      ? x.shape.map((_, i) => i)
      : [...new Set([axis].flat().map((k) => resolveAxis('variance', k, x.shape.length)))];
  const n = sizeOf(axes.map((k) => x.shape[k]!));
  if (n <= correction)
    throw new ShapeError(
      `variance: ${n} elements of ${showShape(x.shape)} with a correction of ${correction}; there must be more elements than that.`,
    );
  const off = sub(x, mean(x, { ...options, keepDims: true }));
  const squares = sum(mul(off, off), options);
  const rounding = noGrad(() => {
    const rest = sum(off, options);
    return minimum(mul(mul(rest, rest), 1 / n), MOST);
  });
  return mul(maximum(sub(squares, rounding), 0), 1 / (n - correction));
}

/** √variance; slope 0 where all elements are equal. See `variance`. */
export function std(x: Tensor, options: VarianceOptions = {}): Tensor {
  requireTensors('std', x);
  return root(variance(x, options));
}

/** √Σ x² over axes, the Euclidean length; slope 0 where it is 0. */
export function norm(x: Tensor, options: ReduceOptions = {}): Tensor {
  requireTensors('norm', x);
  return root(sum(mul(x, x), options));
}

/**
 * log Σ eˣ over axes, without overflow: the greatest element is taken out first, unless it is infinite: ∞ gives ∞, -∞
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
