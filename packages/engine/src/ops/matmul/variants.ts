/** @file The kernels of a matrix product and the choice among them: a table by layout, the preferred first. */
import { matmulNaive } from '@curio/kernels/matmul_naive';
import { matmulPackedNn } from '@curio/kernels/matmul_packed_nn';
import { matmulPackedNt } from '@curio/kernels/matmul_packed_nt';
import { matmulSubgroupNn } from '@curio/kernels/matmul_subgroup_nn';
import { matmulSubgroupNt } from '@curio/kernels/matmul_subgroup_nt';
import { matmulSubgroupTexels } from '@curio/kernels/matmul_subgroup_texels';
import { matmulSubgroupTn } from '@curio/kernels/matmul_subgroup_tn';
import { matmulSubgroupTt } from '@curio/kernels/matmul_subgroup_tt';
import { matmulTile } from '@curio/kernels/matmul_tile';
import { matmulGemv } from '@curio/kernels/matmul_gemv';
import { matmulGemvColumns } from '@curio/kernels/matmul_gemv_columns';
import { matmulGemvScaled } from '@curio/kernels/matmul_gemv_scaled';
import { matmulGemvShared } from '@curio/kernels/matmul_gemv_shared';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { KernelSource, Tuning } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import { block, blockScalar } from './blocks.ts';
import { inTextures, padded, swapped as swappedOperands } from './operands.ts';
import type { Pads } from './operands.ts';
import { isAlong, transposition } from './plan.ts';
import type { Layout, MatmulPlan, MatmulVariant } from './plan.ts';
import { readsTexels, rowTexels } from '../parts/texel-rows.ts';
import type { WeightFormat } from '../parts/weight-format.ts';

/** The product as a kernel sees it that computes it swapped. */
const swapped = (plan: MatmulPlan): MatmulPlan => ({ ...plan, M: plan.N, N: plan.M });

/**
 * Subgroup tiles are written for these sizes; devices with 32 and 64 have fast shared memory, where another kernel
 * wins.
 */
const hasTileSize = (gpu: KernelDevice): boolean => [4, 8, 16].includes(fixedSubgroupSize(gpu));

/** Four columns per lane, or eight: with wider subgroups four make the tile wide enough. */
const vec4sOf = (sg: number): number => (sg === 16 ? 1 : 2);

/**
 * At least one row per lane where the rows lie across the lanes: lanes without a row would add to the last row of the
 * tile.
 */
function rowsOf(sg: number, layout: Layout, M: number): number {
  if (M <= 8 && (sg <= 8 || layout[0] === 't')) return 8;
  return M <= 16 || (sg === 4 && layout[0] === 'n') ? 16 : 32;
}

/** @param pads operands whose rows may be padded */
function subgroupTile(kernel: KernelSource, layout: Layout, swaps: boolean, pads?: Pads): MatmulVariant {
  const own = (plan: MatmulPlan): MatmulPlan => (swaps ? swapped(plan) : plan);
  return {
    kernel,
    adds: true,
    bind: swaps ? (_, work) => swappedOperands(work) : pads && padded(pads),
    fits(gpu, plan) {
      const { M, N, K, K2, hasBias, format } = own(plan);
      const rowsFit = layout[0] === 'n' ? K % 2 === 0 && K2 % 2 === 0 : M % 4 === 0 && K2 === 0;
      const columnsFit = N % 4 === 0 && (layout[1] === 'n' || K % 2 === 0);
      return (
        format === 'F32' &&
        hasTileSize(gpu) &&
        rowsFit &&
        columnsFit &&
        (!swaps || (M % 4 === 0 && K2 === 0 && !hasBias))
      );
    },
    pays: (gpu, plan) => gpu.adapter.costs.barriers === 'high' && (!swaps || (plan.N <= 16 && plan.M >= 4 * plan.N)),
    tuning(gpu, plan) {
      const sg = fixedSubgroupSize(gpu);
      const pair: Tuning = layout[0] === 'n' ? { PAIR: `${plan.K2 > 0}` } : {};
      return {
        SG: `${sg}u`,
        ROWS: `${rowsOf(sg, layout, own(plan).M)}u`,
        VEC4S: `${vec4sOf(sg)}u`,
        ...pair,
        SWAP: `${swaps}`,
      };
    },
    free: {
      ROWS(gpu, rows) {
        const sg = fixedSubgroupSize(gpu);
        if (layout[0] === 'n' && rows < sg)
          return `rows lie across the ${sg} lanes, and some would fall outside the tile`;
        return rows > (layout[0] === 'n' ? 4 : 8) * sg
          ? `the ${sg} lanes hold ${layout[0] === 'n' ? 4 : 8} rows each`
          : null;
      },
      VEC4S: () => null,
    },
    grid(gpu, plan, _, tuning) {
      const { M, N, batches } = own(plan);
      return [
        ceilDiv(N, 4 * fixedSubgroupSize(gpu) * tuned(tuning, 'VEC4S')),
        ceilDiv(M, tuned(tuning, 'ROWS')),
        batches,
      ];
    },
  };
}

