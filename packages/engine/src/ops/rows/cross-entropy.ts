import { rowsCrossEntropyMean } from '@curio/kernels/rows_cross_entropy_mean';
import { rowsCrossEntropyNaive } from '@curio/kernels/rows_cross_entropy_naive';
import { rowsCrossEntropyShared } from '@curio/kernels/rows_cross_entropy_shared';
import { rowsCrossEntropySubgroup } from '@curio/kernels/rows_cross_entropy_subgroup';
import { CurioError, DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Family } from '../../gpu/kernel/variant.ts';
import { show } from '../../tensor/host-values.ts';
import { requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import { sameShape, showShape, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { subgroupRows, wholeRows, workgroupRows } from '../parts/row-variant.ts';
import { requireFloat } from '../parts/broadcast.ts';

type Plan = { readonly rows: number; readonly cols: number; readonly weighted: number; readonly summed: number };

export interface CrossEntropyOptions {
  /** float[...]: w of each row; 1 when left out. No gradient flows to it. */
  readonly weights?: Tensor;
  /** `mean` divides by Σ w; `sum` does not. Default `mean`. */
  readonly reduction?: 'mean' | 'sum';
}

const rows = workgroupRows<Plan>(rowsCrossEntropyShared, wholeRows);

/** Kernels of the family `crossEntropy`, the preferred first. */
export const crossEntropyVariants: Family<Plan> = {
  shared: {
    ...rows,
    tuning: (gpu, plan, entry) => ({
      ...rows.tuning!(gpu, plan, entry),
      PLACES: plan.cols % 4 === 0 ? 'vec4f(0.0,1.0,2.0,3.0)' : '0.0',
    }),
  },
  subgroup: subgroupRows(rowsCrossEntropySubgroup, ({ cols }) => cols % 4 === 0),
  naive: { kernel: rowsCrossEntropyNaive, grid: (_, { rows }) => lineGrid(ceilDiv(rows, 64)) },
};

const op = defineOp({
  name: 'crossEntropy',
  plan([logits, targets, weights]: readonly [Tensor, Tensor, Tensor | null], reduction: 'mean' | 'sum'): Plan {
    requireFloat('crossEntropy', logits, ...(weights ? [weights] : []));
    const cols = logits.shape.at(-1);
    if (!cols)
      throw new ShapeError(
        `crossEntropy: logits are ${showShape(logits.shape)}; they need a last axis of at least one class.`,
      );
    const leading = logits.shape.slice(0, -1);
    if (!sameShape(targets.shape, leading))
      throw new ShapeError(
        `crossEntropy: targets are ${showShape(targets.shape)} and logits ${showShape(logits.shape)}; targets must be ${showShape(leading)}.`,
      );
    if (targets.dtype !== 'i32')
      throw new DTypeError(
        `crossEntropy: targets are ${targets.dtype}; they must be i32, -100 where a row is ignored.`,
      );
    if (weights && weights.size !== targets.size)
      throw new ShapeError(
        `crossEntropy: weights are ${showShape(weights.shape)} and targets ${showShape(targets.shape)}; they must be equal.`,
      );
    requireIndices('crossEntropy', 'target', targets, { low: 0, high: cols - 1, ignored: -100 });
    return { rows: sizeOf(leading), cols, weighted: weights ? 1 : 0, summed: reduction === 'sum' ? 1 : 0 };
  },
  forward(run, [logits, targets, weights], plan) {
    const { rows, cols, weighted, summed } = plan;
    const lse = run.out([rows, 2]);
    const terms = run.out([rows, 2]);
    const loss = run.out([]);
    const totals = run.out([2]);
    run.launch('crossEntropy', crossEntropyVariants, plan, 'forward', {
      buffers: { x: logits, label: targets, row_weight: weights ?? logits, lse, terms },
      params: { rows, cols, weighted },
    });
    run.dispatch(rowsCrossEntropyMean, 'forward', {
      buffers: { terms, loss, totals },
      params: { rows, summed },
      grid: [1, 1, 1],
    });
    return { y: loss, saved: { logits, targets, lse, terms, totals } };
  },
  backward(run, dy, { logits, targets, lse, terms, totals }, plan) {
    const { rows, cols, weighted } = plan;
    const dx = run.out(logits.shape);
    run.launch('crossEntropy', crossEntropyVariants, plan, 'backward', {
      buffers: { x: logits, label: targets, lse_saved: lse, terms_saved: terms, totals, dy, dx },
      params: { rows, cols, weighted },
    });
    return [dx, null, null];
  },
});

/**
 * Mean cross-entropy: loss = Σ w · (log Σ exp logits - logits[target]) / Σ w over the rows whose target is not -100.
 * A batch without such a row gives 0. A row whose logits are all -∞ counts as V equal ones. The number of loss tokens
 * stays on the device.
 * @param logits float[..., V]
 * @param targets i32[...]: classes from 0 to V - 1; -100 ignores the row. Any other is refused where the host knows it,
 * and makes the loss and every gradient NaN where only the device does
 * @returns float[]
 * `reduction: 'sum'` gives Σ w · (…) without the division.
 * Saves logits and their log-sum-exp. Kernels: kernels/rows. Throws ShapeError when the sizes differ or a target is no
 * class, DTypeError when targets are not i32, CurioError for another reduction.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weights = null, reduction = 'mean' } = requireOptions('crossEntropy', options, ['weights', 'reduction']);
  if (reduction !== 'mean' && reduction !== 'sum')
    throw new CurioError(`crossEntropy: reduction is ${show(reduction)}; it must be 'mean' or 'sum'.`);
  return op([logits, targets, weights], reduction);
}
