/** @file The kernels of attention and when each is chosen. */
import { attentionBackwardVec4 } from '@curio/kernels/attention_backward_vec4';
import { attentionBackwardShared } from '@curio/kernels/attention_backward_shared';
import { attentionBackwardSubgroup } from '@curio/kernels/attention_backward_subgroup';
import { attentionBackwardTexels } from '@curio/kernels/attention_backward_texels';
import { attentionForwardVec4 } from '@curio/kernels/attention_forward_vec4';
import { attentionForwardShared } from '@curio/kernels/attention_forward_shared';
import { attentionForwardSubgroup } from '@curio/kernels/attention_forward_subgroup';
import { attentionForwardTexels } from '@curio/kernels/attention_forward_texels';
import { attentionNaive } from '@curio/kernels/attention_naive';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice, Params, Variant } from '../../gpu/kernel/variant.ts';
import type { Binding } from '../../gpu/memory/block.ts';
import type { OpFamily, OpVariant, Run, Work } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { decodeVariants } from './decode.ts';
import { subgroupTuning, TILE_WIDTHS } from './plan.ts';
import { attentionBackwardOnMatrixUnits, attentionOnMatrixUnits } from './matrix-units.ts';
import type { AttentionPlan, BackwardVariant } from './plan.ts';
import { attentionProducts } from './products.ts';
import { toTexelSpan, readsTexels, rowTexels } from '../parts/texel-rows.ts';

const naive: Variant<AttentionPlan> = {
  kernel: attentionNaive,
  grid: (_, { batch, heads, group, tokens, keys }, entry) =>
    entry === 'backward_kv' ? [ceilDiv(keys, 64), (batch * heads) / group, 1] : [ceilDiv(tokens, 64), batch * heads, 1],
};

/** The tiled backward of a wider row takes tens of seconds to compile on a software adapter. */
const MAX_BACKWARD_WIDTH = 64;
/** Subgroup sizes that kernels/attention/*_subgroup are compiled for. */
const TILE_SUBGROUPS = [4, 8, 16];

function fitsSubgroupTile(gpu: KernelDevice, { inQuads, width, keys }: AttentionPlan): boolean {
  const size = fixedSubgroupSize(gpu);
  return (
    keys > 0 && inQuads && TILE_WIDTHS.includes(width) && TILE_SUBGROUPS.includes(size) && width % (4 * size) === 0
  );
}

/** A tile of one subgroup leaves a GPU idle. */
const tilesBySubgroup = (gpu: KernelDevice): boolean => gpu.adapter.costs.barriers === 'high';

/** The sizes of a tile of kernels/lib/attention_lanes.wgsl for rows of `d`. */
function laneTile(tuning: Tuning, d: number): { rows: number; columns: number; bytes: number } {
  const [lanes, lanesAcross, rowsALane, columnsALane] = ['LANES', 'LANES_ACROSS', 'ROWS_A_LANE', 'COLUMNS_A_LANE'].map(
    (name) => tuned(tuning, name),
  ) as [number, number, number, number];
  const across = Math.min(Math.max(lanesAcross, d / 8), d / 4);
  const rows = rowsALane * (lanes / across);
  const columns = columnsALane * across;
  const depth = Math.min(32, (16 * lanes) / Math.max(rows, columns));
  const span = Math.min(columns, (16 * lanes) / d);
  return {
    rows,
    columns,
    bytes: 4 * (depth * rows + Math.max(depth * columns, span * d) + columns * rows + 4 * columns),
  };
}

const LANE_WIDTHS = [32, 64, 128];

/** Bytes of workgroup memory that a tile takes, for any width where none is given. */
const laneBytes = (tuning: Tuning): number =>
  Math.max(...(tuning.D ? [tuned(tuning, 'D')] : LANE_WIDTHS).map((d) => laneTile(tuning, d).bytes));
const hasMemoryFor = (gpu: KernelDevice, tuning: Tuning): boolean =>
  laneBytes(tuning) <= gpu.adapter.limits.maxComputeWorkgroupStorageSize!;

/** Tiles that a large GPU runs at once: time is proportional to the number of such waves. */
const AT_ONCE = 132;

/**
 * Lanes of a tile: 128 read less for a result, 64 leave less of the device idle at the end. On an H200 the forward pass
 * of 8×512×64 took 0.041 ms with 128 and 0.048 with 64, that of 16×577×64 0.151 and 0.107.
 */
