/** @file Strided copies: views made dense, and dense gradients put back into a view's place. */
import { tensorCopyAxes } from '@curio/kernels/tensor_copy_axes';
import { tensorCopyElements } from '@curio/kernels/tensor_copy_elements';
import { tensorCopyRows } from '@curio/kernels/tensor_copy_rows';
import { tensorCopyTransposed } from '@curio/kernels/tensor_copy_transposed';
import { ceilDiv, lineGrid } from '../gpu/kernel/grid.ts';
import type { Binding } from '../gpu/memory/block.ts';
import { rowGrid } from '../gpu/kernel/line.ts';
import { launch } from '../gpu/kernel/choose.ts';
import { tuned } from '../gpu/kernel/variant.ts';
import type { Family, Variant } from '../gpu/kernel/variant.ts';
import { collapse, denseStrides, sizeOf } from './shape.ts';
import type { Shape } from './shape.ts';
import { type Tensor, empty, setDenseCopy, tensor } from './tensor.ts';

/** Axes whose sizes and strides the params of a kernel have room for. */
const MAX_RANK = 6;
const WG = 64;

/**
 * `x` itself when it is dense, else a dense copy, which is counted in `gpu.probe.copies` under `name`; no gradient is
 * recorded.
 */
export const contiguous = (name: string, x: Tensor): Tensor => (x.isDense ? x : countedCopy(name, x));

/**
 * `x` itself when it is dense and starts on the binding grid, else a dense copy, which is counted in `gpu.probe.copies`
 * under `name`.
 */
export const aligned = (name: string, x: Tensor): Tensor =>
  x.isDense && x.bindingOffset === 0 ? x : countedCopy(name, x);

/** A copy because a layout did not fit; `gpu.probe.copies` counts it by op. */
export function countedCopy(name: string, x: Tensor): Tensor {
  x.gpu.probe.copies.set(name, (x.gpu.probe.copies.get(name) ?? 0) + 1);
  return copyOf(x, name);
}

/** A dense copy that starts on the binding grid. */
export function copyOf(x: Tensor, name?: string): Tensor {
  const y = empty(x.gpu, x.shape, x.dtype);
  run('gather', x, x, y, name);
  return y;
}

/** Writes the dense `values` into the elements of `view`, which is in another storage. */
export const copyInto = (view: Tensor, values: Tensor, name?: string): void => run('scatter', view, values, view, name);

/**
 * Copies a dense tensor into another of its size with a copy command. It ends a pass, but a software adapter starts a
 * dispatch more slowly than it copies a matrix of 64 KiB.
 */
export function copyDense(to: Tensor, from: Tensor): void {
  const placeOf = ({ storage, offset, size }: Tensor): Binding => ({
    block: storage.block,
    offset: 4 * offset,
    bytes: 4 * size,
  });
  to.gpu.stream.copy(placeOf(from), placeOf(to), 4 * from.size);
}

/** A view with its axes collapsed, and where it and its dense copy begin. */
interface CopyPlan {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offsets: readonly [x: number, y: number];
}

const outer = (shape: Shape): Shape => shape.slice(0, -1);

/** 4 where every row of the view consists of contiguous vec4s. */
function widthOf({ shape, strides, offsets }: CopyPlan): 1 | 4 {
  return strides.at(-1) === 1 && [shape.at(-1)!, ...outer(strides), ...offsets].every((n) => n % 4 === 0) ? 4 : 1;
}

/** Eight lanes walk a row, and a workgroup has eight rows. */
const LANES = 8;
const LENGTHS = [1024, 512, 256, 128, 64];

/** A few long rows cut into shorter ones, so that all lanes have some. */
function cut({ shape, strides, offsets }: CopyPlan): CopyPlan {
  const [n, step] = [shape.at(-1)!, strides.at(-1)!];
  const part = LENGTHS.find((length) => n > length && n % length === 0);
  if (!part || sizeOf(outer(shape)) >= 64 || shape.length === MAX_RANK) return { shape, strides, offsets };
  return { shape: [...outer(shape), n / part, part], strides: [...outer(strides), step * part, step], offsets };
}

/** Rows that eight lanes take one after the other, which divide for the first alone. */
const rowsEach = (count: number): string => (count >= 4096 ? '16u' : count >= 256 ? '4u' : '1u');

const rows: Variant<CopyPlan> = {
  kernel: tensorCopyRows,
  fits: ({ adapter }, { shape }) => shape.at(-1)! <= LANES * adapter.limits.maxComputeWorkgroupsPerDimension!,
  pays: (_, { shape }) => shape.at(-1)! >= LANES && sizeOf(outer(shape)) >= WG / LANES,
  tuning: ({ adapter }, plan) => ({
    T: widthOf(plan) === 4 ? 'vec4<u32>' : 'u32',
    AXES: `${Math.max(1, plan.shape.length - 1)}u`,
    STEPS: adapter.costs.subgroupStart === 'high' ? '32u' : '1u',
    ROWS: adapter.costs.subgroupStart === 'high' ? rowsEach(sizeOf(outer(plan.shape))) : '1u',
  }),
  free: { STEPS: () => null, ROWS: () => null },
  params: (_, plan) => rowParams(plan),
  grid: (_, plan, __, tuning) =>
    rowGrid(
      ceilDiv(sizeOf(outer(plan.shape)), tuned(tuning, 'ROWS')),
      plan.shape.at(-1)! / widthOf(plan),
      tuned(tuning, 'STEPS'),
      WG,
    ),
};

