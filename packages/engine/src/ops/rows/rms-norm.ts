import { rowsNormRmsNaive } from '@curio/kernels/rows_norm_rms_naive';
import { rowsNormRmsRegisters } from '@curio/kernels/rows_norm_rms_registers';
import { rowsNormRmsShared } from '@curio/kernels/rows_norm_rms_shared';
import { rowsNormRmsSubgroup } from '@curio/kernels/rows_norm_rms_subgroup';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Family } from '../../gpu/kernel/variant.ts';
import { requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { columnGradients } from './norm-columns.ts';
import { planNorm } from './norm-plan.ts';
import type { NormPlan } from './norm-plan.ts';
import { heldStrips, subgroupNorm, wholeRows, workgroupRows } from '../parts/row-variant.ts';

/** Kernels of the family `rmsNorm`, the preferred first. */
export const rmsNormVariants: Family<NormPlan> = {
  shared: workgroupRows(rowsNormRmsShared, wholeRows),
  registers: heldStrips(rowsNormRmsRegisters),
  subgroup: subgroupNorm(rowsNormRmsSubgroup, ({ cols }) => cols % 4 === 0),
  naive: { kernel: rowsNormRmsNaive, grid: (_, { rows }) => lineGrid(ceilDiv(rows, 64)) },
};

const op = defineOp({
  name: 'rmsNorm',
  plan: ([x, weight]: readonly [Tensor, Tensor], { eps }: { eps: number }) =>
    planNorm('rmsNorm', x, [['weight', weight]], eps),
  forward(run, [x, weight], plan) {
    const y = run.out(x.shape);
    const stats = run.out([plan.rows]);
    run.launch('rmsNorm', rmsNormVariants, plan, 'forward', { buffers: { x, weight, y, stats }, params: { ...plan } });
    return { y, saved: { x, weight: run.needs[0] ? weight : null, stats } };
  },
  backward(run, dy, { x, weight, stats }, plan) {
    const dx = run.needs[0] ? run.out(x.shape) : null;
    if (dx)
      run.launch('rmsNorm', rmsNormVariants, plan, 'backward', {
        buffers: { x, weight: weight!, stats_saved: stats, dy, dx },
        params: { ...plan },
      });
    return [dx, run.needs[1] ? columnGradients(run, 'rms', plan, { x, stats, dy })[0]! : null];
  },
});

/**
 * y = x / √(mean x² + eps) · weight, the mean over the last axis.
 * @param x float[..., C]
 * @param weight float[C]
 * @returns float[..., C]
 * Saves x and one number a row. Kernels: kernels/rows. Throws ShapeError when weight is not [C]. Source: Zhang &
 * Sennrich 2019.
 */
export const rmsNorm = (x: Tensor, weight: Tensor, options: { eps?: number } = {}): Tensor =>
  op([x, weight], { eps: requireOptions('rmsNorm', options, ['eps']).eps ?? 1e-6 });
