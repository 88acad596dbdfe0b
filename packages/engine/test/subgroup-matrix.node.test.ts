/**
 * The kernels for matrix units compile at every tuning: by Dawn's backend without a device, which offers every feature,
 * so that this runs everywhere.
 */
import { create } from 'webgpu';
import { expect, test } from 'vitest';
import { attentionBackwardMatrix } from '@curio/kernels/attention_backward_matrix';
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import { specialise } from '../src/gpu/kernel/kernel.ts';
import type { KernelSource, Tuning } from '../src/gpu/kernel/kernel.ts';

const layouts = ['false', 'true'].flatMap((TRANSPOSE_A) =>
  ['false', 'true'].map((TRANSPOSE_B) => ({ TRANSPOSE_A, TRANSPOSE_B })),
);
/** Each with the tunings that every value of the others is tried at. */
const KERNELS: readonly (readonly [KernelSource, readonly Tuning[]])[] = [
  [matmulSubgroupMatrix, layouts],
  [attentionForwardMatrix, ['32u', '64u', '128u'].map((D) => ({ D, COLUMNS: '32u' }))],
  [attentionBackwardMatrix, ['32u', '64u'].map((D) => ({ D }))],
];
// kept: Node aborts when it is collected before its device
const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

test('every tuning compiles', async () => {
  const adapter = (await gpu.requestAdapter())!;
  const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
  const device = await adapter.requestDevice({ requiredFeatures });
  const errorsOf = async (code: string): Promise<string[]> => {
    device.pushErrorScope('validation');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    await device.popErrorScope();
    return messages.filter(({ type }) => type !== 'info').map(({ lineNum, message }) => `${lineNum}: ${message}`);
  };
  for (const [kernel, tunings] of KERNELS) {
    for (const { name, allowed } of kernel.tunables) {
      for (const value of allowed) {
        for (const tuning of tunings)
          expect(
            await errorsOf(specialise(kernel, { ...tuning, [name]: value })),
            `${kernel.name} ${name}=${value} ${JSON.stringify(tuning)}`,
          ).toEqual([]);
      }
    }
  }
  expect(await errorsOf(matmulSubgroupMatrix.code.replace('Left, row_major', 'Right, row_major'))).not.toEqual([]); // it does look
  device.destroy();
});
