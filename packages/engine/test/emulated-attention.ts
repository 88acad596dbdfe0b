/** Lets an adapter without matrix units compute in attention what they would. */
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import type { Gpu } from '../src/index.ts';
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';
import { emulateMatrices, SIDE } from './emulated-matrices.ts';

const KERNELS: readonly KernelSource[] = [attentionForwardMatrix];

/** Whether all lanes that share a matrix are one subgroup. */
export const canEmulateAttention = ({ adapter: { subgroupSize: size } }: Gpu): boolean =>
  size?.min === size?.max && (size?.min === SIDE || size?.min === 2 * SIDE);

function emulated(kernel: KernelSource): KernelSource {
  const { lib, ...rest } = emulateMatrices(kernel, { deferred: ['scale_pair', 'write_pair'], words: 768 });
  return { ...rest, lib: lib.replaceAll(/alias (\w+) = subgroup_matrix_.*/g, 'alias $1 = u32;') };
}

/** Lets `gpu` report matrix units of 8 by 8 by 8, compute what they would, and use them. */
export function emulateAttention(gpu: Gpu): void {
  (gpu.adapter as { subgroupMatrix: object | null }).subgroupMatrix = { M: SIDE, N: SIDE, K: SIDE };
  for (const kernel of KERNELS) gpu.kernels.replacements.useKernel(kernel, emulated(kernel));
  gpu.kernels.enableHalfProducts();
}
