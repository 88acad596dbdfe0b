/** @file Products in blocks of registers, for real GPUs: which tile for which sizes. */
import { matmulBlock } from '@curio/kernels/matmul_block';
import { matmulBlockScalar } from '@curio/kernels/matmul_block_scalar';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { KernelSource, Tuning } from '../../gpu/kernel/kernel.ts';
import { tuned } from '../../gpu/kernel/variant.ts';
import type { Run, Work } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { unpackWeight } from '../parts/unpack-weight.ts';
import { transposition } from './plan.ts';
import type { MatmulPlan, MatmulVariant } from './plan.ts';

/** Tiles, with the relative time per result: a larger one reads less for each. */
const TILES = [
  { rows: 128, columns: 128, slowness: 1 },
  { rows: 128, columns: 64, slowness: 1.1 },
  { rows: 64, columns: 128, slowness: 1.1 },
  { rows: 64, columns: 64, slowness: 1.25 },
] as const;

/** Tiles that a large GPU runs at once: fewer leave part of it idle. */
const AT_ONCE = 128;

/** The fastest tile, counting edges and idle parts of the device. */
function tileOf({ M, N, batches }: MatmulPlan): (typeof TILES)[number] {
  const timeOf = ({ rows, columns, slowness }: (typeof TILES)[number]): number =>
    Math.max(AT_ONCE, ceilDiv(M, rows) * ceilDiv(N, columns) * batches) * rows * columns * slowness;
  return TILES.reduce((best, tile) => (timeOf(tile) < timeOf(best) ? tile : best));
}

/**
 * Bytes of workgroup memory of the largest tile under SKEW 2, which avoids bank conflicts; without it 16 KiB suffice.
 */
const SKEWED_BYTES = 4 * 2 * (128 + 2) * 16;

/**
 * From this many multiply-adds on, a pair takes two dispatches, since a step that may read either of two operands waits
 * for its loads. On an H200, 512×4096×4096 took 0.43 ms, a pair of rank 128 0.02 ms, and both in one kernel 0.65 ms.
 */
const PAIR_SEPARATE = 2 ** 28;

/**
 * Quantised weights read by at least this many rows are unpacked once instead of in every tile of rows: on an H200
 * 512×4096×4096 took 0.68 ms over NF4 and 0.43 ms over f32, and unpacking takes 0.04 ms.
 */
const MIN_UNPACK_ROWS = 256;

/**
 * Whether B is unpacked beforehand. `gpu.kernels.forced.set('matmul unpack', 'before' | 'within')` decides it in tests
 * and benchmarks.
 */
function unpacks(gpu: KernelDevice, { format, M, N, K }: MatmulPlan): boolean {
  if (format === 'F32' || format === 'F16' || format === 'BF16') return false;
  const forced = gpu.kernels.forced.get('matmul unpack');
  return forced === undefined
    ? M >= MIN_UNPACK_ROWS && 4 * N * K <= gpu.adapter.limits.maxStorageBufferBindingSize!
    : forced === 'before';
}

function unpacked(run: Run, work: Work, { format, groupSize }: MatmulPlan) {
  const { a, b, scales, zeros } = work.buffers as Record<string, Tensor>;
  const values = unpackWeight(run, b!, format, {
    scales: scales!,
    zeros: format === 'INT4_ZEROS' ? zeros! : null,
    groupSize,
  });
  return {
    buffers: { ...work.buffers, b: values, scales: a!, zeros: a! },
    params: { ...work.params, group: 0 },
    tuning: { FORMAT: 'F32' },
  };
}

function blocks(
  kernel: KernelSource,
  fits: (plan: MatmulPlan) => boolean,
  formatOf: (plan: MatmulPlan) => Tuning,
): MatmulVariant {
  return {
    kernel,
    readsPitch: true,
    pairSeparate: ({ M, N, K }) => M * N * K >= PAIR_SEPARATE,
    adds: true,
    bind: (run, work, plan) => (unpacks(run.gpu, plan) ? unpacked(run, work, plan) : work),
    fits: (_, plan) => fits(plan) && plan.K > 0 && (plan.K2 === 0 || plan.layout[0] === 'n'),
    pays: (gpu, { M, N, K }) => gpu.adapter.costs.barriers === 'low' && M * N * K >= 4096,
    tuning(gpu, plan) {
      const { rows, columns } = tileOf(plan);
      return {
        ...formatOf(plan),
        ...transposition(plan.layout),
        PAIR: `${plan.K2 > 0}`,
        ROWS: `${rows}u`,
        COLUMNS: `${columns}u`,
        SKEW: gpu.adapter.limits.maxComputeWorkgroupStorageSize! < SKEWED_BYTES ? '0u' : '2u',
      };
    },
    free: { ROWS: () => null, COLUMNS: () => null },
    grid: (_, { M, N, batches }, __, tuning) => [
      ceilDiv(N, tuned(tuning, 'COLUMNS')),
      ceilDiv(M, tuned(tuning, 'ROWS')),
      batches,
    ],
  };
}

/** Rows of a multiple of four on both sides and in C. */
const isInFours = ({ layout, M, N, K, K2 }: MatmulPlan): boolean =>
  N % 4 === 0 && (layout[0] === 'n' ? K : M) % 4 === 0 && (layout[1] === 'n' || K % 4 === 0) && K2 % 4 === 0;

export const block = blocks(matmulBlock, isInFours, ({ format }) => ({ FORMAT: format }));

export const blockScalar = blocks(
  matmulBlockScalar,
  ({ format }) => format === 'F32',
  () => ({}),
);
