import { rowsLogSoftmaxNaive } from '@curio/kernels/rows_log_softmax_naive';
import { rowsLogSoftmaxShared } from '@curio/kernels/rows_log_softmax_shared';
import { rowsLogSoftmaxSubgroup } from '@curio/kernels/rows_log_softmax_subgroup';
import { ShapeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Family } from '../../gpu/kernel/variant.ts';
import { defineOp } from '../../tensor/op.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { transpose } from '../layout/views.ts';
import { subgroupRows, wholeRows, workgroupRows } from '../parts/row-variant.ts';
import { requireFloat } from '../parts/broadcast.ts';

interface Plan {
  rows: number;
  cols: number;
}

/** Kernels of the family `logSoftmax`, the preferred first. */
export const logSoftmaxVariants: Family<Plan> = {
  shared: workgroupRows(rowsLogSoftmaxShared, wholeRows),
  subgroup: subgroupRows(rowsLogSoftmaxSubgroup),
  naive: { kernel: rowsLogSoftmaxNaive, grid: (_, { rows }) => lineGrid(ceilDiv(rows, 64)) },
};

const op = defineOp({
  name: 'logSoftmax',
  plan([x]: readonly [Tensor], _: undefined): Plan {
    requireFloat('logSoftmax', x);
    const cols = x.shape.at(-1);
    if (cols === undefined)
      throw new ShapeError(
        `logSoftmax: the input is a scalar of shape ${showShape(x.shape)}; it needs at least one axis.`,
      );
    return { rows: cols === 0 ? 0 : x.size / cols, cols };
  },
  forward(run, [x], plan) {
    const y = run.out(x.shape);
    run.launch('logSoftmax', logSoftmaxVariants, plan, 'forward', { buffers: { x, y }, params: { ...plan } });
    return { y, saved: { y } };
  },
  backward(run, dy, { y }, plan) {
    const dx = run.out(y.shape);
    run.launch('logSoftmax', logSoftmaxVariants, plan, 'backward', {
      buffers: { y_saved: y, dy, dx },
      params: { ...plan },
    });
    return [dx];
  },
});

/**
 * y = x - max x - log Σ exp(x - max x) over an axis, by default the last. A row of only -∞ gives -ln n, as a row
 * of the least number does; in PyTorch it is NaN.
 * @param x float[..., C]
 * @returns float[..., C]
 * Saves y. Kernels: kernels/rows. Throws ShapeError for a scalar, DTypeError unless x is f32.
 */
export function logSoftmax(x: Tensor, options: { readonly axis?: number } = {}): Tensor {
  requireOptions('logSoftmax', options, ['axis']);
  const { axis = -1 } = options;
  if (axis === -1 || x.shape.length === 0) return op([x]);
  const k = resolveAxis('logSoftmax', axis, x.shape.length);
  return transpose(op([transpose(x, k, -1)]), k, -1);
}
