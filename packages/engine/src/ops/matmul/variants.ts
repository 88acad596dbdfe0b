/** @file The kernels of a matrix product and the choice among them: a table by layout, the preferred first. */
import { matmulNaive } from '@curio/kernels/matmul_naive';
import { matmulPackedNn } from '@curio/kernels/matmul_packed_nn';
import { matmulPackedNt } from '@curio/kernels/matmul_packed_nt';
import { matmulSubgroupNn } from '@curio/kernels/matmul_subgroup_nn';
import { matmulSubgroupNt } from '@curio/kernels/matmul_subgroup_nt';
import { matmulSubgroupTn } from '@curio/kernels/matmul_subgroup_tn';
import { matmulSubgroupTt } from '@curio/kernels/matmul_subgroup_tt';
import { matmulTile } from '@curio/kernels/matmul_tile';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import { block, blockScalar } from './blocks.ts';
import { columnGemv, plainGemv, scaledGemv, sharedGemv } from './gemv.ts';
import { transposition } from './plan.ts';
import type { Layout, MatmulPlan, MatmulVariant } from './plan.ts';
import { packedTile, subgroupTile } from './subgroup-tiles.ts';
import { overTexels } from './texel-tiles.ts';

const tile: MatmulVariant = {
  kernel: matmulTile,
  adds: true,
  pays: (_, { M, N, K }) => M * N * K >= 4096,
  tuning: (_, { format, layout }) => ({ FORMAT: format, ...transposition(layout) }),
  grid: (_, { M, N, batches }) => [ceilDiv(N, 64), ceilDiv(M, 64), batches],
};

const naive: MatmulVariant = {
  kernel: matmulNaive,
  adds: true,
  tuning: (_, { layout, format }) => ({ FORMAT: format, ...transposition(layout) }),
  grid: (_, { M, N, batches }) => [ceilDiv(N, 8), ceilDiv(M, 8), batches],
};

/** Results of a tile, at most one per lane; each part of a split sum should have enough terms. */
const [TILE, MIN_TERMS, MAX_PARTS] = [64 * 64, 256, 16];

/**
 * Into how many parts the sum over k is split: 1, except where a GPU would have few tiles with long sums, as in
 * gradients of LoRA and of small layers, and in layers of few rows. In the layout tn, which has k outermost on both
 * sides, parts are batches for every kernel; elsewhere for those that read a pitch, in vec4s.
 * `gpu.kernels.forced.set('matmul split', '3')` requests three, where the layout allows.
 */
export function splitsOf(gpu: KernelDevice, { layout, M, N, K, K2, hasBias, batches, format }: MatmulPlan): number {
  if ((batches !== 1 && layout !== 'tn') || hasBias || K2 > 0 || format !== 'F32' || (layout !== 'tn' && K % 4 !== 0))
    return 1;
  const forced = gpu.kernels.forced.get('matmul split');
  if (forced !== undefined) return Math.max(1, Math.min(Number(forced), Math.floor(K / 4)));
  const tiles = batches * ceilDiv(M, 64) * ceilDiv(N, 64);
  const full = gpu.adapter.costs.lanes / TILE;
  return tiles >= full / 2 ? 1 : Math.max(1, Math.min(ceilDiv(full, tiles), Math.floor(K / MIN_TERMS), MAX_PARTS));
}

/**
 * Kernels by layout, the preferred first. `narrow` is for few columns: there the lanes run along the rows. `packed` is
 * `subgroup` over a packed B, `texels` over operands in textures, `narrowTexels` both; `gemv…` are for few rows;
 * `block…` for real GPUs.
 */
export const matmulVariants = {
  nn: {
    narrowTexels: overTexels('nn', true),
    texels: overTexels('nn', false),
    narrow: subgroupTile(matmulSubgroupTt, 'tt', true),
    subgroup: subgroupTile(matmulSubgroupNn, 'nn', false, { a: true, b: false }),
    packed: packedTile(matmulPackedNn, 'nn'),
    block,
    blockScalar,
    tile,
    naive,
  },
  nt: {
    gemv: plainGemv,
    gemvColumns: columnGemv,
    gemvScaled: scaledGemv,
    gemvShared: sharedGemv,
    narrowTexels: overTexels('nt', true),
    texels: overTexels('nt', false),
    narrow: subgroupTile(matmulSubgroupNt, 'nt', true),
    subgroup: subgroupTile(matmulSubgroupNt, 'nt', false, { a: true, b: true }),
    packed: packedTile(matmulPackedNt, 'nt'),
    block,
    blockScalar,
    tile,
    naive,
  },
  tn: {
    narrowTexels: overTexels('tn', true),
    texels: overTexels('tn', false),
    narrow: subgroupTile(matmulSubgroupTn, 'tn', true),
    subgroup: subgroupTile(matmulSubgroupTn, 'tn', false),
    block,
    blockScalar,
    tile,
    naive,
  },
  tt: {
    narrowTexels: overTexels('tt', true),
    texels: overTexels('tt', false),
    narrow: subgroupTile(matmulSubgroupNn, 'nn', true),
    subgroup: subgroupTile(matmulSubgroupTt, 'tt', false),
    block,
    blockScalar,
    tile,
    naive,
  },
} as const satisfies Record<Layout, Record<string, MatmulVariant>>;
