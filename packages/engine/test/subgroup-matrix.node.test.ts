/**
 * The kernel for matrix units compiles at every tuning: by Dawn's backend without a device, which offers every feature,
 * so that this runs everywhere.
 */
import { create } from 'webgpu';
import { expect, test } from 'vitest';
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import { specialise } from '../src/gpu/kernel/kernel.ts';
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';

const kernel: KernelSource = matmulSubgroupMatrix;
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
  const layouts = ['false', 'true'].flatMap((TRANSPOSE_A) =>
    ['false', 'true'].map((TRANSPOSE_B) => ({ TRANSPOSE_A, TRANSPOSE_B })),
  );
  for (const { name, allowed } of kernel.tunables) {
    for (const value of allowed) {
      for (const layout of layouts)
        expect(
          await errorsOf(specialise(kernel, { ...layout, [name]: value })),
          `${name}=${value} ${JSON.stringify(layout)}`,
        ).toEqual([]);
    }
  }
  expect(await errorsOf(kernel.code.replace('Left, row_major', 'Right, row_major'))).not.toEqual([]); // it does look
  device.destroy();
});
