/** @file Views: other shapes and strides over the same storage, without a kernel. */
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { isRecording, record } from '../../tensor/autograd.ts';
import { contiguous, copyInto, copyOf, countedCopy } from '../../tensor/copy.ts';
import { isPacked } from '../../tensor/dtype.ts';
import { gpuOf } from '../../tensor/op.ts';
import { requireList, requireOptions } from '../../tensor/options.ts';
import {
  broadcastStrides,
  denseStrides,
  requireShape,
  resolveAxis,
  sameShape,
  showShape,
  sizeOf,
} from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { requireTensors, Tensor, zeros } from '../../tensor/tensor.ts';
import { sumTo } from '../parts/sum-to.ts';

function view(
  name: string,
  x: Tensor,
  shape: Shape,
  strides: readonly number[],
  offset: number,
  back: (dy: Tensor) => Tensor,
): Tensor {
  const y = new Tensor(x.gpu, shape, x.dtype, x.storage, { strides, offset });
  if (isRecording([x])) record(name, y, [x], [], (dy) => [back(dy)]);
  return y;
}

/**
 * A tensor with `x`'s elements in row-major order under another shape; one size may be -1. Copies only when the strides
 * cannot express it. Throws ShapeError when sizes differ.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  requireTensors('reshape', x);
  requireList('reshape', 'the shape', shape, '[2, -1]');
  const open = shape.filter((n) => n === -1).length;
  if (open > 1) throw new ShapeError(`reshape: ${showShape(shape)} has ${open} sizes of -1; at most one may be.`);
  const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const to = shape.map((n) => (n === -1 ? x.size / known : n));
  if (sizeOf(to) !== x.size || to.some((n) => !Number.isInteger(n) || n < 0))
    throw new ShapeError(
      `reshape: ${showShape(x.shape)} has ${x.size} elements, which ${showShape(shape)} does not; the number of elements must stay the same.`,
    );
  if (sameShape(to, x.shape)) return x;
  const strides = stridesFor(x, to);
  const back = (dy: Tensor): Tensor => reshape(dy, x.shape);
  if (strides) return view('reshape', x, to, strides, x.offset, back);
  const dense = countedCopy('reshape', x);
  const y = new Tensor(x.gpu, to, x.dtype, dense.storage);
  if (isRecording([x])) record('reshape', y, [x], [], (dy) => [back(dy)]);
  return y;
}

/** Strides that view `x` as the shape `to`, or null when a copy is needed. */
function stridesFor(x: Tensor, to: Shape): number[] | null {
  if (x.isDense) return denseStrides(to);
  const from = x.shape.map((n, i) => ({ n, stride: x.strides[i]! })).filter(({ n }) => n !== 1);
  const strides = new Array<number>(to.length).fill(0);
  let i = 0;
  let j = 0;
  while (i < from.length) {
    let a = from[i]!.n;
    i++;
    const start = j;
    let b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) {
        if (i >= from.length || from[i - 1]!.stride !== from[i]!.n * from[i]!.stride) return null;
        a *= from[i++]!.n;
      } else {
        if (j >= to.length) return null;
        b *= to[j++]!;
      }
    }
    let step = from[i - 1]!.stride;
    for (let k = j - 1; k >= start; k--) {
      strides[k] = step;
      step *= to[k]!;
    }
  }
  return strides;
}

/**
 * `x` with its axes in the given order, without a copy: y.shape[i] = x.shape[order[i]]. Throws ShapeError unless each
 * axis is named once.
 */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  requireTensors('permute', x);
  requireList('permute', 'the order', order, '[1, 0]');
  const axes = order.map((axis) => resolveAxis('permute', axis, x.shape.length));
  if (axes.length !== x.shape.length || new Set(axes).size !== axes.length)
    throw new ShapeError(
      `permute: order ${showShape(order)} for a tensor of shape ${showShape(x.shape)}; it must name each axis once.`,
    );
  const inverse = axes.map((_, i) => axes.indexOf(i));
  return view(
    'permute',
    x,
    axes.map((a) => x.shape[a]!),
    axes.map((a) => x.strides[a]!),
    x.offset,
    (dy) => permute(dy, inverse),
  );
}

/** `x` with two axes swapped (default: the last two), without a copy. Throws ShapeError for an axis out of range. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  requireTensors('transpose', x);
  const order = x.shape.map((_, i) => i);
  const [i, j] = [resolveAxis('transpose', a, order.length), resolveAxis('transpose', b, order.length)];
  [order[i], order[j]] = [j, i];
  return permute(x, order);
}

export interface SliceOptions {
  readonly axis: number /** Default: 0. */;
  readonly start?: number /** Default: the end of the axis. */;
  readonly end?: number;
}

/**
 * Elements `start` (inclusive) to `end` (exclusive) along `axis`, without a copy; negative ones count from the end.
 * Throws ShapeError if one of them is beyond the axis, or the end comes before the start.
 */
