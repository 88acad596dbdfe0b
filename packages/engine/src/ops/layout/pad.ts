import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireList } from '../../tensor/options.ts';
import { isRecording, record } from '../../tensor/autograd.ts';
import { contiguous, copyInto } from '../../tensor/copy.ts';
import { isPacked } from '../../tensor/dtype.ts';
import { showShape } from '../../tensor/shape.ts';
import { filled, requireTensors, Tensor } from '../../tensor/tensor.ts';
import { slice } from './views.ts';

/**
 * `x` with elements of `value` around it: y.shape[i] = before + x.shape[i] + after.
 * @param x any type except packed ones
 * @param sides `[before, after]` of the last axes, in their order; axes in front of them stay as they are
 * Copied once; its gradient is a view of dy. Saves nothing. Kernels: kernels/tensor. Throws ShapeError when a side is
 * no integer of at least 0 or there are more sides than axes, DTypeError for packed types.
 */
export function pad(x: Tensor, sides: readonly (readonly [before: number, after: number])[], value = 0): Tensor {
  requireTensors('pad', x);
  requireList('pad', 'the second argument', sides, '[[1, 1]]');
  for (const side of sides) {
    requireList('pad', 'a side', side, '[1, 1]');
    if (side.length !== 2)
      throw new ShapeError(`pad: a side is ${showShape(side)}; it must be two numbers, [before, after].`);
  }
  const kept = x.shape.length - sides.length;
  if (kept < 0)
    throw new ShapeError(
      `pad: ${sides.length} sides were given for x of ${showShape(x.shape)}; there is at most one for each axis.`,
    );
  const wrong = sides.flat().find((n) => !Number.isInteger(n) || n < 0);
  if (wrong !== undefined)
    throw new ShapeError(`pad: a side is ${wrong}; sides must be whole numbers of at least 0, to cut use slice.`);
  if (isPacked(x.dtype)) throw new DTypeError(`pad: x is ${x.dtype}, which is storage only; use cast to make it f32.`);
  const y = filled(
    'pad',
    x.gpu,
    x.shape.map((n, i) => n + (sides[i - kept]?.[0] ?? 0) + (sides[i - kept]?.[1] ?? 0)),
    value,
    x.dtype,
  );
  const offset = sides.reduce((sum, [before], i) => sum + before * y.strides[kept + i]!, 0);
  copyInto(new Tensor(y.gpu, x.shape, y.dtype, y.storage, { strides: y.strides, offset }), contiguous('pad', x));
  if (isRecording([x]))
    record('pad', y, [x], [], (dy) => [
      sides.reduce(
        (part, [before], i) => slice(part, { axis: kept + i, start: before, end: before + x.shape[kept + i]! }),
        dy,
      ),
    ]);
  return y;
}