/** The subgroup tile over a packed weight. */
function packedTile(kernel: KernelSource, layout: Layout): MatmulVariant {
  const plain = subgroupTile(kernel, layout, false);
  return {
    kernel,
    adds: true,
    bind: padded({ a: true, b: false }),
    grid: plain.grid,
    free: plain.free,
    fits: (gpu, plan) => plan.format !== 'F32' && plain.fits!(gpu, { ...plan, format: 'F32' }),
    pays: plain.pays,
    tuning(gpu, plan, entry) {
      const { SWAP: _, ...rest } = plain.tuning!(gpu, plan, entry);
      return { FORMAT: plan.format, ...rest };
    },
  };
}

/** Subgroups per workgroup, for at least 64 lanes, which also starts fastest on a software adapter. */
const subgroupsOf = (sg: number): number => (sg >= 32 ? 4 : 8);

/**
 * For few rows: a subgroup for four columns, or for eight where they are so small that the rows of A are most of what
 * is read.
 */
function gemv(
  kernel: KernelSource,
  formats: readonly WeightFormat[],
  fitsK: (plan: MatmulPlan) => boolean,
  eights?: readonly WeightFormat[],
): MatmulVariant {
  return {
    kernel,
    adds: true,
    fits: (gpu, plan) =>
      plan.M <= 4 &&
      plan.batches === 1 &&
      fixedSubgroupSize(gpu) > 0 &&
      formats.includes(plan.format) &&
      plan.K2 % 4 === 0 &&
      fitsK(plan),
    tuning(gpu, { format, M, K2 }) {
      const sg = fixedSubgroupSize(gpu);
      return {
        FORMAT: format,
        SG: `${sg}u`,
        SUBGROUPS: `${subgroupsOf(sg)}u`,
        ROWS: M === 1 ? '1u' : '4u',
        PAIR: `${K2 > 0}`,
        ...(eights && { VEC4S: eights.includes(format) ? '2u' : '1u' }),
      };
    },
    free: {
      SUBGROUPS: (gpu, count) =>
        count * fixedSubgroupSize(gpu) > gpu.adapter.limits.maxComputeInvocationsPerWorkgroup!
          ? `that many of ${fixedSubgroupSize(gpu)} lanes are no workgroup here`
          : null,
      ...(eights && { VEC4S: () => null }),
    },
    grid: (_, { N }, __, tuning) => [
      ceilDiv(N, (eights ? 4 * tuned(tuning, 'VEC4S') : 4) * tuned(tuning, 'SUBGROUPS')),
      1,
      1,
    ],
  };
}

const plainGemv = gemv(matmulGemv, ['F32', 'F16', 'BF16'], ({ K, format }) => K % (format === 'F32' ? 4 : 8) === 0);
const scaledGemv = gemv(matmulGemvScaled, ['INT8', 'INT4', 'INT4_ZEROS', 'NF4'], () => true, [
  'INT8',
  'INT4',
  'INT4_ZEROS',
]);

/** Levels of four words, which a lane takes at a time. */
const levelsOf = (format: WeightFormat): number => (format === 'INT8' ? 16 : 32);

/** For few rows over a quantised weight: one or two columns per lane, where loads cost more than idle lanes. */
const columnGemv: MatmulVariant = {
  kernel: matmulGemvColumns,
  adds: true,
  fits: (gpu, plan) =>
    [8, 16].includes(fixedSubgroupSize(gpu)) &&
    scaledGemv.fits!(gpu, plan) &&
    plan.groupSize % levelsOf(plan.format) === 0,
  pays: (gpu, { N }) => gpu.adapter.costs.bufferLoads === 'scalar' && N >= 256,
  tuning: (gpu, { format, M, K2 }) => ({
    FORMAT: format,
    SG: `${fixedSubgroupSize(gpu)}u`,
    SUBGROUPS: '4u',
    ROWS: M === 1 ? '1u' : '4u',
    COLUMNS: '2u',
    PAIR: `${K2 > 0}`,
  }),
  free: { SUBGROUPS: () => null, COLUMNS: () => null },
  grid: (gpu, { N }, __, tuning) => [
    ceilDiv(N, fixedSubgroupSize(gpu) * tuned(tuning, 'COLUMNS') * tuned(tuning, 'SUBGROUPS')),
    1,
    1,
  ],
};

