/**
 * @file Weights larger than one binding: one buffer, bound shard by shard, whose rows are the weight's. Only the ops
 * that take weights know of shards: they process each and combine the results.
 */
import { Storage } from '../../gpu/memory/arena.ts';
import { byteLength, isPacked } from '../../tensor/dtype.ts';
import { denseStrides } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { SCALE_BLOCK } from './nested-scales.ts';

/** Shards begin at multiples of this many rows, and so of 256 bytes in every storage, scales included. */
const ROWS = 64;

export interface Shard {
  readonly rows: Tensor;
  /** The first of its rows in the whole. */
  readonly start: number;
}

/**
 * The shards of a weight [N, ...], or null where one binding holds it. Shards of a trained weight are leaves whose
 * gradients are parts of its gradient.
 */
export function shardsOf(weight: Tensor): Shard[] | null {
  const { gpu, dtype, shape, size } = weight;
  const limit = gpu.memory.bindingLimit;
  if (byteLength(dtype, size) <= limit || shape.length !== 2 || !weight.isDense) return null;
  const cols = shape[1]!;
  const rows = Math.max(ROWS, Math.floor(limit / byteLength(dtype, ROWS * cols)) * ROWS);
  if (weight.requiresGrad) weight.grad ??= zeroGradient(weight);
  return Array.from({ length: Math.ceil(shape[0]! / rows) }, (_, i) => ({
    start: i * rows,
    rows: bandOf(weight, i * rows, Math.min((i + 1) * rows, shape[0]!)),
  }));
}

function bandOf(weight: Tensor, start: number, end: number): Tensor {
  const view = (x: Tensor, cols: number): Tensor =>
    new Tensor(x.gpu, [end - start, cols], x.dtype, x.storage, {
      strides: denseStrides([end - start, cols]),
      offset: x.offset + start * cols,
    });
  const cols = weight.shape[1]!;
  const shard = view(weight, cols);
  if (weight.quantisation) {
    const { scales, zeros, groupSize, blocks, columns } = weight.quantisation;
    const first = (start * (cols / groupSize)) / SCALE_BLOCK;
    shard.quantisation = {
      scales: view(scales, cols / groupSize),
      zeros: zeros && view(zeros, cols / groupSize),
      groupSize,
      columns,
      blocks:
        blocks &&
        new Tensor(blocks.gpu, [blocks.shape[0]! - first, 2], 'f32', blocks.storage, {
          strides: [2, 1],
          offset: blocks.offset + 2 * first,
        }),
    };
  }
  shard.requiresGrad = weight.requiresGrad && !isPacked(weight.dtype);
  shard.grad = weight.grad && view(weight.grad, cols);
  return shard;
}

function zeroGradient(weight: Tensor): Tensor {
  const { gpu, shape } = weight;
  const bytes = byteLength('f32', weight.size);
  const storage = new Storage(gpu.memory.acquire(bytes, 'gradients'), gpu.memory);
  gpu.stream.clear({ block: storage.block, offset: 0, bytes }, bytes);
  return new Tensor(gpu, shape, 'f32', storage);
}
