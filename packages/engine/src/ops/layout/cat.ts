/** @file Concatenating and splitting along an axis. */
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { isRecording, record } from '../../tensor/autograd.ts';
import { contiguous, copyDense, copyInto } from '../../tensor/copy.ts';
import { isPacked } from '../../tensor/dtype.ts';
import { gpuOf } from '../../tensor/op.ts';
import { requireList, requireOptions } from '../../tensor/options.ts';
import { resolveAxis, sameShape, showShape } from '../../tensor/shape.ts';
import { empty, requireTensors, Tensor } from '../../tensor/tensor.ts';
import { slice, unsqueeze } from './views.ts';

/** Negative ones count from the end. */
export interface AxisOption {
  readonly axis?: number;
}

/**
 * Tensors one after the other along an axis (default: the first); all other axes must agree. Each input is copied once;
 * gradients are views of dy. Throws ShapeError.
 */
export function cat(inputs: readonly Tensor[], options: AxisOption = {}): Tensor {
  requireTensorList('cat', inputs);
  requireOptions('cat', options, ['axis']);
  const { axis = 0 } = options;
  const first = inputs[0];
  if (!first) throw new ShapeError('cat: no tensors were given; it needs at least one.');
  const gpu = gpuOf('cat', inputs);
  const k = resolveAxis('cat', axis, first.shape.length);
  for (const x of inputs) {
    const fits =
      x.shape.length === first.shape.length &&
      x.shape.every((n, i) => i === k || n === first.shape[i]) &&
      x.dtype === first.dtype;
    if (!fits)
      throw new ShapeError(
        `cat: ${x.dtype} ${showShape(x.shape)} does not match ${first.dtype} ${showShape(first.shape)}; the types and all axes but ${k} must be equal.`,
      );
  }
  if (isPacked(first.dtype))
    throw new DTypeError(`cat: the inputs are ${first.dtype}, which is storage only; use cast to make them f32.`);
  const starts: number[] = [];
  const total = inputs.reduce((sum, x) => (starts.push(sum), sum + x.shape[k]!), 0);
  const y = empty(
    gpu,
    first.shape.map((n, i) => (i === k ? total : n)),
    first.dtype,
  );
  inputs.forEach((x, i) => put(y, k, starts[i]!, x));
  if (isRecording(inputs))
    record('cat', y, inputs, [], (dy) =>
      inputs.map((x, i) =>
        x.requiresGrad ? slice(dy, { axis: k, start: starts[i]!, end: starts[i]! + x.shape[k]! }) : null,
      ),
    );
  return y;
}

/** Copies `x` into its place in `y`, as one block of memory if it is contiguous. */
function put(y: Tensor, axis: number, start: number, x: Tensor): void {
  if (x.size === 0) return;
  const place = new Tensor(y.gpu, x.shape, y.dtype, y.storage, {
    strides: y.strides,
    offset: start * y.strides[axis]!,
  });
  if (x.isDense && y.shape.slice(0, axis).every((n) => n === 1)) copyDense(place, x);
  else copyInto(place, contiguous('cat', x));
}

/**
 * Tensors of one shape joined along a new axis (default: the first). Throws ShapeError when there are none or shapes
 * differ.
 */
export function stack(inputs: readonly Tensor[], options: AxisOption = {}): Tensor {
  requireTensorList('stack', inputs);
  requireOptions('stack', options, ['axis']);
  const { axis = 0 } = options;
  const first = inputs[0];
  if (!first) throw new ShapeError('stack: no tensors were given; it needs at least one.');
  const other = inputs.find((x) => !sameShape(x.shape, first.shape));
  if (other)
    throw new ShapeError(
      `stack: ${showShape(other.shape)} does not match ${showShape(first.shape)}; the shapes must be equal.`,
    );
  return cat(
    inputs.map((x) => unsqueeze(x, { axis })),
    { axis },
  );
}

/**
 * Views of `x` cut along an axis (default: the first) into pieces of the given sizes, or of one size (the last may be
 * smaller). Throws ShapeError when sizes do not add up.
 */
export function split(x: Tensor, sizes: number | readonly number[], options: AxisOption = {}): Tensor[] {
  requireTensors('split', x);
  if (typeof sizes !== 'number') requireList('split', 'the sizes', sizes, '[1, 3]');
  requireOptions('split', options, ['axis']);
  const { axis = 0 } = options;
  const k = resolveAxis('split', axis, x.shape.length);
  const n = x.shape[k]!;
  const wrong = (typeof sizes === 'number' ? [sizes] : sizes).find(
    (size) => !Number.isInteger(size) || size < (typeof sizes === 'number' ? 1 : 0),
  );
  if (wrong !== undefined)
    throw new ShapeError(
      `split: a size is ${wrong}; sizes must be whole numbers of at least ${typeof sizes === 'number' ? 1 : 0}.`,
    );
  const pieces =
    typeof sizes === 'number'
      ? Array.from({ length: Math.ceil(n / sizes) }, (_, i) => Math.min(sizes, n - i * sizes))
      : sizes;
  const total = pieces.reduce((sum, size) => sum + size, 0);
  if (total !== n)
    throw new ShapeError(
      `split: sizes ${showShape(pieces)} add up to ${total} and axis ${axis} of ${showShape(x.shape)} has ${n}; they must be equal.`,
    );
  let start = 0;
  return pieces.map((size) => slice(x, { axis: k, start, end: (start += size) }));
}

function requireTensorList(where: string, inputs: unknown): void {
  requireList(where, 'the first argument', inputs, '[a, b]');
  requireTensors(where, ...(inputs as unknown[]));
}
