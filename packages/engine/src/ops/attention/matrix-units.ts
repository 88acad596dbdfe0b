/**
 * @file Attention on matrix units. It rounds its operands to f16, so it runs only where `enableSubgroupMatrix` or
 * `withHalfProducts` allows it, and comes first there.
 */
import { attentionBackwardMatrix } from '@curio/kernels/attention_backward_matrix';
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { OpVariant } from '../../tensor/op.ts';
import type { AttentionPlan, BackwardVariant } from './plan.ts';

/** Most matrices along the width, and most vec4s of a tile that a lane reads ahead. */
const MOST = 8;

/** Fewer queries or keys would leave most of a matrix empty. */
const MIN_ROWS = 16;

type Tile = { readonly SUBGROUPS: string; readonly COLUMNS: string; readonly BUFFERS?: string };

/** A kernel's tiles, of which the first is taken that the device has memory for. */
interface Tiles {
  readonly widths: readonly number[];
  readonly tiles: readonly Tile[];
  /** Bytes of workgroup memory, by the kernel's own declarations. */
  readonly bytesOf: (sizes: { rows: number; columns: number; line: number; lanes: number; buffers: number }) => number;
}

/** Subgroups of a workgroup, keys of a tile, and whether k and v have a tile each, which saves two barriers. */
const FORWARD: Tiles = {
  widths: [32, 64, 128],
  tiles: [
    { SUBGROUPS: '4u', COLUMNS: '64u', BUFFERS: '2u' },
    { SUBGROUPS: '4u', COLUMNS: '64u', BUFFERS: '1u' },
    { SUBGROUPS: '4u', COLUMNS: '32u', BUFFERS: '2u' },
    { SUBGROUPS: '4u', COLUMNS: '32u', BUFFERS: '1u' },
    { SUBGROUPS: '2u', COLUMNS: '32u', BUFFERS: '2u' },
    { SUBGROUPS: '4u', COLUMNS: '16u', BUFFERS: '2u' },
    { SUBGROUPS: '2u', COLUMNS: '32u', BUFFERS: '1u' },
  ],
  bytesOf: ({ rows, columns, line, lanes, buffers }) =>
    8 * Math.max(rows, buffers * columns) * line + (2 + 4) * rows * (columns + 8) + 4 * lanes + 4 * rows + 16,
};

/** Wider rows would take more registers than there are; whole products compute their gradients. */
const BACKWARD: Tiles = {
  widths: [32, 64],
  tiles: [
    { SUBGROUPS: '4u', COLUMNS: '32u' },
    { SUBGROUPS: '2u', COLUMNS: '32u' },
    { SUBGROUPS: '4u', COLUMNS: '16u' },
    { SUBGROUPS: '2u', COLUMNS: '16u' },
  ],
  bytesOf: ({ rows, columns, line, lanes }) =>
    16 * (rows + columns) * line + (2 + 4) * rows * (columns + 8) + 4 * rows + 16 * columns + 4 * lanes,
};

/** Why the device cannot run a tile for rows of `width`, or null. */
function lacks(gpu: KernelDevice, { bytesOf }: Tiles, tile: Tuning, width: number): string | null {
  const { M, N, K } = gpu.adapter.subgroupMatrix!;
  const [subgroups, columns, buffers] = [
    tuned(tile, 'SUBGROUPS'),
    tuned(tile, 'COLUMNS'),
    tuned({ BUFFERS: '1u', ...tile }, 'BUFFERS'),
  ];
  const [rows, lanes] = [subgroups * M, subgroups * fixedSubgroupSize(gpu)];
  const down = lanes / (width / 4);
  const bytes = bytesOf({ rows, columns, line: width / 4 + 2, lanes, buffers });
  const { maxComputeWorkgroupStorageSize: memory, maxComputeInvocationsPerWorkgroup: most } = gpu.adapter.limits;
  if (bytes > memory!) return `the tile takes ${bytes} bytes of workgroup memory and the device has ${memory}`;
  if (lanes > most! || lanes < columns) return `${lanes} lanes are no workgroup for tiles of ${columns} here`;
  if (columns < Math.max(2 * N, K)) return `tiles of ${columns} hold no pair of matrices here`;
  if (rows % down !== 0 || columns % down !== 0)
    return `${lanes} lanes do not divide tiles of ${columns} and ${rows} rows of ${width}`;
  return columns / down > MOST ? `a lane would read ${columns / down} vec4s of a tile ahead; at most ${MOST}` : null;
}

