import { DTypeError, ShapeError } from '../gpu/errors.ts';
import { showShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { indexSelect } from './index-select.ts';
import { reshape } from './views.ts';

/**
 * Rows of a table: y[..., :] = table[ids[...], :]; an id out of range gives zeros.
 * @param ids i32[...]
 * @param table float[V, C]
 * @returns float[..., C]
 * The gradient of the table is summed in a fixed order, without atomics. Saves ids. Kernel: kernels/rows/select.wgsl.
 * Throws DTypeError unless the ids are i32, ShapeError unless the table has two axes.
 */
export function embedding(ids: Tensor, table: Tensor): Tensor {
  if (ids.dtype !== 'i32') throw new DTypeError(`embedding: the ids are ${ids.dtype}; they must be i32.`);
  if (table.shape.length !== 2) throw new ShapeError(`embedding: the table is ${showShape(table.shape)}; it must be [V, C].`);
  return reshape(indexSelect(table, 0, reshape(ids, [ids.size])), [...ids.shape, table.shape[1]!]);
}
