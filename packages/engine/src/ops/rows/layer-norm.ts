import { rowsNormLayerNaive } from '@curio/kernels/rows_norm_layer_naive';
import { rowsNormLayerShared } from '@curio/kernels/rows_norm_layer_shared';
import { rowsNormLayerSubgroup } from '@curio/kernels/rows_norm_layer_subgroup';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Family } from '../../gpu/kernel/variant.ts';
import { requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { columnGradients } from './norm-columns.ts';
import { planNorm } from './norm-plan.ts';
import type { NormPlan } from './norm-plan.ts';
import { subgroupNorm, wholeRows, workgroupRows } from '../parts/row-variant.ts';

/** Kernels of the family `layerNorm`, the preferred first. */
export const layerNormVariants: Family<NormPlan> = {
  shared: workgroupRows(rowsNormLayerShared, wholeRows),
  subgroup: subgroupNorm(rowsNormLayerSubgroup, ({ cols }) => cols % 4 === 0),
  naive: { kernel: rowsNormLayerNaive, grid: (_, { rows }) => lineGrid(ceilDiv(rows, 64)) },
};

const op = defineOp({
  name: 'layerNorm',
  plan: ([x, weight, bias]: readonly [Tensor, Tensor, Tensor], { eps }: { eps: number }) =>
    planNorm(
      'layerNorm',
      x,
      [
        ['weight', weight],
        ['bias', bias],
      ],
      eps,
    ),
  forward(run, [x, weight, bias], plan) {
    const y = run.out(x.shape);
    const stats = run.out([plan.rows, 2]);
    run.launch('layerNorm', layerNormVariants, plan, 'forward', {
      buffers: { x, weight, bias, y, stats },
      params: { ...plan },
    });
    return { y, saved: { x, weight: run.needs[0] ? weight : null, stats } };
  },
  backward(run, dy, { x, weight, stats }, plan) {
    const dx = run.needs[0] ? run.out(x.shape) : null;
    if (dx)
      run.launch('layerNorm', layerNormVariants, plan, 'backward', {
        buffers: { x, weight: weight!, stats_saved: stats, dy, dx },
        params: { ...plan },
      });
    const [dweight, dbias] = run.needs[1] || run.needs[2] ? columnGradients(run, 'layer', plan, { x, stats, dy }) : [];
    return [dx, run.needs[1] ? dweight! : null, run.needs[2] ? dbias! : null];
  },
});

/**
 * y = (x - mean) / √(var + eps) · weight + bias, mean and (biased) variance over the last axis.
 * @param x float[..., C]
 * @param weight float[C]
 * @param bias float[C]
 * @returns float[..., C]
 * Saves x and two numbers a row. Kernels: kernels/rows. Throws ShapeError when weight or bias is not [C]. Source: Ba et
 * al. 2016.
 */
export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, options: { eps?: number } = {}): Tensor =>
  op([x, weight, bias], { eps: requireOptions('layerNorm', options, ['eps']).eps ?? 1e-5 });
