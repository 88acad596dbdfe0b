/**
 * @file The product on matrix units. It rounds operands to f16, so it belongs to no family, whose kernels all have the
 * same contract, and must be enabled explicitly.
 */
import { matmulHalves } from '@curio/kernels/matmul_halves';
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { Run } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { MatmulPlan, MatmulVariant } from './plan.ts';
import type { WeightFormat } from '../parts/weight-format.ts';

/**
 * Subgroups of a workgroup down and across, matrices of a subgroup down, of which four lie across, and terms a step.
 * The largest first: 182 TFLOP/s on an H200, the next 145. Where few tiles leave a processor one or two workgroups,
 * each step waits for its loads, 1 µs for 32 terms there: twice as many terms halve the steps. Each is complete, since
 * `gpu.kernels.tuned` adds it to what would be chosen.
 */
const TILES = [
  { DOWN: '4u', ACROSS: '2u', T: '2u', DEPTH: '64u' },
  { DOWN: '4u', ACROSS: '2u', T: '2u', DEPTH: '32u' },
  { DOWN: '4u', ACROSS: '1u', T: '1u', DEPTH: '64u' },
  { DOWN: '4u', ACROSS: '1u', T: '1u', DEPTH: '32u' },
] as const satisfies readonly Tuning[];

const SMALLEST = TILES.at(-1)!;

/** This many workgroups fill a device. */
const FULL = 128;

/** The most terms that a step may be tuned to take. */
const DEEPEST = 64;

/** Rows and columns of the tile of one workgroup. */
function sidesOf(gpu: KernelDevice, tile: Tuning): { rows: number; columns: number } {
  const unit = gpu.adapter.subgroupMatrix!;
  return { rows: tuned(tile, 'DOWN') * tuned(tile, 'T') * unit.M, columns: tuned(tile, 'ACROSS') * 4 * unit.N };
}

/**
 * Why the device cannot run a tile, or null: by the kernel's own declarations, for whichever layout of A and B needs
 * more memory.
 */
function lacks(gpu: KernelDevice, tile: Tuning): string | null {
  const { M, N } = gpu.adapter.subgroupMatrix!;
  const { rows, columns } = sidesOf(gpu, tile);
  const [depth, pad, buffers] = [tuned(tile, 'DEPTH'), 8, tuned({ BUFFERS: '1u', ...tile }, 'BUFFERS')];
  const subgroups = tuned(tile, 'DOWN') * tuned(tile, 'ACROSS');
  const halves =
    Math.max(rows * (depth + pad), depth * (rows + pad)) + Math.max(columns * (depth + pad), depth * (columns + pad));
  const bytes = 2 * buffers * halves + 4 * subgroups * M * N + 64;
  const { maxComputeWorkgroupStorageSize: memory, maxComputeInvocationsPerWorkgroup: lanes } = gpu.adapter.limits;
  if (bytes > memory!) return `the tile takes ${bytes} bytes of workgroup memory and the device has ${memory}`;
  return subgroups * fixedSubgroupSize(gpu) > lanes! ? `${subgroups} subgroups are no workgroup here` : null;
}

const fitsTile = (gpu: KernelDevice, _: number, tuning: Tuning): string | null => lacks(gpu, tuning);

/** The tiles that products use on this device; the smallest is for every device. */
export const matrixTiles = (gpu: KernelDevice): readonly Tuning[] =>
  TILES.filter((tile) => tile === SMALLEST || lacks(gpu, tile) === null);

/** The tile of products that fill no device: the small one, with as many terms a step as the device has memory for. */
export const smallTile = (gpu: KernelDevice): Tuning =>
  matrixTiles(gpu).find((tile) => sidesOf(gpu, tile).rows === sidesOf(gpu, SMALLEST).rows)!;

/** The largest tile of which there are enough to fill the device. */
function tileFor(gpu: KernelDevice, { M, N, batches }: MatmulPlan): Tuning {
  const small = smallTile(gpu);
  const tiles = matrixTiles(gpu);
  const isEnough = (tile: Tuning): boolean => {
    const { rows, columns } = sidesOf(gpu, tile);
    return ceilDiv(M, rows) * ceilDiv(N, columns) * batches >= FULL;
  };
  return tiles.slice(0, tiles.indexOf(small)).find(isEnough) ?? small;
}

