/** @file The kernels of attention and when each is chosen. */
import { attentionNaive } from '@curio/kernels/attention_naive';
import { ceilDiv } from '../gpu/grid.ts';
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

/** The family `attention`, by entry; the tables share their names, so that forcing one forces both directions. The preferred variant first. */
export const attentionVariants: Readonly<Record<'forward' | 'prepare' | 'backwardQ' | 'backwardKv', Family<AttentionPlan>>> = {
  forward: { naive },
  prepare: { naive },
  backwardQ: { naive },
  backwardKv: { naive },
};
