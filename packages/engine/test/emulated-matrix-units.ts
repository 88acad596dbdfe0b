/** Lets an adapter without matrix units compute what they would, by the kernels for them in plain WGSL. */
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import type { Gpu } from '../src/index.ts';
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';
import { canEmulateAttention, replaceAttention } from './emulated-attention.ts';
import { emulateMatrices, SIDE } from './emulated-matrices.ts';
import type { Emulation } from './emulated-matrices.ts';

/** The kernels for matrix units. */
const KERNELS: readonly (readonly [KernelSource, Emulation])[] = [
  [matmulSubgroupMatrix, { deferred: ['write_results'] }],
];

/** Whether a subgroup has as many lanes as a matrix has rows. */
export const canEmulate = ({ adapter: { subgroupSize } }: Gpu): boolean =>
  subgroupSize?.min === SIDE && subgroupSize.max === SIDE;

/**
 * Lets `gpu` report matrix units of 8 by 8 by 8, compute what they would, and use them. It also reports
 * half of its workgroup memory, since halves take four bytes here.
 */
export function emulateMatrixUnits(gpu: Gpu): void {
  const { limits } = gpu.adapter;
  const maxComputeWorkgroupStorageSize = limits.maxComputeWorkgroupStorageSize! / 2;
  Object.assign(gpu.adapter, {
    subgroupMatrix: { M: SIDE, N: SIDE, K: SIDE },
    limits: { ...limits, maxComputeWorkgroupStorageSize },
  });
  for (const [kernel, emulation] of KERNELS)
    gpu.kernels.replacements.useKernel(kernel, emulateMatrices(kernel, emulation));
  if (canEmulateAttention(gpu)) replaceAttention(gpu);
  gpu.kernels.enableHalfProducts();
}
