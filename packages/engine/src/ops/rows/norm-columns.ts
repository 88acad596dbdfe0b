/** @file The gradients of a norm's weight and bias: sums over the rows. */
import { rowsNormColumns } from '@curio/kernels/rows_norm_columns';
import { rowsNormColumnsShared } from '@curio/kernels/rows_norm_columns_shared';
import { choose } from '../../gpu/kernel/choose.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { OpVariant, Run } from '../../tensor/op.ts';
import { Tensor } from '../../tensor/tensor.ts';

interface ColumnsPlan {
  readonly rows: number;
  readonly cols: number;
}

interface ColumnsVariant extends OpVariant<ColumnsPlan> {
  /** Rows that one lane sums in the first of two passes; one pass, which adds to what there is, without. */
  readonly rowsPerChunk?: (plan: ColumnsPlan) => number;
}

type Norm = 'layer' | 'rms';

/** Up to so many rows one pass takes less time than two. */
const FEW_ROWS = 1024;

/** Kernels of the family `normColumns`, the preferred first. */
export const normColumnsVariants: Readonly<Record<string, ColumnsVariant>> = {
  shared: {
    kernel: rowsNormColumnsShared,
    pays: (gpu, { rows }) => gpu.adapter.costs.barriers === 'low' && rows <= FEW_ROWS,
    grid: (_, { cols }) => lineGrid(ceilDiv(cols, 8)),
  },
  chunks: {
    kernel: rowsNormColumns,
    rowsPerChunk: ({ rows }) => Math.max(64, ceilDiv(rows, 1024)),
    grid: (_, { cols }) => [ceilDiv(cols, 64), 1, 1],
  },
};

/** The gradients of the weight and, of a layer norm, the bias: each float[cols], or the total that it was added to. */
export function columnGradients(
  run: Run,
  norm: Norm,
  { rows, cols }: ColumnsPlan,
  buffers: { x: Tensor; stats: Tensor; dy: Tensor },
): Tensor[] {
  const plan = { rows, cols };
  const chosen = choose<ColumnsVariant, ColumnsPlan>(run.gpu, 'normColumns', norm, normColumnsVariants, plan);
  if (chosen.rowsPerChunk) return inChunks(run, norm, plan, chosen.rowsPerChunk(plan), buffers);
  const totals = (norm === 'layer' ? [1, 2] : [1]).map((input) => run.total(input));
  const [dweight, dbias] = totals.map((total) => total ?? run.out([cols]));
  run.launchVariant(chosen, plan, norm, {
    buffers: { ...buffers, dweight: dweight!, ...(dbias && { dbias }) },
    params: { rows, cols, add: (totals[0] ? 1 : 0) + (totals[1] ? 2 : 0) },
  });
  return dbias ? [dweight!, dbias] : [dweight!];
}

function inChunks(
  run: Run,
  norm: Norm,
  { rows, cols }: ColumnsPlan,
  rowsPerChunk: number,
  buffers: { x: Tensor; stats: Tensor; dy: Tensor },
): Tensor[] {
  const parts = norm === 'layer' ? 2 : 1;
  const width = parts * cols;
  const chunks = ceilDiv(rows, rowsPerChunk);
  const params = { rows, cols, width, chunks, rows_per_chunk: rowsPerChunk };
  const partial = run.out([chunks, width]);
  run.dispatch(rowsNormColumns, `${norm}_partial`, {
    buffers: { ...buffers, partial },
    params,
    grid: [ceilDiv(cols, 64), chunks, 1],
  });
  const total = run.out([width]);
  run.dispatch(rowsNormColumns, 'finish', {
    buffers: { partial_done: partial, total },
    params,
    grid: [ceilDiv(width, 64), 1, 1],
  });
  return Array.from(
    { length: parts },
    (_, i) => new Tensor(run.gpu, [cols], 'f32', total.storage, { strides: [1], offset: i * cols }),
  );
}