/** The same without subgroups, or where their size varies. */
const sharedGemv: MatmulVariant = {
  kernel: matmulGemvShared,
  adds: true,
  fits: (_, { M, K, K2, batches }) => M <= 4 && batches === 1 && K % 4 === 0 && K2 % 4 === 0,
  tuning: (_, { format, M }) => ({ FORMAT: format, ROWS: M === 1 ? '1u' : '4u' }),
  grid: (_, { N }) => [ceilDiv(N, 4), 1, 1],
};

/**
 * A texture is worth its copy from this many multiply-adds on, if each element is read often enough: on
 * Lavapipe in every layout, on SwiftShader, whose subgroups have four lanes, where the rows across the lanes run along
 * the terms.
 */
const [MIN_PRODUCTS, MIN_READS] = [2 ** 23, 10];
/**
 * A pair lengthens both sums and is copied behind both operands; folding it costs a product and a copy of the weight's
 * size.
 */
const FOLD = 4;

/**
 * Rows of a tile. On Lavapipe a result takes 7 % less time with 48 than with 32, since each element of B that is loaded
 * serves more of them, but not where more rows would lie past the edge, or few tiles are left to share.
 */
function texelRowsOf(sg: number, M: number, isAlong: boolean): number {
  if (M <= 16 || sg === 4) return 16;
  return isAlong && M >= 96 && 48 * ceilDiv(M, 48) < 1.07 * 32 * ceilDiv(M, 32) ? 48 : 32;
}

/** The subgroup tile over operands in textures. */
function overTexels(layout: Layout, swaps: boolean): MatmulVariant {
  const own = (plan: MatmulPlan): MatmulPlan => (swaps ? swapped(plan) : plan);
  const along = isAlong(layout);
  const [isAlongRows, isAlongColumns] = swaps ? [along.b, along.a] : [along.a, along.b];
  return {
    kernel: matmulSubgroupTexels,
    adds: true,
    pairFolds: ({ M, N, K }) => FOLD * N * K <= M * (N + K),
    bind: inTextures(swaps),
    fits(gpu, plan) {
      const { M, N, K, K2, hasBias, batches, format } = own(plan);
      if (!plan.inRows || format !== 'F32' || N % 4 !== 0 || K === 0 || !readsTexels(gpu)) return false;
      if (K2 > 0 && (batches !== 1 || K % 4 !== 0 || !along.a)) return false;
      if (swaps && (M % 4 !== 0 || K2 > 0 || hasBias)) return false;
      return (
        Math.max(...sidesOf(along.a, plan.M, K, K2, batches), ...sidesOf(along.b, plan.N, K, K2, batches)) <=
        gpu.adapter.limits.maxTextureDimension2D!
      );
    },
    pays(gpu, plan) {
      const { M, N, K, batches } = own(plan);
      const sg = fixedSubgroupSize(gpu);
      return (
        gpu.adapter.costs.bufferLoads === 'scalar' &&
        (sg === 8 || (sg === 4 && isAlongRows)) &&
        M * N >= MIN_READS * (M + N) &&
        M * N * K * batches >= MIN_PRODUCTS &&
        (!swaps || (M <= 32 && N >= 4 * M))
      );
    },
    tuning(gpu, plan) {
      const { M, K, K2 } = own(plan);
      const sg = fixedSubgroupSize(gpu);
      return {
        SG: `${sg}u`,
        ROWS: `${texelRowsOf(sg, M, isAlongRows)}u`,
        VEC4S: `${vec4sOf(sg)}u`,
        A_ALONG: `${isAlongRows}`,
        B_ALONG: `${isAlongColumns}`,
        TAIL: `${(K + K2) % 4 !== 0 || plan.isPart}`, // the last part may be shorter
        SWAP: `${swaps}`,
      };
    },
    free: {
      ROWS(gpu, rows) {
        const [sg, most] = [fixedSubgroupSize(gpu), isAlongRows ? 6 : 4];
        return rows > most * sg ? `the ${sg} lanes hold ${most} rows each` : null;
      },
      VEC4S: () => null,
    },
    grid(gpu, plan, _, tuning) {
      const { M, N, batches } = own(plan);
      return [
        ceilDiv(M, tuned(tuning, 'ROWS')),
        ceilDiv(N, 4 * fixedSubgroupSize(gpu) * tuned(tuning, 'VEC4S')),
        batches,
      ];
    },
  };
}

/** Texels of a row of the texture, and its rows, for an operand of so many rows or columns of the result. */
const sidesOf = (along: boolean, count: number, K: number, K2: number, batches: number): number[] =>
  along ? [rowTexels(K, K2), count * batches] : [rowTexels(count), K * batches + K2];

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
