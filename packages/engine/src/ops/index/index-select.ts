import { indexSelect as selectKernel } from '@curio/kernels/index_select';
import { indexSelectRows } from '@curio/kernels/index_select_rows';
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { rowGrid } from '../../gpu/kernel/line.ts';
import { tuned } from '../../gpu/kernel/variant.ts';
import type { Family } from '../../gpu/kernel/variant.ts';
import { defineOp } from '../../tensor/op.ts';
import { isPacked } from '../../tensor/dtype.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { permute, reshape } from '../layout/views.ts';
import { formatOf, groupSizeOf, withScales } from '../parts/weight-format.ts';
import type { WeightFormat } from '../parts/weight-format.ts';
import { requireFloat } from '../parts/broadcast.ts';

interface Plan {
  readonly rows: number;
  readonly cols: number;
  readonly table: number;
  readonly vec4s: number;
  readonly group: number;
  readonly format: WeightFormat;
}

const WG = 64;

/** Rows that a pass goes through: collect writes the table. */
const rowsOf = (plan: Plan, entry: string): number => (entry === 'gather' ? plan.rows : plan.table);

/** Kernels of the family `select`, the preferred first. */
export const selectVariants: Family<Plan> = {
  rows: {
    kernel: indexSelectRows,
    fits: (_, { cols, table, format }) => format === 'F32' && cols % 4 === 0 && table > 0,
    pays: ({ adapter }) => adapter.costs.subgroupStart === 'high',
    tuning: () => ({ STEPS: '32u', ROWS: '4u' }),
    free: { STEPS: () => null, ROWS: () => null },
    grid: (_, plan, entry, tuning) =>
      entry === 'find'
        ? [1, 1, 1]
        : rowGrid(ceilDiv(rowsOf(plan, entry), tuned(tuning, 'ROWS')), plan.vec4s, tuned(tuning, 'STEPS'), WG),
  },
  naive: {
    kernel: selectKernel,
    tuning: (_, { format }) => ({ FORMAT: format }),
    grid: (_, plan, entry) => lineGrid(ceilDiv(entry === 'find' ? plan.table : rowsOf(plan, entry) * plan.vec4s, WG)),
  },
};

const paramsOf = ({ format: _, ...params }: Plan): Omit<Plan, 'format'> => params;

/** Rows of a table [N, C] by index, as the op `name`; input 0 may be packed where `packed` says so. */
export const rowsOp = (name: string, packed: readonly number[] = []) =>
  defineOp({
    name,
    packed,
    plan([x, index]: readonly [Tensor, Tensor], _: undefined): Plan {
      if (!isPacked(x.dtype)) requireFloat(name, x);
      if (index.dtype !== 'i32') throw new DTypeError(`${name}: the index is ${index.dtype}; it must be i32.`);
      if (index.shape.length !== 1)
        throw new ShapeError(`${name}: the index is ${showShape(index.shape)}; it must have one axis.`);
      const [table, cols] = x.shape as [number, number];
      const format = formatOf(name, x);
      return { rows: index.size, cols, table, vec4s: ceilDiv(cols, 4), group: groupSizeOf(x), format };
    },
    forward(run, [x, index], plan) {
      const y = run.out([plan.rows, plan.cols]);
      withScales(run, x, x, (scales) =>
        run.launch('select', selectVariants, plan, 'gather', {
          buffers: { x, index, y, ...scales },
          params: paramsOf(plan),
        }),
      );
      return { y, saved: { index } };
    },
    backward(run, dy, { index }, plan) {
      const found = run.out([plan.table, 2], 'u32');
      const dx = run.out([plan.table, plan.cols]);
      const params = paramsOf(plan);
      run.launch('select', selectVariants, plan, 'find', { buffers: { index, found }, params });
      run.launch('select', selectVariants, plan, 'collect', { buffers: { index, known: found, dy, dx }, params });
      return [dx, null];
    },
  });

const op = rowsOp('indexSelect');

/**
 * Slices of `x` along `axis` in the order of `index`. An index out of range is refused where the host knows it, and
 * gives zeros where only the device does.
 * @param x float[...]
 * @param index i32[N]
 * @returns float[...] with N along `axis`
 * The gradient sums slices chosen several times, in a fixed order and without atomics. Saves index. Kernels:
 * kernels/index.
 * Throws DTypeError unless x is f32 and the index i32, ShapeError unless it has one axis, or for an index out of range.
 */
export function indexSelect(x: Tensor, index: Tensor, options: { readonly axis: number }): Tensor {
  requireTensors('indexSelect', x, index);
  requireOptions('indexSelect', options, ['axis']);
  const k = resolveAxis('indexSelect', options.axis, x.shape.length);
  requireIndices('indexSelect', 'index', index, { low: 0, high: x.shape[k]! - 1 });
  const others = x.shape.map((_, i) => i).filter((i) => i !== k);
  const first = k === 0 ? x : permute(x, [k, ...others]);
  const rest = others.map((i) => x.shape[i]!);
  const chosen = reshape(op([reshape(first, [x.shape[k]!, rest.reduce((a, b) => a * b, 1)]), index]), [
    index.size,
    ...rest,
  ]);
  if (k === 0) return chosen;
  const order = x.shape.map((_, i) => (i === k ? 0 : others.indexOf(i) + 1));
  return permute(chosen, order);
}
