/**
 * @file Sums, means and extremes over axes: float[...] in, the shape without them out (with 1 in their place under
 * keepDims). Kernels: kernels/reduce; a long axis is reduced in two passes, always in the same order. Each throws
 * ShapeError for an axis out of range, DTypeError unless x is f32.
 */
import { reduceArg } from '@curio/kernels/reduce_arg';
import { reduceSpread } from '@curio/kernels/reduce_spread';
import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape, sizeOf } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { around, reduceMiddle, runsOf } from '../parts/reduce.ts';
import type { Reduction } from '../parts/reduce.ts';
import { reshape } from '../layout/views.ts';
import { requireFloat } from '../parts/broadcast.ts';

export interface ReduceOptions {
  /** One axis or several; all of them when left out. Negative ones count from the end. */
  readonly axis?: number | readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims?: boolean;
}

/** One run of adjacent axes, seen as the middle of `[outer, n, inner]`. */
interface Plan {
  readonly shape: Shape;
  readonly from: Shape;
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
  readonly scale: number;
}
/** Neighbouring axes from the first to before the end. */
export interface ReduceAttrs {
  readonly run: readonly [first: number, end: number];
  readonly isMean: boolean;
}

const WG = 64;
const SPAN = 8;

function spread(run: Run, dy: Tensor, plan: Plan, chosen: Tensor | null): Tensor {
  const { outer, n, inner, scale } = plan;
  const dx = run.out(plan.from);
  const width = inner % 4 === 0 ? 4 : 1;
  const [cols, parts] = [inner / width, ceilDiv(n, SPAN)];
  const tuning = width === 4 ? { T: 'vec4<f32>', I: 'vec4<u32>' } : { T: 'f32', I: 'u32' };
  const work = {
    params: { outer, rows: n, cols, parts, scale },
    tuning,
    grid: lineGrid(ceilDiv(outer * parts * cols, WG)),
  };
  if (chosen) run.dispatch(reduceSpread, 'pick', { buffers: { dy, chosen, dx }, ...work });
  else run.dispatch(reduceSpread, 'spread', { buffers: { dy, dx }, ...work });
  return dx;
}

function argument(
  run: Run,
  kind: 'MAX' | 'MIN',
  x: Tensor,
  { shape, outer, n, inner }: Pick<Plan, 'shape' | 'outer' | 'n' | 'inner'>,
): Tensor {
  const y = run.out(shape, 'i32');
  run.dispatch(reduceArg, 'arg', {
    buffers: { x, y },
    params: { outer, rows: n, cols: inner },
    tuning: { OP: kind },
    grid: lineGrid(ceilDiv(outer * inner, WG)),
  });
  return y;
}

function define(name: string, kind: Reduction): (x: Tensor, attrs: ReduceAttrs) => Tensor {
  const op = defineOp({
    name,
    plan([x]: readonly [Tensor], { run: [first, end], isMean }: ReduceAttrs): Plan {
      const [outer, n, inner] = around(x.shape, [first, end]);
      return {
        shape: x.shape.map((size, i) => (i >= first && i < end ? 1 : size)),
        from: x.shape,
        outer,
        n,
        inner,
        scale: isMean ? 1 / n : 1,
      };
    },
    forward(run, [x], plan) {
      const y = reduceMiddle(kind, x, plan);
      return { y, saved: { chosen: kind !== 'SUM' && run.needs[0] ? argument(run, kind, x, plan) : null } };
    },
    backward: (run, dy, { chosen }, plan) => [spread(run, dy, plan, chosen)],
  });
  return (x, attrs) => op([x], attrs);
}

const sumOp = define('sum', 'SUM');
const meanOp = define('mean', 'SUM');
const maxOp = define('max', 'MAX');
const minOp = define('min', 'MIN');

/** An op over one run of adjacent axes, over any. */
export function overAxes(
  name: string,
  op: (x: Tensor, attrs: ReduceAttrs) => Tensor,
  x: Tensor,
  options: ReduceOptions,
): Tensor {
  requireTensors(name, x);
  requireFloat(name, x);
  requireOptions(name, options, ['axis', 'keepDims']);
  const { axis } = options;
  const rank = x.shape.length;
  const axes =
    axis === undefined
      ? x.shape.map((_, i) => i)
      : [...new Set((typeof axis === 'number' ? [axis] : axis).map((k) => resolveAxis(name, k, rank)))];
  if ((name === 'max' || name === 'min') && x.size === 0)
    throw new ShapeError(`${name}: ${showShape(x.shape)} has no elements; it needs at least one.`);
  let y = x;
  const runs = runsOf(axes);
  if (name === 'norm' && runs.length === 0) runs.push([rank, rank]); // each element's own length
  for (const run of runs)
    if (name === 'norm' || sizeOf(y.shape.slice(...run)) !== 1) y = op(y, { run, isMean: name === 'mean' });
  const gone = new Set(axes);
  return options.keepDims
    ? y
    : reshape(
        y,
        y.shape.filter((_, i) => !gone.has(i)),
      );
}

/**
 * y = Σ x over axes.
 * @param x float[...]
 * Saves nothing.
 */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => overAxes('sum', sumOp, x, options);

/** y = Σ x / n over axes of n elements together; NaN where n is 0. Saves nothing. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => overAxes('mean', meanOp, x, options);

/**
 * The largest element over axes, NaN where there is one; the gradient goes to the first of equals. Saves its index.
 * Throws ShapeError when there are no elements.
 */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => overAxes('max', maxOp, x, options);

/**
 * The smallest element over axes, NaN where there is one; the gradient goes to the first of equals. Saves its index.
 * Throws ShapeError when there are no elements.
 */
export const min = (x: Tensor, options: ReduceOptions = {}): Tensor => overAxes('min', minOp, x, options);

export interface ArgOptions {
  /** Default: the last. */ readonly axis?: number;
  readonly keepDims?: boolean;
}

function defineArg(name: string, kind: 'MAX' | 'MIN'): (x: Tensor, options?: ArgOptions) => Tensor {
  const op = defineOp({
    name,
    plan([x]: readonly [Tensor], { axis = -1 }: ArgOptions) {
      requireFloat(name, x);
      const k = resolveAxis(name, axis, x.shape.length);
      const [outer, n, inner] = around(x.shape, [k, k + 1]);
      if (n === 0)
        throw new ShapeError(`${name}: axis ${axis} of ${showShape(x.shape)} has no elements; it needs at least one.`);
      return { shape: x.shape.map((size, i) => (i === k ? 1 : size)), outer, n, inner };
    },
    forward: (run, [x], plan) => ({ y: argument(run, kind, x, plan) }),
  });
  return (x, options = {}) => {
    requireOptions(name, options, ['axis', 'keepDims']);
    const y = op([x], options);
    const k = resolveAxis(name, options.axis ?? -1, x.shape.length);
    return options.keepDims
      ? y
      : reshape(
          y,
          y.shape.filter((_, i) => i !== k),
        );
  };
}

/**
 * i32: the index of the largest element along an axis, the lowest among equals; of the first NaN where there is one.
 * No gradient.
 */
export const argmax = defineArg('argmax', 'MAX');
/**
 * i32: the index of the smallest element along an axis, the lowest among equals; of the first NaN where there is one.
 * No gradient.
 */
export const argmin = defineArg('argmin', 'MIN');
