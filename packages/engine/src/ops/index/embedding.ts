import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { shardsOf } from '../parts/shards.ts';
import { add, mul } from '../elementwise/binary.ts';
import { cast } from '../cast/cast.ts';
import { rowsOp } from './index-select.ts';
import { affine } from '../elementwise/unary.ts';
import { reshape } from '../layout/views.ts';

const op = rowsOp('embedding', [0]);

/**
 * Rows of a table: y[..., :] = table[ids[...], :]. An id out of range is refused where the host knows it, and gives
 * zeros where only the device does.
 * @param ids i32[...]
 * @param table float[V, C], or frozen in a packed storage (f16, bf16, int8, int4, nf4), of which only the chosen rows
 * are read; or several, whose rows follow each other
 * @returns float[..., C]
 * The gradient of the table is summed in a fixed order, without atomics. Saves ids. Kernels: kernels/index.
 * Throws DTypeError unless the ids are i32, ShapeError unless a table has two axes and all have as many columns, or for
 * an id out of range; DTypeError where a packed table is to be trained.
 */
export function embedding(ids: Tensor, table: Tensor | readonly Tensor[]): Tensor {
  const tables = Array.isArray(table) ? (table as readonly Tensor[]) : [table as Tensor];
  requireTensors('embedding', ids, ...tables);
  if (ids.dtype !== 'i32') throw new DTypeError(`embedding: the ids are ${ids.dtype}; they must be i32.`);
  const cols = tables[0]?.shape[1];
  const other = tables.find(({ shape }) => shape.length !== 2 || shape[1] !== cols);
  if (other || tables.length === 0)
    throw new ShapeError(
      `embedding: the table is ${other ? showShape(other.shape) : 'an empty list'}; it must be [V, ${other?.shape.length === 2 ? cols : 'C'}].`,
    );
  let count = 0;
  const parts = tables.flatMap((each) => {
    const first = count;
    count += each.shape[0]!;
    return (shardsOf(each) ?? [{ rows: each, start: 0 }]).map(({ rows, start }) => ({ rows, start: first + start }));
  });
  requireIndices('embedding', 'id', ids, { low: 0, high: count - 1 });
  // An id of another part is out of range and gives zeros. Integers below 2²⁴ are exact in f32.
  const flat = reshape(ids, [ids.size]);
  const shifted = (start: number): Tensor => cast(affine(cast(flat, 'f32'), 1, -start), 'i32');
  return reshape(
    parts
      .map(({ rows, start }) => {
        const part = op([rows, start === 0 ? flat : shifted(start)]);
        return rows.quantisation?.columns ? mul(part, rows.quantisation.columns) : part;
      })
      .reduce((sum, part) => add(sum, part)),
    [...ids.shape, cols!],
  );
}