export function slice(x: Tensor, options: SliceOptions): Tensor {
  requireTensors('slice', x);
  requireOptions('slice', options, ['axis', 'start', 'end']);
  const k = resolveAxis('slice', options.axis, x.shape.length);
  const n = x.shape[k]!;
  const { axis, start = 0, end = n } = options;
  if (!Number.isInteger(start) || !Number.isInteger(end))
    throw new ShapeError(`slice: ${start}..${end} of axis ${axis}; both must be whole numbers.`);
  const [from, to] = [start, end].map((at) => (at < 0 ? at + n : at)) as [number, number];
  if ([from, to].some((at) => at < 0 || at > n))
    throw new ShapeError(
      `slice: ${start}..${end} of axis ${axis} of ${showShape(x.shape)} goes beyond it; both must lie in ${-n}..${n}.`,
    );
  if (from > to)
    throw new ShapeError(
      `slice: ${start}..${end} of axis ${axis} of ${showShape(x.shape)} ends before it starts; start must not exceed end.`,
    );
  const shape = x.shape.map((m, i) => (i === k ? to - from : m));
  return view('slice', x, shape, x.strides, x.offset + from * x.strides[k]!, (dy) => {
    const dx = zeros(dy.gpu, x.shape);
    const window = new Tensor(dx.gpu, shape, dx.dtype, dx.storage, {
      strides: dx.strides,
      offset: from * dx.strides[k]!,
    });
    copyInto(window, contiguous('slice', dy));
    return dx;
  });
}

/**
 * `x` repeated along axes of size 1 until it has `shape`, without a copy. The gradient is summed over the repetitions.
 * Throws ShapeError where another axis would change.
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  requireTensors('expand', x);
  requireList('expand', 'the shape', shape, '[2, 3]');
  const extra = shape.length - x.shape.length;
  if (extra < 0 || x.shape.some((n, i) => n !== shape[extra + i] && n !== 1))
    throw new ShapeError(
      `expand: ${showShape(x.shape)} cannot become ${showShape(shape)}; only axes of size 1 can grow.`,
    );
  requireShape('expand', shape);
  return view('expand', x, shape, broadcastStrides(x.shape, x.strides, shape), x.offset, (dy) => sumTo(dy, x.shape));
}

/** `x` without the given axis of size 1, or without all of them. Throws ShapeError when the axis has another size. */
export function squeeze(x: Tensor, options: { readonly axis?: number } = {}): Tensor {
  requireTensors('squeeze', x);
  requireOptions('squeeze', options, ['axis']);
  const { axis } = options;
  const k = axis === undefined ? -1 : resolveAxis('squeeze', axis, x.shape.length);
  if (k >= 0 && x.shape[k] !== 1)
    throw new ShapeError(`squeeze: axis ${axis} of ${showShape(x.shape)} has size ${x.shape[k]}; it must be 1.`);
  return reshape(
    x,
    x.shape.filter((n, i) => (k >= 0 ? i !== k : n !== 1)),
  );
}

/** `x` with a new axis of size 1 at `axis`. Throws ShapeError for an axis out of range. */
export function unsqueeze(x: Tensor, options: { readonly axis: number }): Tensor {
  requireTensors('unsqueeze', x);
  requireOptions('unsqueeze', options, ['axis']);
  const { axis } = options;
  const k = resolveAxis('unsqueeze', axis, x.shape.length + 1);
  return reshape(x, [...x.shape.slice(0, k), 1, ...x.shape.slice(k)]);
}

/** The same values without a path for gradients. */
export function detach(x: Tensor): Tensor {
  requireTensors('detach', x);
  return new Tensor(x.gpu, x.shape, x.dtype, x.storage, { strides: x.strides, offset: x.offset });
}

/** `x` in row-major order from the start of a binding: itself, or one copy. */
export function dense(x: Tensor): Tensor {
  requireTensors('dense', x);
  if (x.isDense || isPacked(x.dtype)) return x;
  const y = copyOf(x);
  if (isRecording([x])) record('dense', y, [x], [], (dy) => [dy]);
  return y;
}

/**
 * Overwrites elements `start`, `start + 1`, … of `to` along `axis` with `values`, without a gradient: caches and
 * buffers. Views of `to` see it, and a backward pass that needs what it overwrites is refused. Throws ShapeError when
 * they do not fit or `to` is expanded, DTypeError when types differ.
 */
export function assignSlice(
  to: Tensor,
  values: Tensor,
  options: { readonly axis: number; readonly start: number },
): void {
  requireTensors('assignSlice', to, values);
  requireOptions('assignSlice', options, ['axis', 'start']);
  const { axis, start } = options;
  const k = resolveAxis('assignSlice', axis, to.shape.length);
  gpuOf('assignSlice', [to, values]);
  if (to.dtype !== values.dtype || isPacked(to.dtype))
    throw new DTypeError(
      `assignSlice: the values are ${values.dtype} and the tensor ${to.dtype}; they must be equal and not packed, use cast.`,
    );
  const repeated = to.shape.findIndex((n, i) => n > 1 && to.strides[i] === 0);
  if (repeated >= 0)
    throw new ShapeError(
      `assignSlice: the tensor of shape ${showShape(to.shape)} is expanded along axis ${repeated}, where all ${to.shape[repeated]} elements share their memory; assign to a dense copy of it.`,
    );
  const window = to.shape.map((n, i) => (i === k ? values.shape[k]! : n));
  if (
    !sameShape(window, values.shape) ||
    !(start >= 0) ||
    !Number.isInteger(start) ||
    start + values.shape[k]! > to.shape[k]!
  ) {
    throw new ShapeError(
      `assignSlice: ${showShape(values.shape)} at ${start} of axis ${axis} does not fit into ${showShape(to.shape)}; all other axes must agree, and the slice must end within its axis.`,
    );
  }
  copyInto(
    new Tensor(to.gpu, window, to.dtype, to.storage, {
      strides: to.strides,
      offset: to.offset + start * to.strides[k]!,
    }),
    values.storage === to.storage ? copyOf(values) : contiguous('assignSlice', values),
    'assignSlice',
  );
}
