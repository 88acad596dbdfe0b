/** @file The sizes of an attention, known before its kernel is chosen. */
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize } from '../../gpu/kernel/variant.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { OpVariant, Run } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';

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

/** Widths of a head that kernels/attention/*_subgroup and decode are compiled for. */
export const TILE_WIDTHS = [16, 32, 64, 96, 128];

/** Of kernels that are compiled for one width and subgroup size. */
export const subgroupTuning = (gpu: KernelDevice, { width }: AttentionSizes): Tuning => ({
  D: `${width}u`,
  SG: `${fixedSubgroupSize(gpu)}u`,
});

/** A way to compute the gradients: its entries in order; one named after a gradient is skipped if nothing needs it. */
export interface BackwardVariant extends OpVariant<AttentionPlan> {
  readonly entries: readonly ('backward' | 'backward_q' | 'backward_kv')[];
  /**
   * Where it is more than dispatches of its kernel: the gradients of q, k and v, null where nothing needs one. `stats`
   * float[B, H, T, 4] is from attention/naive's prepare.
   */
  readonly gradients?: (
    run: Run,
    tensors: Record<'q' | 'k' | 'v' | 'dy' | 'stats', Tensor>,
    sizes: AttentionSizes,
  ) => readonly (Tensor | null)[];
}
