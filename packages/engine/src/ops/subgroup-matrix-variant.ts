/** @file The product on matrix units. It rounds operands to f16, so it stands beside the families, whose kernels all keep one contract, and must be asked for. */
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import { ceilDiv } from '../gpu/grid.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Tuning } from '../gpu/kernel.ts';
import { fixedSubgroupSize, tuned } from '../gpu/variant.ts';
import type { MatmulPlan, MatmulVariant } from './matmul-variants.ts';

/** Bytes of workgroup memory that a tuning takes, by the kernel's own declarations; A and B as they lie, whichever way is larger. */
function workgroupBytes(tuning: Tuning): number {
  const [m, n, k, t, steps] = ['MATRIX_M', 'MATRIX_N', 'MATRIX_K', 'T', 'DEEP'].map((name) => tuned(tuning, name)) as [number, number, number, number, number];
  const [rows, columns, depth, pad] = [2 * t * m, 2 * t * n, steps * k, 8];
  const halves = Math.max(rows * (depth + pad), depth * (rows + pad)) + Math.max(columns * (depth + pad), depth * (columns + pad));
  return 2 * halves + 4 * 4 * m * n;
}

const holds = (gpu: Gpu, tuning: Tuning): boolean => workgroupBytes(tuning) <= gpu.adapter.limits.maxComputeWorkgroupStorageSize!;

export const subgroupMatrix: MatmulVariant = {
  kernel: matmulSubgroupMatrix,
  tuning(gpu, { format, layout, M, N, batches }) {
    const unit = gpu.adapter.subgroupMatrix!;
    const sizes = { SG: `${fixedSubgroupSize(gpu)}u`, MATRIX_M: `${unit.M}u`, MATRIX_N: `${unit.N}u`, MATRIX_K: `${unit.K}u` };
    const isWide = ceilDiv(M, 8 * unit.M) * ceilDiv(N, 8 * unit.N) * batches >= 128; // larger tiles where there are enough of them to fill a device
    const shapes = isWide ? [['4u', '2u'], ['4u', '1u'], ['2u', '1u']] : [['2u', '2u'], ['2u', '1u']];
    const [T, DEEP] = (shapes.find(([t, steps]) => holds(gpu, { ...sizes, T: t!, DEEP: steps! })) ?? ['2u', '1u']) as [string, string];
    return { FORMAT: format, TRANSPOSE_A: `${layout[0] === 't'}`, TRANSPOSE_B: `${layout[1] === 't'}`, ...sizes, T, DEEP };
  },
  free: { T: () => null, DEEP: () => null },
  grid(gpu, { M, N, batches }, _, tuning) {
    const unit = gpu.adapter.subgroupMatrix!;
    const side = 2 * tuned(tuning, 'T');
    return [ceilDiv(N, side * unit.N), ceilDiv(M, side * unit.M), batches];
  },
};

/** A row of a packed weight must be whole fours; bf16 has values that f16 cannot hold; below 16 of anything most of a tile would be padding. */
export function fitsMatrixUnits(gpu: Gpu, { layout, M, N, K, K2, format }: MatmulPlan): boolean {
  return gpu.adapter.subgroupMatrix !== null && fixedSubgroupSize(gpu) > 0 && Math.min(M, N, K) >= 16 && format !== 'BF16' && (K2 === 0 || layout[0] === 'n');
}
