/** @file A packed tensor as f32. Records kernels only; no tape. */
import { castUnpack } from '@curio/kernels/cast_unpack';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Run } from '../../tensor/op.ts';
import type { Quantisation, Tensor } from '../../tensor/tensor.ts';
import { unpackScales } from './nested-scales.ts';
import type { WeightFormat } from './weight-format.ts';

const WG = 64;

/** The values of f16, bf16, int8, int4 or nf4 as f32, in the same shape. */
export function unpackWeight(
  run: Run,
  x: Tensor,
  FORMAT: WeightFormat,
  kind: Quantisation | null = x.quantisation,
): Tensor {
  const y = run.out(x.shape);
  const rest = { tuning: { FORMAT }, grid: lineGrid(ceilDiv(x.size, 8 * WG)) };
  if (!kind) {
    run.dispatch(castUnpack, 'plain', { buffers: { x, y }, params: { size: x.size, group: 0 }, ...rest });
    return y;
  }
  const params = { size: x.size, group: kind.groupSize };
  const { scales, zeros, blocks } = kind;
  if (blocks)
    run.gpu.scope(() => {
      const each = unpackScales(run, scales, blocks);
      run.dispatch(castUnpack, 'scaled', { buffers: { x, y, scales: each }, params, ...rest });
    });
  else if (zeros) run.dispatch(castUnpack, 'shifted', { buffers: { x, y, scales, zeros }, params, ...rest });
  else run.dispatch(castUnpack, 'scaled', { buffers: { x, y, scales }, params, ...rest });
  return y;
}
