/** @file Rearranging tensors, composed of views, indexSelect, cat and where. */
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { arange } from '../../tensor/create.ts';
import { requireFinite, requireList, requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape } from '../../tensor/shape.ts';
import { requireTensors, tensor } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { cast } from '../cast/cast.ts';
import { cat } from '../layout/cat.ts';
import { eq, ge, le } from '../elementwise/compare.ts';
import { indexSelect } from '../index/index-select.ts';
import { expand, reshape, slice, unsqueeze } from '../layout/views.ts';
import { where } from '../elementwise/where.ts';

/**
 * `x` repeated as a whole along each axis, as NumPy's tile: y.shape[i] = times[i] · x.shape[i].
 * @param times one integer of at least 0 for each axis
 * Copied once. Throws ShapeError when the numbers do not match the axes.
 */
export function repeat(x: Tensor, times: readonly number[]): Tensor {
  requireTensors('repeat', x);
  requireList('repeat', 'the second argument', times, '[2, 1]');
  if (times.length !== x.shape.length || times.some((n) => !Number.isInteger(n) || n < 0))
    throw new ShapeError(
      `repeat: ${showShape(times)} for x of ${showShape(x.shape)}; it must be one whole number of at least 0 for each axis.`,
    );
  const between = reshape(
    x,
    x.shape.flatMap((n) => [1, n]),
  );
  return reshape(
    expand(
      between,
      x.shape.flatMap((n, i) => [times[i]!, n]),
    ),
    x.shape.map((n, i) => n * times[i]!),
  );
}

/**
 * `x` reversed along an axis: y[…, j, …] = x[…, n - 1 - j, …].
 * @param x float[...]. Throws ShapeError for an axis out of range.
 */
export function flip(x: Tensor, options: { readonly axis: number }): Tensor {
  requireTensors('flip', x);
  requireOptions('flip', options, ['axis']);
  const k = resolveAxis('flip', options.axis, x.shape.length);
  const n = x.shape[k]!;
  return indexSelect(
    x,
    tensor(
      x.gpu,
      Int32Array.from({ length: n }, (_, i) => n - 1 - i),
    ),
    { axis: k },
  );
}

/**
 * `x` rotated along an axis by `shift` places: y[…, (j + shift) mod n, …]
 * = x[…, j, …]. Throws ShapeError for a shift that is not whole.
 */
export function roll(x: Tensor, shift: number, options: { readonly axis: number }): Tensor {
  requireTensors('roll', x);
  requireOptions('roll', options, ['axis']);
  const k = resolveAxis('roll', options.axis, x.shape.length);
  if (!Number.isInteger(shift)) throw new ShapeError(`roll: the shift is ${shift}; it must be a whole number.`);
  const n = x.shape[k]!;
  const cut = n === 0 ? 0 : ((-shift % n) + n) % n;
  return cut === 0
    ? x
    : cat([slice(x, { axis: k, start: cut }), slice(x, { axis: k, start: 0, end: cut })], { axis: k });
}

function triangle(name: string, x: Tensor, diagonal: number, compare: typeof ge): Tensor {
  requireTensors(name, x);
  if (x.shape.length < 2) throw new ShapeError(`${name}: x is ${showShape(x.shape)}; it needs at least two axes.`);
  requireFinite(name, 'the diagonal', diagonal, { whole: true });
  const [rows, cols] = x.shape.slice(-2) as [number, number];
  return where(compare(unsqueeze(arange(x.gpu, diagonal, rows + diagonal), { axis: 1 }), arange(x.gpu, cols)), x, 0);
}

/**
 * `x` on and below a diagonal of its last two axes (0 the main one, positive ones to the right), else 0. Throws
 * ShapeError below two axes.
 */
export const tril = (x: Tensor, diagonal = 0): Tensor => triangle('tril', x, diagonal, ge);
/**
 * `x` on and above a diagonal of its last two axes (0 the main one, positive ones to the right), else 0. Throws
 * ShapeError below two axes.
 */
export const triu = (x: Tensor, diagonal = 0): Tensor => triangle('triu', x, diagonal, le);

/**
 * float[..., classes]: 1 at each index, else 0. An index out of range is refused where the host knows it, and gives
 * zeros where only the device does.
 * @param ids i32[...]. No gradient. Throws DTypeError unless the ids are i32, ShapeError for one out of range.
 */
export function oneHot(ids: Tensor, classes: number): Tensor {
  requireTensors('oneHot', ids);
  requireFinite('oneHot', 'the number of classes', classes, { least: 0, whole: true });
  if (ids.dtype !== 'i32') throw new DTypeError(`oneHot: the ids are ${ids.dtype}; they must be i32.`);
  requireIndices('oneHot', 'id', ids, { low: 0, high: classes - 1 });
  return cast(eq(unsqueeze(ids, { axis: -1 }), arange(ids.gpu, 0, classes, 1, 'i32')), 'f32');
}