function lanesFor({ batch, heads, tokens }: AttentionPlan): number {
  const timeOf = (lanes: number, slowness: number): number =>
    ceilDiv(ceilDiv(tokens, lanes / 4) * batch * heads, AT_ONCE) * lanes * slowness;
  return timeOf(128, 1) <= timeOf(64, 1.1) ? 128 : 64;
}

/**
 * Four rows by four columns per lane. On an H200 the backward of 8×512×64 took 0.140 ms with 128 lanes, 0.187 with 64,
 * and 0.197 with 128 and eight rows a lane; a software adapter takes long to compile larger tiles.
 */
const laneTuning = (gpu: KernelDevice, plan: AttentionPlan): Tuning => {
  const d = LANE_WIDTHS.find((most) => plan.width <= most)!;
  const isSlow = gpu.adapter.costs.compiler === 'slow';
  const lanes = d > 64 ? 128 : isSlow || d === 32 ? 64 : lanesFor(plan);
  const preferred: Tuning = {
    D: `${d}u`,
    LANES: `${lanes}u`,
    LANES_ACROSS: isSlow ? '8u' : '16u',
    ROWS_A_LANE: '4u',
    COLUMNS_A_LANE: '4u',
  };
  return hasMemoryFor(gpu, preferred) ? preferred : { ...preferred, LANES: '64u' };
};

const laneChoices: Variant<AttentionPlan>['free'] = {
  LANES: () => null,
  LANES_ACROSS: () => null,
  ROWS_A_LANE: () => null,
  COLUMNS_A_LANE: (gpu, _, tuning) =>
    hasMemoryFor(gpu, tuning)
      ? null
      : `the tile takes ${laneBytes(tuning)} bytes of workgroup memory and the device has ${gpu.adapter.limits.maxComputeWorkgroupStorageSize}`,
};
const fitsSharedTile = (_: KernelDevice, { width }: AttentionPlan): boolean => width <= 128;
const fitsQuads = (gpu: KernelDevice, plan: AttentionPlan): boolean => plan.inQuads && fitsSharedTile(gpu, plan);
const laneRows = (tuning: Tuning): number => laneTile(tuning, tuned(tuning, 'D')).rows;
const forwardGrid: Variant<AttentionPlan>['grid'] = (_, { batch, heads, tokens }, __, tuning) => [
  ceilDiv(tokens, laneRows(tuning)),
  batch * heads,
  1,
];
const backwardGrid: Variant<AttentionPlan>['grid'] = (gpu, plan, entry, tuning) =>
  entry === 'backward_kv'
    ? [ceilDiv(plan.keys, laneRows(tuning)), (plan.batch * plan.heads) / plan.group, 1]
    : forwardGrid(gpu, plan, entry, tuning);

/**
 * Whether every head's numbers of a token lie in one row of `row` elements, see kernels/attention/forward_texels.wgsl.
 */
function liesInRows(
  width: number,
  heads: number,
  row: number,
  batchStep: number,
  headStep: number,
  offset: number,
): boolean {
  const column = offset % row;
  const within =
    headStep < row ? column + (heads - 1) * headStep + width <= row : headStep % row === 0 && column + width <= row;
  return within && batchStep % row === 0;
}

/** q, k and v in textures, a row from token to token. */
function headsInTextures(run: Run, { q, k, v }: Work['buffers'], params: Params): Record<'q' | 'k' | 'v', Binding> {
  return {
    q: toTexelSpan(run, q as Tensor, params.q_token!),
    k: toTexelSpan(run, k as Tensor, params.kv_token!),
    v: toTexelSpan(run, v as Tensor, params.kv_token!),
  };
}

