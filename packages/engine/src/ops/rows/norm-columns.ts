/** @file The gradients of a norm's weight and bias: sums over the rows, in two passes. */
import { rowsNormColumns } from '@curio/kernels/rows_norm_columns';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { Run } from '../../tensor/op.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** Rows that one lane sums in the first pass. */
const ROWS = 64;

/** `[dweight]` or `[dweight, dbias]`, each float[cols]. */
export function columnGradients(
  run: Run,
  entry: 'layer_partial' | 'rms_partial',
  { rows, cols }: { rows: number; cols: number },
  buffers: { x: Tensor; stats: Tensor; dy: Tensor },
): Tensor[] {
  const parts = entry === 'layer_partial' ? 2 : 1;
  const width = parts * cols;
  const rowsPerChunk = Math.max(ROWS, ceilDiv(rows, 1024));
  const chunks = ceilDiv(rows, rowsPerChunk);
  const params = { rows, cols, width, chunks, rows_per_chunk: rowsPerChunk };
  const partial = run.out([chunks, width]);
  run.dispatch(rowsNormColumns, entry, {
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