const paddedTo = ({ widths }: Tiles, width: number): number => widths.find((most) => width <= most) ?? 0;

const tileFor = (gpu: KernelDevice, kind: Tiles, width: number): Tile | undefined =>
  kind.tiles.find((tile) => lacks(gpu, kind, tile, width) === null);

const fitsUnits =
  (kind: Tiles) =>
  (gpu: KernelDevice, { inQuads, width, tokens, keys }: AttentionPlan): boolean => {
    const unit = gpu.adapter.subgroupMatrix;
    const lanes = fixedSubgroupSize(gpu);
    const padded = paddedTo(kind, width);
    return (
      gpu.kernels.halfProducts &&
      unit !== null &&
      lanes >= unit.M &&
      unit.M * unit.N >= 2 * lanes &&
      inQuads &&
      Math.min(tokens, keys) >= MIN_ROWS &&
      padded > 0 &&
      padded <= MOST * Math.min(unit.N, unit.K) &&
      tileFor(gpu, kind, padded) !== undefined
    );
  };

const tuningFor =
  (kind: Tiles) =>
  (gpu: KernelDevice, { width }: AttentionPlan): Tuning => {
    const { M, N, K } = gpu.adapter.subgroupMatrix!;
    const padded = paddedTo(kind, width);
    return {
      D: `${padded}u`,
      SG: `${fixedSubgroupSize(gpu)}u`,
      MATRIX_M: `${M}u`,
      MATRIX_N: `${N}u`,
      MATRIX_K: `${K}u`,
      ...tileFor(gpu, kind, padded)!,
    };
  };

const fitsTile =
  (kind: Tiles) =>
  (gpu: KernelDevice, _: number, tuning: Tuning): string | null =>
    gpu.adapter.subgroupMatrix === null
      ? 'the adapter has no matrix units'
      : lacks(gpu, kind, tuning, tuning.D ? tuned(tuning, 'D') : kind.widths.at(-1)!);

const rowsOf = (gpu: KernelDevice, tuning: Tuning): number =>
  tuned(tuning, 'SUBGROUPS') * gpu.adapter.subgroupMatrix!.M;

export const attentionOnMatrixUnits: OpVariant<AttentionPlan> = {
  kernel: attentionForwardMatrix,
  fits: fitsUnits(FORWARD),
  tuning: tuningFor(FORWARD),
  free: { SUBGROUPS: fitsTile(FORWARD), COLUMNS: fitsTile(FORWARD), BUFFERS: fitsTile(FORWARD) },
  grid: (gpu, { batch, heads, tokens }, _, tuning) => [ceilDiv(tokens, rowsOf(gpu, tuning)), batch * heads, 1],
};

export const attentionBackwardOnMatrixUnits: BackwardVariant = {
  kernel: attentionBackwardMatrix,
  fits: fitsUnits(BACKWARD),
  tuning: tuningFor(BACKWARD),
  free: { SUBGROUPS: fitsTile(BACKWARD), COLUMNS: fitsTile(BACKWARD) },
  grid: (gpu, { batch, heads, group, tokens, keys }, entry, tuning) =>
    entry === 'backward_kv'
      ? [ceilDiv(keys, rowsOf(gpu, tuning)), (batch * heads) / group, 1]
      : [ceilDiv(tokens, rowsOf(gpu, tuning)), batch * heads, 1],
  entries: ['backward_q', 'backward_kv'],
};
