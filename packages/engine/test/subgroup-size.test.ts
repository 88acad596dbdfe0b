/** Which subgroup size kernels are given, and that a device that can is held to it. */
import { rowsSoftmaxSubgroup } from '@curio/kernels/rows_softmax_subgroup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SUBGROUP_SIZE_CONTROL } from '../src/gpu/adapter.ts';
import { pinSubgroups } from '../src/gpu/kernel/kernel.ts';
import { fixedSubgroupSize } from '../src/index.ts';
import type { Gpu } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice();
});
afterAll(() => gpu.close());

test.each([
  ['an adapter without subgroups', null, true, 0],
  ['Lavapipe', [8, 8], false, 8],
  ['NVIDIA', [32, 32], true, 32],
  ['Intel, which may ask', [8, 32], true, 32],
  ['Intel, which may not', [8, 32], false, 0],
  ['AMD, which may ask', [32, 64], true, 32],
  ['old AMD', [64, 64], false, 64],
  ['small ones', [4, 16], true, 16],
  ['a size that no kernel is written for', [128, 128], true, 0],
] as const)('%s', (_, sizes, mayAsk, lanes) => {
  const features = mayAsk ? [SUBGROUP_SIZE_CONTROL] : [];
  const subgroupSize = sizes && { min: sizes[0], max: sizes[1] };
  expect(fixedSubgroupSize({ adapter: { ...gpu.adapter, features, subgroupSize } } as unknown as Gpu)).toBe(lanes);
});

test('every entry asks for SG lanes, and no line moves', () => {
  const { code } = rowsSoftmaxSubgroup;
  const pinned = pinSubgroups(code);
  expect(pinned.match(/@compute @workgroup_size\(WG\) @subgroup_size\(SG\)/g)).toHaveLength(2);
  expect(pinned.startsWith('enable subgroups; enable subgroup_size_control;\n')).toBe(true);
  expect(pinned.split('\n')).toHaveLength(code.split('\n').length);
});

test('a device that can refuses another size', async ({ skip }) => {
  const { features, subgroupSize } = gpu.adapter;
  if (!features.includes(SUBGROUP_SIZE_CONTROL)) skip('this device does not let a kernel ask for a subgroup size');
  const other = [4, 64].find((lanes) => lanes < subgroupSize!.min || lanes > subgroupSize!.max)!;
  await gpu.pipelines.prepare(rowsSoftmaxSubgroup, 'forward', { SG: `${fixedSubgroupSize(gpu)}u`, WG: '64u' });
  await expect(gpu.pipelines.prepare(rowsSoftmaxSubgroup, 'forward', { SG: `${other}u`, WG: '64u' })).rejects.toThrow(
    /subgroup_size attribute/,
  );
});