function rowParams(plan: CopyPlan): Record<string, number> {
  const {
    shape,
    strides,
    offsets: [x, y],
  } = plan;
  const [axes, width] = [shape.length - 1, widthOf(plan)];
  const params: Record<string, number> = {
    rows: sizeOf(outer(shape)),
    cols: shape[axes]! / width,
    step: strides[axes]!,
    x_offset: x / width,
    y_offset: y / width,
  };
  for (let k = 0; k < MAX_RANK - 1; k++) params[`stride${k}`] = k < axes ? strides[k]! / width : 0;
  for (let k = 1; k < MAX_RANK - 1; k++) params[`size${k}`] = k < axes ? shape[k]! : 1;
  return params;
}

const elements: Variant<CopyPlan> = {
  kernel: tensorCopyElements,
  params: (_, plan) => elementParams(plan),
  grid: (_, { shape }) => lineGrid(ceilDiv(sizeOf(shape), WG)),
};

function elementParams({ shape, strides, offsets: [x, y] }: CopyPlan): Record<string, number> {
  const missing = MAX_RANK - shape.length;
  const [steps, inner] = [
    [...new Array<number>(missing).fill(0), ...strides],
    denseStrides([...new Array<number>(missing).fill(1), ...shape]),
  ];
  const params: Record<string, number> = { size: sizeOf(shape), x_offset: x, y_offset: y };
  for (let k = 0; k < MAX_RANK; k++) params[`stride${k}`] = steps[k]!;
  for (let k = 0; k < MAX_RANK - 1; k++) params[`inner${k}`] = inner[k]!;
  return params;
}

/** A tile of tensor/copy_transposed, and the further axes that it handles. */
const [TILE, OTHER_AXES] = [{ rows: 32, cols: 64 }, 3];
/** With fewer rows or columns, most of a tile is empty. */
const FEWEST = 16;

/** The axis whose elements are adjacent in memory, if that is not the last one; else -1. */
const turnedAxis = ({ strides }: CopyPlan): number => (strides.at(-1) === 1 ? -1 : strides.lastIndexOf(1));

const transposed: Variant<CopyPlan> = {
  kernel: tensorCopyTransposed,
  fits: (_, plan) => turnedAxis(plan) >= 0 && plan.shape.length <= OTHER_AXES + 2,
  pays: ({ adapter }, plan) =>
    adapter.costs.barriers === 'low' && Math.min(plan.shape[turnedAxis(plan)]!, plan.shape.at(-1)!) >= FEWEST,
  params: (_, plan) => transposedParams(plan),
  grid(_, plan) {
    const [rows, cols] = [plan.shape[turnedAxis(plan)]!, plan.shape.at(-1)!];
    return lineGrid((sizeOf(plan.shape) / (rows * cols)) * ceilDiv(rows, TILE.rows) * ceilDiv(cols, TILE.cols));
  },
};

function transposedParams(plan: CopyPlan): Record<string, number> {
  const {
    shape,
    strides,
    offsets: [x_offset, y_offset],
  } = plan;
  const dense = denseStrides(shape);
  const [turned, last] = [turnedAxis(plan), shape.length - 1];
  const others = shape.map((_, k) => k).filter((k) => k !== turned && k !== last);
  const params: Record<string, number> = {
    outer: sizeOf(others.map((k) => shape[k]!)),
    rows: shape[turned]!,
    cols: shape[last]!,
    view_step: strides[last]!,
    dense_step: dense[turned]!,
    x_offset,
    y_offset,
  };
  for (let k = 0; k < OTHER_AXES; k++) {
    const axis = others[k - (OTHER_AXES - others.length)];
    params[`view${k}`] = axis === undefined ? 0 : strides[axis]!;
    params[`dense${k}`] = axis === undefined ? 0 : dense[axis]!;
    if (k > 0) params[`size${k}`] = axis === undefined ? 1 : shape[axis]!;
  }
  return params;
}

/** The family `copy`. The preferred variant first. */
export const copyVariants: Family<CopyPlan> = { transposed, rows, elements };

function run(entry: 'gather' | 'scatter', view: Tensor, x: Tensor, y: Tensor, op?: string): void {
  if (view.size === 0) return;
  const { gpu } = view;
  const { shape, strides } = collapse(view.shape, [view.strides]);
  const whole: CopyPlan = { shape, strides: strides[0]!, offsets: [x.bindingOffset, y.bindingOffset] };
  if (shape.length > MAX_RANK) return runAxes(entry, whole, x, y, op);
  const plan = cut(whole);
  launch(gpu, 'copy', copyVariants, plan, entry, { buffers: { x: x.binding, y: y.binding }, params: {}, op });
}

/** A view of more separate axes than the family takes. */
function runAxes(entry: string, { shape, strides, offsets }: CopyPlan, x: Tensor, y: Tensor, op?: string): void {
  const { gpu } = x;
  const size = sizeOf(shape);
  gpu.scope(() => {
    const walk = tensor(gpu, Uint32Array.from(shape.flatMap((n, k) => [n, strides[k]!])));
    gpu.dispatch(tensorCopyAxes, entry, {
      buffers: { x: x.binding, walk: walk.binding, y: y.binding },
      params: { size, axes: shape.length, x_offset: offsets[0], y_offset: offsets[1] },
      grid: lineGrid(ceilDiv(size, WG)),
      op,
    });
  });
}

setDenseCopy((x) => copyOf(x));
