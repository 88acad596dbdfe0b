/** @file Gathering and scatter-adding along an axis. Kernel: kernels/index/gather.wgsl. */
import { indexGather as kernel } from '@curio/kernels/index_gather';
import { ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { copyOf } from '../../tensor/copy.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { zeros } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { around } from '../parts/reduce.ts';
import { requireDType, requireFloat } from '../parts/broadcast.ts';

const WG = 64;

interface Plan {
  readonly from: Shape;
  readonly outer: number;
  readonly rows: number;
  readonly cols: number;
  readonly picks: number;
}

function planFor(where: string, x: Tensor, index: Tensor, axis: number): Plan {
  requireFloat(where, x);
  requireDType(where, 'the index', index, 'i32', 'u32');
  const k = resolveAxis(where, axis, x.shape.length);
  const [outer, rows, cols] = around(x.shape, [k, k + 1]);
  const agree = index.shape.length === x.shape.length && index.shape.every((n, i) => i === k || n === x.shape[i]);
  if (!agree)
    throw new ShapeError(
      `${where}: the index is ${showShape(index.shape)} and x ${showShape(x.shape)}; all axes but ${k} must be equal.`,
    );
  requireIndices(where, 'index', index, { low: 0, high: rows! - 1 });
  return { from: x.shape, outer, rows, cols, picks: index.shape[k]! };
}

const paramsOf = ({ outer, rows, cols, picks }: Plan): Record<string, number> => ({ outer, rows, cols, picks });

function pick(run: Run, x: Tensor, index: Tensor, plan: Plan): Tensor {
  const y = run.out(index.shape);
  run.dispatch(kernel, 'gather', {
    buffers: { x, index, y },
    params: paramsOf(plan),
    grid: lineGrid(ceilDiv(y.size, WG)),
  });
  return y;
}

function addInto(run: Run, y: Tensor, index: Tensor, x: Tensor, plan: Plan): Tensor {
  run.dispatch(kernel, 'add', {
    buffers: { x, index, y },
    params: paramsOf(plan),
    grid: lineGrid(ceilDiv(plan.outer * plan.cols, WG)),
  });
  return y;
}

const gatherOp = defineOp({
  name: 'gather',
  plan: ([x, index]: readonly [Tensor, Tensor], axis: number) => planFor('gather', x, index, axis),
  forward: (run, [x, index], plan) => ({ y: pick(run, x, index, plan), saved: { index } }),
  backward: (run, dy, { index }, plan) => [addInto(run, zeros(run.gpu, plan.from), index!, dy, plan), null],
});

const scatterAddOp = defineOp({
  name: 'scatterAdd',
  plan([x, index, values]: readonly [Tensor, Tensor, Tensor], axis: number) {
    requireFloat('scatterAdd', values);
    if (showShape(values.shape) !== showShape(index.shape))
      throw new ShapeError(
        `scatterAdd: the values are ${showShape(values.shape)} and the index ${showShape(index.shape)}; they must be equal.`,
      );
    return planFor('scatterAdd', x, index, axis);
  },
  forward: (run, [x, index, values], plan) => ({ y: addInto(run, copyOf(x), index, values, plan), saved: { index } }),
  backward: (run, dy, { index }, plan) => [
    run.needs[0] ? dy : null,
    null,
    run.needs[2] ? pick(run, dy, index!, plan) : null,
  ],
});

/**
 * Gathers along an axis: y[…, j, …] = x[…, index[…, j, …], …]. An index out of range is refused where the host knows
 * it, and gives 0 where only the device does.
 * @param x float[...]
 * @param index i32[...], of x's shape except along `axis`
 * @returns float of index's shape
 * The gradient adds in order, without atomics. Saves index. Throws ShapeError when the shapes differ elsewhere, or
 * for an index out of range.
 */
export function gather(x: Tensor, index: Tensor, options: { readonly axis: number }): Tensor {
  requireOptions('gather', options, ['axis']);
  return gatherOp([x, index], options.axis);
}

/**
 * y = x, then y[…, index[…, j, …], …] += values[…, j, …] for each j in order. An index out of range is refused where
 * the host knows it, and adds nothing where only the device does.
 * @param index i32[...], of x's shape except along `axis`
 * @param values float of index's shape
 * Saves index. Throws ShapeError when the shapes do not go together, or for an index out of range.
 */
export function scatterAdd(x: Tensor, index: Tensor, values: Tensor, options: { readonly axis: number }): Tensor {
  requireOptions('scatterAdd', options, ['axis']);
  return scatterAddOp([x, index, values], options.axis);
}
