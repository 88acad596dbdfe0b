/** @file The kernels of attention for one to four queries over a cache. Forward only. */
import { attentionDecode } from '@curio/kernels/attention_decode';
import { attentionDecodeGroups } from '@curio/kernels/attention_decode_groups';
import { attentionDecodeParts } from '@curio/kernels/attention_decode_parts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { OpVariant } from '../../tensor/op.ts';
import { subgroupTuning, TILE_WIDTHS } from './plan.ts';
import type { AttentionPlan } from './plan.ts';

/** Widths that kernels/attention/decode_groups and decode_parts are compiled for: eight lanes share a row. */
const GROUP_WIDTHS = [32, 64, 96, 128];

/**
 * Keys of a part: four turns of its workgroup's loop, about as long as the second dispatch takes. It depends neither on
 * batch nor on the room in the cache, nor does the choice of kernel change bits: an answer that is decoded in a batch
 * or with more room is the same to the bit.
 */
const PART = 256;

const fitsGroups = (gpu: KernelDevice, { inQuads, width, tokens }: AttentionPlan): boolean =>
  inQuads && GROUP_WIDTHS.includes(width) && fixedSubgroupSize(gpu) >= 8 && tokens < 65536;
const isDecoding = ({ tokens }: AttentionPlan): boolean => tokens <= 4;

const parts: OpVariant<AttentionPlan> = {
  kernel: attentionDecodeParts,
  followedBy: ['combine'],
  bind: (run, { buffers, params }, { batch, heads, tokens, keys, width }, tuning) => ({
    buffers: {
      ...buffers,
      parts: run.out([ceilDiv(keys, tuned(tuning, 'PART')), batch * heads * tokens, width + 4]),
    },
    params,
  }),
  fits: (gpu, plan) => fitsGroups(gpu, plan) && plan.keys > 0,
  pays: (gpu, plan) => isDecoding(plan) && plan.keys > PART && gpu.adapter.costs.subgroupStart === 'low',
  tuning: (gpu, plan) => ({ ...subgroupTuning(gpu, plan), PART: `${PART}u` }),
  free: { PART: () => null },
  grid: (_, { batch, heads, tokens, keys }, entry, tuning) => [
    tokens,
    batch * heads,
    entry === 'combine' ? 1 : ceilDiv(keys, tuned(tuning, 'PART')),
  ],
};

export const decodeVariants = {
  decodeParts: parts,
  decodeGroups: {
    kernel: attentionDecodeGroups,
    fits: fitsGroups,
    pays: (gpu, plan) => isDecoding(plan) && gpu.adapter.costs.subgroupStart === 'low',
    tuning: subgroupTuning,
    grid: (_, { batch, heads, tokens }) => [tokens, batch * heads, 1],
  },
  decode: {
    kernel: attentionDecode,
    fits: (gpu, { inQuads, width, tokens }) =>
      inQuads && TILE_WIDTHS.includes(width) && fixedSubgroupSize(gpu) > 0 && tokens < 65536,
    pays: (_, plan) => isDecoding(plan),
    tuning: subgroupTuning,
    grid: (_, { batch, heads, tokens }) => [tokens, batch * heads, 1],
  },
} satisfies Readonly<Record<string, OpVariant<AttentionPlan>>>;
