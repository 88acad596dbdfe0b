/** @file Strided copies: views made dense, and dense gradients put back into a view's place. */
import { copy as kernel } from '@curio/kernels/copy';
import { ShapeError } from '../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import { collapse, denseStrides, showShape } from './shape.ts';
import { Tensor, empty, setDenseCopy } from './tensor.ts';

const MAX_RANK = 6;

/** `x` itself when it is dense, else a dense copy, which is counted in `gpu.copies` under `name`; no gradient is recorded. */
export const contiguous = (name: string, x: Tensor): Tensor => (x.isDense ? x : countedCopy(name, x));

/** `x` itself when it is dense and starts on the binding grid, else a dense copy, which is counted in `gpu.copies` under `name`. */
export const aligned = (name: string, x: Tensor): Tensor => (x.isDense && x.bindingOffset === 0 ? x : countedCopy(name, x));

/** A copy because a layout did not fit: `gpu.copies` says who needed it. */
export function countedCopy(name: string, x: Tensor): Tensor {
  x.gpu.copies.set(name, (x.gpu.copies.get(name) ?? 0) + 1);
  return copyOf(x, name);
}

/** A dense copy that starts on the binding grid. */
export function copyOf(x: Tensor, name?: string): Tensor {
  const y = empty(x.gpu, x.shape, x.dtype);
  run('gather', x, x, y, name);
  return y;
}

/** Writes the dense `values` into the elements that `view` sees; they lie in different storages. */
export const copyInto = (view: Tensor, values: Tensor): void => run('scatter', view, values, view);

function run(entry: 'gather' | 'scatter', view: Tensor, x: Tensor, y: Tensor, op?: string): void {
  if (view.size === 0) return;
  const { shape, strides } = collapse(view.shape, [view.strides]);
  if (shape.length > MAX_RANK) throw new ShapeError(`copy: a view of shape ${showShape(view.shape)} has ${shape.length} separate axes; at most ${MAX_RANK} are supported.`);
  const sizes = [...new Array<number>(MAX_RANK - shape.length).fill(1), ...shape];
  const steps = [...new Array<number>(MAX_RANK - shape.length).fill(0), ...strides[0]!];
  const params: Record<string, number> = { size: view.size, x_offset: x.bindingOffset, y_offset: y.bindingOffset };
  for (let i = 0; i < MAX_RANK; i++) params[`stride${i}`] = steps[i]!;
  const inner = denseStrides(sizes);
  for (let i = 0; i < MAX_RANK - 1; i++) params[`inner${i}`] = inner[i]!;
  view.gpu.dispatch(kernel, entry, { buffers: { x: x.binding, y: y.binding }, params, grid: lineGrid(ceilDiv(view.size, 64)), op });
}

setDenseCopy((x) => copyOf(x));
