import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { shardsOf } from '../parts/shards.ts';
import { add } from '../elementwise/binary.ts';
import { cast } from '../cast/cast.ts';
import { rowsOp } from './index-select.ts';
import { affine } from '../elementwise/unary.ts';
import { reshape } from '../layout/views.ts';

const op = rowsOp('embedding', [0]);

/**
 * Rows of a table: y[..., :] = table[ids[...], :]; an id out of range gives zeros.
 * @param ids i32[...]
 * @param table float[V, C], or frozen in a packed storage (f16, bf16, int8, int4, nf4), of which only the chosen rows
 * are read
 * @returns float[..., C]
 * The gradient of the table is summed in a fixed order, without atomics. Saves ids. Kernel: kernels/index/select.wgsl.
 * Throws DTypeError unless the ids are i32, ShapeError unless the table has two axes; DTypeError where a packed table
 * is to be trained.
 */
export function embedding(ids: Tensor, table: Tensor): Tensor {
  requireTensors('embedding', ids, table);
  if (ids.dtype !== 'i32') throw new DTypeError(`embedding: the ids are ${ids.dtype}; they must be i32.`);
  if (table.shape.length !== 2)
    throw new ShapeError(`embedding: the table is ${showShape(table.shape)}; it must be [V, C].`);
  const flat = reshape(ids, [ids.size]);
  // An id of another shard is out of range and gives zeros. Integers below 2²⁴ are exact in f32.
  const shifted = (start: number): Tensor => (start === 0 ? flat : cast(affine(cast(flat, 'f32'), 1, -start), 'i32'));
  const parts = shardsOf(table)?.map(({ rows, start }) => op([rows, shifted(start)])) ?? [op([table, flat])];
  return reshape(
    parts.reduce((sum, part) => add(sum, part)),
    [...ids.shape, table.shape[1]!],
  );
}