export const subgroupMatrix: MatmulVariant = {
  kernel: matmulSubgroupMatrix,
  tuning(gpu, plan) {
    const { format, layout, K, batches } = plan;
    const unit = gpu.adapter.subgroupMatrix!;
    // The parts of a split sum are batches of the layout tn, and the last one is shorter.
    const mayEndInside = K % DEEPEST !== 0 || (layout === 'tn' && batches > 1);
    return {
      FORMAT: format,
      TRANSPOSE_A: `${layout[0] === 't'}`,
      TRANSPOSE_B: `${layout[1] === 't'}`,
      TAIL: `${mayEndInside}`,
      SG: `${fixedSubgroupSize(gpu)}u`,
      MATRIX_M: `${unit.M}u`,
      MATRIX_N: `${unit.N}u`,
      MATRIX_K: `${unit.K}u`,
      ...tileFor(gpu, plan),
    };
  },
  free: { DOWN: fitsTile, ACROSS: fitsTile, T: fitsTile, DEPTH: fitsTile, BUFFERS: fitsTile, GROUP: () => null },
  grid(gpu, { M, N, batches }, _, tuning) {
    const { rows, columns } = sidesOf(gpu, tuning);
    return [ceilDiv(N, columns), ceilDiv(M, rows), batches];
  },
};

/** The same over operands rounded beforehand, so that the product reads half as much. */
export const subgroupMatrixHalves: MatmulVariant = {
  ...subgroupMatrix,
  tuning(gpu, plan, entry) {
    const { FORMAT, ...rest } = subgroupMatrix.tuning!(gpu, plan, entry);
    return { ...rest, FORMAT: FORMAT === 'F32' ? 'F16' : FORMAT!, A_FORMAT: 'F16' };
  },
  bind(run, { buffers, params }, { format }) {
    const { a, b } = buffers as Record<string, Tensor>;
    return { buffers: { ...buffers, a: inHalves(run, a!), ...(format === 'F32' && { b: inHalves(run, b!) }) }, params };
  },
};

/** x as f16. */
function inHalves(run: Run, x: Tensor): Tensor {
  const y = run.out(x.shape, 'f16');
  run.dispatch(matmulHalves, 'pack', {
    buffers: { x, y },
    params: { size: x.size },
    grid: lineGrid(ceilDiv(x.size, 8 * 256)),
  });
  return y;
}

/** Elements of B in the sixteen bytes that a lane reads at a time; of A there are four. */
const CHUNK: Readonly<Record<WeightFormat, number>> = {
  F32: 4,
  F16: 8,
  BF16: 8,
  INT8: 16,
  INT4: 32,
  INT4_ZEROS: 32,
  NF4: 32,
};

/** Rows in memory must be whole chunks; below 16 of anything most of a tile would be padding. */
export function fitsMatrixUnits(gpu: KernelDevice, { layout, M, N, K, K2, format, groupSize }: MatmulPlan): boolean {
  if (gpu.adapter.subgroupMatrix === null || fixedSubgroupSize(gpu) === 0 || Math.min(M, N, K) < 16) return false;
  const isWhole =
    (layout[0] === 'n' ? K : M) % 4 === 0 &&
    (layout[1] === 'n' ? N : K) % CHUNK[format] === 0 &&
    groupSize % CHUNK[format] === 0;
  const pairFits = K2 === 0 || (layout[0] === 'n' && K2 % 4 === 0 && (layout[1] === 't' || N % 4 === 0));
  return isWhole && pairFits;
}

/**
 * Minimum multiply-adds that justify two more dispatches, and minimum rows and columns of the result that justify the
 * copies: each element is read once for 64 or 128 of them. At 577×4096×1024, a layer of CLIP-L's MLP, both ways took
 * the same time on an H200, so it is below.
 */
const [MIN_PRODUCTS, MIN_READS] = [2 ** 32, 512];

/**
 * Whether A, and B if it is f32, are rounded before the product, so that it reads half as much.
 * `gpu.kernels.forced.set('matmul halves', 'before' | 'within')` decides it in tests and benchmarks.
 */
export function halvesPay(gpu: KernelDevice, { layout, M, N, K, format, batches }: MatmulPlan): boolean {
  const isWhole = (layout[0] === 'n' ? K : M) % 8 === 0 && (layout[1] === 'n' ? N : K) % 8 === 0;
  const forced = gpu.kernels.forced.get('matmul halves');
  if (forced !== undefined) return isWhole && forced === 'before';
  return isWhole && format === 'F32' && M * N * K * batches >= MIN_PRODUCTS && Math.min(M, N) >= MIN_READS;
}