/** Reads q, k and v from textures. */
export const attentionOverTexels: OpVariant<AttentionPlan> = {
  kernel: attentionForwardTexels,
  bind: (run, { buffers, params }) => ({ buffers: { ...buffers, ...headsInTextures(run, buffers, params!) }, params }),
  fits(gpu, plan) {
    if (!fitsSubgroupTile(gpu, plan) || !readsTexels(gpu)) return false;
    const { width, heads, group, batch, params: p } = plan;
    const most = gpu.adapter.limits.maxTextureDimension2D!;
    const rowsOf = (tokens: number, token: number, batchStep: number, headStep: number, count: number): number =>
      tokens + ((batch - 1) * batchStep + (count - 1) * headStep) / token + 1;
    const [kvHeads, sides] = [heads / group, [rowTexels(p.q_token!), rowTexels(p.kv_token!)]];
    sides.push(
      rowsOf(plan.tokens, p.q_token!, p.q_batch!, p.q_head!, heads),
      rowsOf(plan.keys, p.kv_token!, p.kv_batch!, p.kv_head!, kvHeads),
    );
    return (
      Math.max(...sides) <= most &&
      liesInRows(width, heads, p.q_token!, p.q_batch!, p.q_head!, p.q_offset!) &&
      [p.k_offset!, p.v_offset!].every((offset) =>
        liesInRows(width, kvHeads, p.kv_token!, p.kv_batch!, p.kv_head!, offset),
      )
    );
  },
  // Rows that cannot be copied directly are copied by a kernel first.
  pays: (gpu, { tokens, params }) =>
    gpu.adapter.costs.bufferLoads === 'scalar' &&
    fixedSubgroupSize(gpu) === 8 &&
    tokens >= (params.q_token! % 64 === 0 && params.kv_token! % 64 === 0 ? 32 : 256),
  tuning: subgroupTuning,
  grid: (_, { batch, heads, tokens }) => [ceilDiv(tokens, 16), batch * heads, 1],
};

/** The family `attention`, forward. The preferred variant first. */
export const attentionVariants: OpFamily<AttentionPlan> = {
  ...decodeVariants,
  matrix: attentionOnMatrixUnits,
  texels: attentionOverTexels,
  subgroup: {
    kernel: attentionForwardSubgroup,
    fits: fitsSubgroupTile,
    pays: tilesBySubgroup,
    tuning: subgroupTuning,
    grid: (_, { batch, heads, tokens }) => [ceilDiv(tokens, 16), batch * heads, 1],
  },
  vec4s: { kernel: attentionForwardVec4, fits: fitsQuads, tuning: laneTuning, free: laneChoices, grid: forwardGrid },
  shared: { kernel: attentionForwardShared, fits: fitsSharedTile, tuning: laneTuning, grid: forwardGrid },
  naive,
};

/** Σ dy · y of each query, before every backward variant. */
export const attentionPrepare = naive;

/**
 * The family `attention`, backward, under the same names, so that forcing one forces both directions; `attention
 * backward` forces this one alone.
 */
export const attentionBackwardVariants: Readonly<Record<string, BackwardVariant>> = {
  matrix: attentionBackwardOnMatrixUnits,
  products: attentionProducts,
  texels: {
    kernel: attentionBackwardTexels,
    bind: (run, { buffers, params }, { heads, width }) => ({
      buffers: {
        ...buffers,
        ...headsInTextures(run, buffers, params!),
        dy: toTexelSpan(run, buffers.dy as Tensor, heads * width),
      },
      params,
    }),
    fits: (gpu, plan) =>
      attentionOverTexels.fits!(gpu, plan) &&
      plan.width <= MAX_BACKWARD_WIDTH &&
      Math.max(rowTexels(plan.heads * plan.width), plan.batch * plan.tokens) <=
        gpu.adapter.limits.maxTextureDimension2D!,
    pays: attentionOverTexels.pays,
    tuning: subgroupTuning,
    grid: (_, { batch, heads, group }) => [(batch * heads) / group, 1, 1],
    entries: ['backward'],
  },
  /** Forward only; forcing it does not affect backward. */
  ...Object.fromEntries(
    Object.keys(decodeVariants).map((name) => [name, { ...naive, fits: () => false, entries: [] as const }]),
  ),
  subgroup: {
    kernel: attentionBackwardSubgroup,
    fits: (gpu, plan) => fitsSubgroupTile(gpu, plan) && plan.width <= MAX_BACKWARD_WIDTH,
    pays: tilesBySubgroup,
    tuning: subgroupTuning,
    grid: (_, { batch, heads, group }) => [(batch * heads) / group, 1, 1],
    entries: ['backward'],
  },
  vec4s: {
    kernel: attentionBackwardVec4,
    fits: fitsQuads,
    tuning: laneTuning,
    free: laneChoices,
    grid: backwardGrid,
    entries: ['backward_q', 'backward_kv'],
  },
  shared: {
    kernel: attentionBackwardShared,
    fits: fitsSharedTile,
    tuning: laneTuning,
    grid: backwardGrid,
    entries: ['backward_q', 'backward_kv'],
  },
  naive: { ...naive, entries: ['backward_q', 'backward_kv'] },
};
