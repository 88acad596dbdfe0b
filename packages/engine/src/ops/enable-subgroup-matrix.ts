import { KernelError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Tuning } from '../gpu/kernel.ts';
import { noGrad } from '../tensor/autograd.ts';
import { RandomStream } from '../tensor/philox.ts';
import { tensor } from '../tensor/tensor.ts';
import { matmul } from './matmul.ts';
import { layoutOf } from './matmul-product.ts';
import { subgroupMatrix } from './subgroup-matrix-variant.ts';

/** Edges in every direction, more than one tile, and enough terms for several steps. */
const [M, N, K] = [150, 138, 90];

/**
 * Lets matmul, linear and loraLinear round their operands to f16 and multiply on matrix units (tensor cores), with sums in f32: many times faster where the adapter
 * has them, and each operand off by up to 2⁻¹¹ of itself; one above 65,504 becomes infinite, one below 6·10⁻⁸ zero. Products of less than 16 rows, columns or terms,
 * and of bf16 weights, stay as they were. Sets `gpu.halfProducts`; set that to false to go back.
 *
 * First compares the kernel, at small products' tile and at large ones', with the usual one in all four layouts, on operands that f16 holds exactly: any difference is
 * a fault.
 * @returns null where it is on from now, else why not, in a sentence; products then stay in f32
 * Kernel: kernels/matmul/subgroup_matrix.wgsl, on Dawn's experimental feature chromium-experimental-subgroup-matrix (Chrome: behind a flag).
 */
export async function enableSubgroupMatrix(gpu: Gpu): Promise<string | null> {
  if (!gpu.adapter.subgroupMatrix) return `the adapter ${gpu.adapter.description || gpu.adapter.device} offers no matrix units for f16 with sums in f32`;
  const before = gpu.tuned.get(subgroupMatrix.kernel.name);
  try {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const fault = await compare(gpu, transposeA, transposeB);
        if (fault) return `${fault}, so products stay in f32`;
      }
    }
  } catch (error) {
    if (error instanceof KernelError) return `the kernel for matrix units does not compile here, so products stay in f32: ${error.message}`;
    throw error;
  } finally {
    gpu.tuned.delete(subgroupMatrix.kernel.name);
    if (before) gpu.tuned.set(subgroupMatrix.kernel.name, before);
  }
  gpu.halfProducts = true;
  return null;
}

/** The first difference between the two kernels in one layout, or null. */
async function compare(gpu: Gpu, transposeA: boolean, transposeB: boolean): Promise<string | null> {
  const random = new RandomStream(0, 0, 0);
  const eighths = (size: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: size }, () => Math.round(16 * random.normal()) / 8);
  const [a, b] = [eighths(M * K), eighths(K * N)];
  const run = (halves: boolean): Promise<ArrayLike<number>> => gpu.scope(() => {
    const was = gpu.halfProducts;
    gpu.halfProducts = halves;
    try {
      return noGrad(() => matmul(tensor(gpu, a, transposeA ? [K, M] : [M, K]), tensor(gpu, b, transposeB ? [N, K] : [K, N]), { transposeA, transposeB })).read();
    } finally {
      gpu.halfProducts = was;
    }
  });
  const layout = layoutOf(transposeA, transposeB);
  const usual = await run(false);
  for (const side of [M, 2 ** 14]) {
    const tuning: Tuning = subgroupMatrix.tuning!(gpu, { layout, M: side, N: side, K, K2: 0, hasBias: false, batches: 1, format: 'F32', groupSize: 0 });
    await gpu.prepare(subgroupMatrix.kernel, 'multiply', tuning); // so that one that does not compile leaves the device usable
    gpu.tuned.set(subgroupMatrix.kernel.name, { T: tuning.T!, DEEP: tuning.DEEP! });
    const onUnits = await run(true);
    const off = Array.from(onUnits).findIndex((value, i) => !(Math.abs(value - usual[i]!) <= 1e-4));
    if (off >= 0) return `matrix units give ${onUnits[off]} where ${usual[off]} is right (entry ${off} of a ${M}×${N}×${K} product in layout ${layout})`;
  }
  return null;
}
