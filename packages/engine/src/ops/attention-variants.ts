/** @file The kernels of attention and when each is chosen. */
import { attentionForwardSubgroup } from '@curio/kernels/attention_forward_subgroup';
import { attentionNaive } from '@curio/kernels/attention_naive';
import { ceilDiv } from '../gpu/grid.ts';
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

const naive: Variant<AttentionPlan> = {
  kernel: attentionNaive,
  grid: (_, { batch, heads, group, tokens, keys }, entry) => (entry === 'backward_kv' ? [ceilDiv(keys, 64), (batch * heads) / group, 1] : [ceilDiv(tokens, 64), batch * heads, 1]),
};

/** Widths that kernels/attention/*_subgroup are compiled for. */
const TILE_WIDTHS = [16, 32, 64, 96, 128];
const TILE_SUBGROUPS = [4, 8, 16];

const forwardSubgroup: Variant<AttentionPlan> = {
  kernel: attentionForwardSubgroup,
  fits: (gpu, { inQuads, width }) => inQuads && TILE_WIDTHS.includes(width) && TILE_SUBGROUPS.includes(fixedSubgroupSize(gpu)) && width % (4 * fixedSubgroupSize(gpu)) === 0,
  tuning: (gpu, { width }) => ({ D: `${width}u`, SG: `${fixedSubgroupSize(gpu)}u` }),
  grid: (_, { batch, heads, tokens }) => [ceilDiv(tokens, 16), batch * heads, 1],
};

/** The family `attention`, by entry; the tables share their names, so that forcing one forces both directions. The preferred variant first. */
export const attentionVariants: Readonly<Record<'forward' | 'prepare' | 'backwardQ' | 'backwardKv', Family<AttentionPlan>>> = {
  forward: { subgroup: forwardSubgroup, naive },
  prepare: { subgroup: naive, naive },
  backwardQ: { subgroup: naive, naive },
  backwardKv: { subgroup: naive, naive },
};
