/**
 * @file Attention on matrix units. It rounds its operands to f16, so it runs only where `enableSubgroupMatrix` or
 * `withHalfProducts` allows it, and comes first there.
 */
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { OpVariant } from '../../tensor/op.ts';
import type { AttentionPlan } from './plan.ts';

/** Widths that the kernels are compiled for; a narrower row is padded. */
const WIDTHS = [32, 64, 128];

/** Most matrices along the width, and most vec4s of a tile that a lane reads ahead. */
const MOST = 8;

/** Fewer queries or keys would leave most of a matrix empty. */
const MIN_ROWS = 16;

type Tile = { readonly SUBGROUPS: string; readonly COLUMNS: string; readonly BUFFERS: string };

/**
 * Subgroups of a workgroup, keys of a tile, and whether k and v have a tile each, which saves two barriers. The first
 * for which the device has memory.
 */
const TILES: readonly Tile[] = [
  { SUBGROUPS: '4u', COLUMNS: '64u', BUFFERS: '2u' },
  { SUBGROUPS: '4u', COLUMNS: '64u', BUFFERS: '1u' },
  { SUBGROUPS: '4u', COLUMNS: '32u', BUFFERS: '2u' },
  { SUBGROUPS: '4u', COLUMNS: '32u', BUFFERS: '1u' },
  { SUBGROUPS: '2u', COLUMNS: '32u', BUFFERS: '2u' },
  { SUBGROUPS: '4u', COLUMNS: '16u', BUFFERS: '2u' },
  { SUBGROUPS: '2u', COLUMNS: '32u', BUFFERS: '1u' },
];

/** Sizes of a tile as kernels/lib/attention_matrix.wgsl declares them. */
function sizesOf(gpu: KernelDevice, tile: Tuning, width: number) {
  const { M, N, K } = gpu.adapter.subgroupMatrix!;
  const [subgroups, columns, buffers] = [tuned(tile, 'SUBGROUPS'), tuned(tile, 'COLUMNS'), tuned(tile, 'BUFFERS')];
  const [rows, lanes, fours] = [subgroups * M, subgroups * fixedSubgroupSize(gpu), width / 4];
  const line = fours + 2;
  const bytes =
    8 * Math.max(rows, buffers * columns) * line + (2 + 4) * rows * (columns + 8) + 4 * lanes + 4 * rows + 16;
  return { rows, lanes, columns, fours, bytes, least: Math.max(2 * N, K) };
}

/** Why the device cannot run a tile for rows of `width`, or null. */
function lacks(gpu: KernelDevice, tile: Tuning, width: number): string | null {
  const { rows, lanes, columns, fours, bytes, least } = sizesOf(gpu, tile, width);
  const { maxComputeWorkgroupStorageSize: memory, maxComputeInvocationsPerWorkgroup: most } = gpu.adapter.limits;
  if (bytes > memory!) return `the tile takes ${bytes} bytes of workgroup memory and the device has ${memory}`;
  if (columns < least) return `tiles of ${columns} keys hold no pair of matrices here`;
  if (lanes > most!) return `${lanes} lanes are no workgroup here`;
  const down = lanes / fours;
  if (rows % down !== 0 || columns % down !== 0)
    return `${lanes} lanes do not divide tiles of ${columns} and ${rows} rows of ${width}`;
  return columns / down > MOST ? `a lane would read ${columns / down} vec4s of a tile ahead; at most ${MOST}` : null;
}

const paddedTo = (width: number): number => WIDTHS.find((most) => width <= most) ?? 0;

const tileFor = (gpu: KernelDevice, width: number): Tile | undefined =>
  TILES.find((tile) => lacks(gpu, tile, width) === null);

function fitsMatrixUnits(gpu: KernelDevice, { inQuads, width, tokens, keys }: AttentionPlan): boolean {
  const unit = gpu.adapter.subgroupMatrix;
  const lanes = fixedSubgroupSize(gpu);
  const padded = paddedTo(width);
  return (
    gpu.kernels.halfProducts &&
    unit !== null &&
    lanes >= unit.M &&
    unit.M * unit.N >= 2 * lanes &&
    inQuads &&
    Math.min(tokens, keys) >= MIN_ROWS &&
    padded > 0 &&
    padded <= MOST * Math.min(unit.N, unit.K) &&
    tileFor(gpu, padded) !== undefined
  );
}

const matrixTuning = (gpu: KernelDevice, { width }: AttentionPlan): Tuning => {
  const { M, N, K } = gpu.adapter.subgroupMatrix!;
  const padded = paddedTo(width);
  return {
    D: `${padded}u`,
    SG: `${fixedSubgroupSize(gpu)}u`,
    MATRIX_M: `${M}u`,
    MATRIX_N: `${N}u`,
    MATRIX_K: `${K}u`,
    ...tileFor(gpu, padded)!,
  };
};

const fitsTile = (gpu: KernelDevice, _: number, tuning: Tuning): string | null =>
  gpu.adapter.subgroupMatrix === null
    ? 'the adapter has no matrix units'
    : lacks(gpu, tuning, tuning.D ? tuned(tuning, 'D') : 128);

export const attentionOnMatrixUnits: OpVariant<AttentionPlan> = {
  kernel: attentionForwardMatrix,
  fits: fitsMatrixUnits,
  tuning: matrixTuning,
  free: { SUBGROUPS: fitsTile, COLUMNS: fitsTile, BUFFERS: fitsTile },
  grid: (gpu, { batch, heads, tokens }, _, tuning) => [
    ceilDiv(tokens, tuned(tuning, 'SUBGROUPS') * gpu.adapter.subgroupMatrix!.M),
    batch * heads,
    1,
  ],
};
