/**
 * @file The reduction that sum, mean, max, min and the gradients of broadcasting share. Records kernels only; no tape.
 */
import { reduceColumns } from '@curio/kernels/reduce_columns';
import { reduceColumnsShared } from '@curio/kernels/reduce_columns_shared';
import { reduceRows } from '@curio/kernels/reduce_rows';
import { reduceRowsShared } from '@curio/kernels/reduce_rows_shared';
import { reduceRowsSubgroup } from '@curio/kernels/reduce_rows_subgroup';
import type { Gpu } from '../../gpu/gpu.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { choose, launch } from '../../gpu/kernel/choose.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice, Params, Variant } from '../../gpu/kernel/variant.ts';
import { accumulate } from '../../tensor/accumulate.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { type Tensor, empty, full } from '../../tensor/tensor.ts';
import { workgroupRows } from './row-variant.ts';

export type Reduction = 'SUM' | 'MAX' | 'MIN';

/** `[outer, n, inner]`, of which the middle axis is reduced in `segments` parts of `chunk` elements. */
interface Plan {
  op: Reduction;
  outer: number;
  n: number;
  inner: number;
  segments: number;
  chunk: number;
}

interface ReduceVariant extends Variant<Plan> {
  /** Adds to y where params.add is not 0. */
  readonly adds?: boolean;
}

const rowItems = ({ outer, segments }: Plan): number => outer * segments;

const sharedRows = workgroupRows<Plan>(reduceRowsShared, (plan) => ({
  rows: rowItems(plan),
  cols: plan.n,
  length: plan.chunk,
}));

/** Kernels that reduce the last axis, the preferred first. */
export const reduceRowsVariants: Readonly<Record<string, ReduceVariant>> = {
  shared: {
    ...sharedRows,
    adds: true,
    tuning: (gpu, plan, entry) => ({
      ...sharedRows.tuning!(gpu, plan, entry),
      OP: plan.op,
      U: plan.n % 4 === 0 ? 'vec4<u32>' : 'u32',
    }),
  },
  subgroup: {
    kernel: reduceRowsSubgroup,
    adds: true,
    fits: (gpu, { n, chunk }) => fixedSubgroupSize(gpu) > 0 && n % 4 === 0 && chunk % 4 === 0,
    pays: (gpu, { n }) => n >= 4 * fixedSubgroupSize(gpu),
    tuning: (gpu, { op }) => ({ OP: op, SG: `${fixedSubgroupSize(gpu)}u` }),
    grid: (gpu, plan) => lineGrid(ceilDiv(rowItems(plan), 64 / fixedSubgroupSize(gpu))),
  },
  lane: {
    kernel: reduceRows,
    adds: true,
    tuning: (_, { op }) => ({ OP: op }),
    grid: (_, plan) => lineGrid(ceilDiv(rowItems(plan), 64)),
  },
};

const columnItems = ({ outer, segments, inner }: Plan, width: number): number => (outer * segments * inner) / width;

/** Lanes of a workgroup of reduce/columns_shared, side by side for many columns and for few. */
const [WORKGROUP, WIDE, NARROW] = [256, 32, 8];
/** Rows that a lane of the narrow shape sums at most. */
const MOST_ROWS = 32;
const widthOf = ({ inner }: Plan): number => (inner % 4 === 0 ? 4 : 1);

/** Kernels that reduce a middle axis, the preferred first. */
export const reduceColumnsVariants: Readonly<Record<string, ReduceVariant>> = {
  shared: {
    kernel: reduceColumnsShared,
    adds: true,
    pays: (gpu) => gpu.adapter.costs.barriers === 'low',
    tuning: (gpu, plan) => ({
      OP: plan.op,
      ...(widthOf(plan) === 4 ? { T: 'vec4<f32>', U: 'vec4<u32>' } : { T: 'f32', U: 'u32' }),
      ...(isNarrow(gpu, plan) && { ACROSS: `${NARROW}u` }),
    }),
    params: (params, plan) => ({ ...params, cols: params.cols! / widthOf(plan) }),
    grid: (_, plan, __, tuning) =>
      lineGrid(
        rowItems(plan) * ceilDiv(plan.inner / widthOf(plan), tuned({ ACROSS: `${WIDE}u`, ...tuning }, 'ACROSS')),
      ),
  },
  vec4s: {
    kernel: reduceColumns,
    adds: true,
    fits: (_, { inner }) => inner % 4 === 0,
    tuning: (_, { op }) => ({ OP: op, T: 'vec4<f32>', U: 'vec4<u32>' }),
    params: (params) => ({ ...params, cols: params.cols! / 4 }),
    grid: (_, plan) => lineGrid(ceilDiv(columnItems(plan, 4), 64)),
  },
  single: {
    kernel: reduceColumns,
    adds: true,
    tuning: (_, { op }) => ({ OP: op, T: 'f32', U: 'u32' }),
    grid: (_, plan) => lineGrid(ceilDiv(columnItems(plan, 1), 64)),
  },
};

