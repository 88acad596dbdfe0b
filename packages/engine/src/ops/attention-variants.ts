/** @file The kernels of attention and when each is chosen. */
import { attentionBackwardSubgroup } from '@curio/kernels/attention_backward_subgroup';
import { attentionForwardSubgroup } from '@curio/kernels/attention_forward_subgroup';
import { attentionNaive } from '@curio/kernels/attention_naive';
import type { Gpu } from '../gpu/gpu.ts';
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import { fixedSubgroupSize } from '../gpu/variant.ts';
import type { Family, Variant } from '../gpu/variant.ts';

export interface AttentionSizes {
  readonly batch: number;
  readonly heads: number;
  /** Query heads that share one key and value head. */
  readonly group: number;
  readonly tokens: number;
  readonly keys: number;
  readonly width: number;
  readonly scale: number;
  /** See kernels/lib/attention_mask.wgsl. */
  readonly flags: number;
}

export interface AttentionPlan extends AttentionSizes {
  readonly params: Readonly<Record<string, number>>;
  /** Whether every row starts at a multiple of four elements. */
  readonly inQuads: boolean;
}

/** A way to get the gradients: its entries in order; one named after a gradient is left out where nothing needs it. */
export interface BackwardVariant extends Variant<AttentionPlan> {
  readonly entries: readonly ('backward' | 'backward_q' | 'backward_kv')[];
}

const naive: Variant<AttentionPlan> = {
  kernel: attentionNaive,
  grid: (_, { batch, heads, group, tokens, keys }, entry) => (entry === 'backward_kv' ? [ceilDiv(keys, 64), (batch * heads) / group, 1] : [ceilDiv(tokens, 64), batch * heads, 1]),
};

/** Widths and subgroup sizes that kernels/attention/*_subgroup are compiled for. */
const TILE_WIDTHS = [16, 32, 64, 96, 128];
const TILE_SUBGROUPS = [4, 8, 16];

function fitsSubgroupTile(gpu: Gpu, { inQuads, width, keys }: AttentionPlan): boolean {
  const size = fixedSubgroupSize(gpu);
  return keys > 0 && inQuads && TILE_WIDTHS.includes(width) && TILE_SUBGROUPS.includes(size) && width % (4 * size) === 0;
}

const tileTuning = (gpu: Gpu, { width }: AttentionPlan) => ({ D: `${width}u`, SG: `${fixedSubgroupSize(gpu)}u` });

/** The family `attention`, forward. The preferred variant first. */
export const attentionVariants: Family<AttentionPlan> = {
  subgroup: { kernel: attentionForwardSubgroup, fits: fitsSubgroupTile, tuning: tileTuning, grid: (_, { batch, heads, tokens }) => [ceilDiv(tokens, 16), batch * heads, 1] },
  naive,
};

/** Σ dy · y of each query, before every backward variant. */
export const attentionPrepare = naive;

/** The family `attention`, backward, under the same names, so that forcing one forces both directions. */
export const attentionBackwardVariants: Readonly<Record<string, BackwardVariant>> = {
  subgroup: { kernel: attentionBackwardSubgroup, fits: fitsSubgroupTile, tuning: tileTuning, grid: (_, { batch, heads, group }) => lineGrid((batch * heads) / group), entries: ['backward'] },
  naive: { ...naive, entries: ['backward_q', 'backward_kv'] },
};
