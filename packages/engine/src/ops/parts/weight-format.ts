/**
 * @file How kernels read a weight that may be packed: its format, its scales. The formats stand in
 * kernels/lib/load_weight.wgsl.
 */
import { DTypeError } from '../../gpu/errors.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Run } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { unpackScales } from './nested-scales.ts';

/** The tunable FORMAT of kernels that read weights. */
export type WeightFormat = 'F32' | 'F16' | 'BF16' | 'INT8' | 'INT4' | 'INT4_ZEROS' | 'NF4';

const IS_QUANTISED: Readonly<Record<string, boolean>> = { int8: true, int4: true, nf4: true };

/** The format of a weight. Throws DTypeError when a quantised one has lost its scales, as a view does. */
export function formatOf(where: string, { dtype, shape, quantisation }: Tensor): WeightFormat {
  if (IS_QUANTISED[dtype] && !quantisation)
    throw new DTypeError(
      `${where}: the ${dtype} tensor of shape ${showShape(shape)} has no scales; use the tensor that cast returned, not a view of it.`,
    );
  if (dtype === 'int4' && quantisation!.zeros) return 'INT4_ZEROS';
  return dtype === 'f16' || dtype === 'bf16' || IS_QUANTISED[dtype] ? (dtype.toUpperCase() as WeightFormat) : 'F32';
}

/**
 * Gives `use` what to bind as a weight's scales and zeros: where it has none the kernel never reads them, and another
 * buffer stands in. Scales that are quantised themselves are there as f32 until `use` returns.
 */
export function withScales(
  run: Run,
  weight: Tensor,
  standIn: Tensor,
  use: (bound: { readonly scales: Tensor; readonly zeros: Tensor }) => void,
): void {
  const { quantisation } = weight;
  if (quantisation?.blocks)
    run.gpu.scope(() => use({ scales: unpackScales(run, quantisation.scales, quantisation.blocks!), zeros: standIn }));
  else use({ scales: quantisation?.scales ?? standIn, zeros: quantisation?.zeros ?? standIn });
}

/** Neighbours along the last axis that share a scale; 0 without scales. */
export const groupSizeOf = (weight: Tensor): number => weight.quantisation?.groupSize ?? 0;