/**
 * The dense `x` seen as `[outer, n, inner]`, reduced over the middle axis and multiplied by `scale`; the result has
 * `shape`. A sum may be added to `into`, which is then returned; else the result may be written to `out`. Both are
 * dense and begin at the start of a binding.
 */
export function reduceMiddle(
  op: Reduction,
  x: Tensor,
  {
    outer,
    n,
    inner,
    shape,
    scale = 1,
    into = null,
    out,
  }: {
    readonly outer: number;
    readonly n: number;
    readonly inner: number;
    readonly shape: Shape;
    readonly scale?: number;
    readonly into?: Tensor | null;
    readonly out?: Tensor;
  },
): Tensor {
  const { gpu } = x;
  if (n === 0 && into) return into;
  if (n === 0) return full(gpu, shape, op === 'SUM' ? 0 * scale : op === 'MAX' ? -Infinity : Infinity);
  const whole = { op, outer, n, inner, segments: 1, chunk: n };
  const segments = segmentsFor(gpu, whole);
  if (segments === 1) return pass(whole, x, { shape, scale, into, out });
  const chunk = 4 * ceilDiv(ceilDiv(n, segments), 4);
  const parts = ceilDiv(n, chunk);
  const partial = pass({ ...whole, segments: parts, chunk }, x, { shape: [outer, parts, inner] });
  return pass({ op, outer, n: parts, inner, segments: 1, chunk: parts }, partial, { shape, scale, into, out });
}

/** Enough independent parts to fill a device, none shorter than is worth a lane. */
function segmentsFor(gpu: Gpu, plan: Plan): number {
  return isNarrow(gpu, plan) ? 1 : partsFor(gpu, plan);
}

function partsFor(gpu: KernelDevice, { outer, n, inner }: Plan): number {
  const { lanes, barriers } = gpu.adapter.costs;
  const together = barriers === 'low' ? WORKGROUP / WIDE : 1;
  const [wanted, least] = inner === 1 ? [1024 / outer, n / 1024] : [lanes / (outer * inner * together), n / 32];
  return Math.max(1, Math.floor(Math.min(wanted, least)));
}

/**
 * Whether few columns are summed by many lanes each, instead of in parts: a second dispatch takes longer than the rows
 * that they wait for.
 */
const isNarrow = (gpu: KernelDevice, plan: Plan): boolean =>
  gpu.adapter.costs.barriers === 'low' &&
  plan.inner > 1 &&
  plan.segments === 1 &&
  plan.n <= (MOST_ROWS * WORKGROUP) / NARROW &&
  partsFor(gpu, plan) > 1;

function pass(
  plan: Plan,
  x: Tensor,
  {
    shape,
    scale = 1,
    into = null,
    out,
  }: {
    readonly shape: Shape;
    readonly scale?: number;
    readonly into?: Tensor | null;
    readonly out?: Tensor;
  },
): Tensor {
  const { gpu } = x;
  const { outer, n, inner, segments, chunk } = plan;
  const [family, table] =
    inner === 1 ? (['reduceRows', reduceRowsVariants] as const) : (['reduceColumns', reduceColumnsVariants] as const);
  const adds = into !== null && choose(gpu, family, 'reduce', table, plan).adds === true;
  const y = adds ? into : (out ?? empty(gpu, shape));
  const sizes: Params = inner === 1 ? { rows: outer, cols: n } : { outer, rows: n, cols: inner };
  launch(gpu, family, table, plan, 'reduce', {
    buffers: { x: x.binding, y: y.binding },
    params: { ...sizes, segments, chunk, scale, add: adds ? 1 : 0 },
    op: plan.op.toLowerCase(),
  });
  if (!into || adds) return y;
  accumulate(into, y);
  return into;
}

/**
 * Runs of adjacent axes that are reduced together: `[first, end)`, from the last to the first so that indices stay
 * valid.
 */
export function runsOf(axes: readonly number[]): [first: number, end: number][] {
  const runs: [number, number][] = [];
  for (const axis of [...axes].sort((a, b) => b - a)) {
    const run = runs.at(-1);
    if (run && run[0] === axis + 1) run[0] = axis;
    else runs.push([axis, axis + 1]);
  }
  return runs;
}

/** `[outer, n, inner]` around the axes `[first, end)`. */
export const around = (shape: Shape, [first, end]: readonly [number, number]): [number, number, number] => [
  sizeOf(shape.slice(0, first)),
  sizeOf(shape.slice(first, end)),
  sizeOf(shape.slice(end)),
];
