/** @file Scales of quantised weights in 8 bits, by blocks of 256. Records kernels only; no tape. */
import { castScales } from '@curio/kernels/cast_scales';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { boundOf } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** Scales that share a least value and a step. */
export const SCALE_BLOCK = 256;
const WG = 64;

/** Whether the scales of rows of `cols` can be packed: 64 rows, the least shard, must hold whole blocks. */
export const canNest = (cols: number, groupSize: number): boolean => (64 * (cols / groupSize)) % SCALE_BLOCK === 0;

export interface PackedScales {
  /** int8, as many as there are scales. */
  readonly scales: Tensor;
  /** float[ceil(scales / 256), 2] */
  readonly blocks: Tensor;
}

/** f32 scales as int8, with least value and step of each block, in tensors that `make` makes. */
export function packScales(scales: Tensor, make: (shape: Shape, dtype: DType) => Tensor): PackedScales {
  const { gpu, size, shape } = scales;
  const count = ceilDiv(size, SCALE_BLOCK);
  const packed = { scales: make(shape, 'int8'), blocks: make([count, 2], 'f32') };
  gpu.dispatch(castScales, 'pack', {
    op: 'cast',
    buffers: boundOf({ scales, words: packed.scales, blocks: packed.blocks }),
    params: { size, block_offset: 0 },
    grid: lineGrid(ceilDiv(count, WG)),
  });
  return packed;
}

/** Packed scales as f32. */
export function unpackScales(run: Run, scales: Tensor, blocks: Tensor): Tensor {
  const y = run.out(scales.shape);
  run.dispatch(castScales, 'unpack', {
    buffers: { words_saved: scales, blocks_saved: blocks, y },
    params: { size: scales.size, block_offset: blocks.bindingOffset / 2 },
    grid: lineGrid(ceilDiv(scales.size, 4 * WG)),
  });
  return y;
}
