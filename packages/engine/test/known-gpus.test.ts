/** The static table of known GPUs: an adapter in it gets its choices, every other one the general rule. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { softmax, tensor } from '../src/index.ts';
import type { AdapterReport, Gpu, KnownGpu, Tuning } from '../src/index.ts';
import { tune } from '../src/gpu/kernel/choose.ts';
import { KNOWN_GPUS } from '../src/gpu/kernel/known-gpus.ts';
import type { KernelDevice } from '../src/gpu/kernel/variant.ts';
import { subgroupMatrix } from '../src/ops/matmul/matrix-units.ts';
import type { MatmulPlan } from '../src/ops/matmul/plan.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice();
});
afterAll(() => gpu.close());

const H200 = { vendor: 'nvidia', architecture: '', device: 'nvidia-h200' };
const plan: MatmulPlan = {
  layout: 'nn',
  M: 4096,
  N: 4096,
  K: 4096,
  K2: 0,
  hasBias: false,
  batches: 1,
  format: 'F32',
  groupSize: 0,
  inRows: true,
  isPart: false,
};

function tileOn(names: Partial<AdapterReport>, own: Partial<MatmulPlan> = {}, memory = 49152, tuned?: Tuning): string {
  const limits = {
    ...gpu.adapter.limits,
    maxComputeWorkgroupStorageSize: memory,
    maxComputeInvocationsPerWorkgroup: 1024,
  };
  const unit = { subgroupMatrix: { M: 16, N: 16, K: 16 }, subgroupSize: { min: 32, max: 32 } };
  const kernels = {
    forced: new Map<string, string>(),
    tuned: new Map(tuned ? [[subgroupMatrix.kernel.name, tuned]] : []),
    halfProducts: true,
  };
  const device: KernelDevice = { memory: gpu.memory, kernels, adapter: { ...gpu.adapter, ...unit, ...names, limits } };
  const { tuning, grid } = tune(device, subgroupMatrix, { ...plan, ...own }, 'multiply');
  return `T=${tuning!.T} DEPTH=${tuning!.DEPTH} ${grid.join(' ')}`;
}

test('a tuning of the table is used on its GPU alone, in its sizes, and its grid follows', () => {
  const [known, general] = ['T=4u DEPTH=32u 32 16 1', 'T=2u DEPTH=64u 32 32 1'];
  expect(tileOn(H200)).toBe(known);
  expect(tileOn({ ...H200, device: 'nvidia-h300' })).toBe(general);
  expect(tileOn({ ...H200, architecture: 'ampere' })).toBe(general);
  expect(tileOn({ ...H200, vendor: 'amd' })).toBe(general);
  expect(tileOn(H200, { layout: 'nt' })).toBe(general);
  expect(tileOn(H200, { M: 4097 })).toBe('T=2u DEPTH=64u 32 33 1');
  expect(tileOn(H200, { M: 2049 })).toBe('T=4u DEPTH=32u 32 9 1');
  expect(tileOn(H200, { M: 2048 })).toBe('T=2u DEPTH=64u 32 16 1');
});

test('where the device was opened with less memory than the GPU has, the general rule stays', () => {
  expect(tileOn(H200, {}, 32768)).toBe('T=2u DEPTH=32u 32 32 1');
});

test('what the user tunes counts more', () => {
  expect(tileOn(H200, {}, 49152, { T: '1u' })).toBe('T=1u DEPTH=64u 32 64 1');
});

afterEach(() => gpu.kernels.forced.clear());

/** The softmax kernel that runs, and its results, with the entry of a GPU named like this one but for `names`. */
async function softmaxOn(names: Partial<KnownGpu>, rows = 5): Promise<[string, number[]]> {
  const { vendor, architecture, device } = gpu.adapter;
  const variants = { 'softmax forward': [{ when: 'rows3', variant: 'naive' }] };
  const entry: KnownGpu = { vendor, architecture, device, variants, tunings: {}, ...names };
  (KNOWN_GPUS as KnownGpu[]).unshift(entry);
  const used: string[] = [];
  const { dispatch } = gpu;
  gpu.dispatch = (kernel, ...rest) => (used.push(kernel.name), dispatch.call(gpu, kernel, ...rest));
  try {
    const values = Float32Array.from({ length: 40 * rows }, (_, i) => Math.sin(i));
    const y = await gpu.scope(() => softmax(tensor(gpu, values, [rows, 40])).read());
    return [used.join(' '), [...(y as Float32Array)]];
  } finally {
    gpu.dispatch = dispatch;
    (KNOWN_GPUS as KnownGpu[]).splice(KNOWN_GPUS.indexOf(entry), 1);
  }
}

test('a variant of the table is chosen on its GPU alone, in its sizes, with the same bits each time', async () => {
  const [known, values] = await softmaxOn({});
  expect(known).toBe('rows/softmax_naive');
  expect(await softmaxOn({})).toEqual([known, values]);
  const [general, others] = await softmaxOn({ vendor: 'another' });
  expect(await softmaxOn({}, 9)).toEqual([general, expect.anything()]);
  expect(Math.max(...values.map((v, i) => Math.abs(v - others[i]!)))).toBeLessThan(1e-6);
});

test('what the user forces counts more, and a variant that is not there or does not fit is ignored', async () => {
  const [general] = await softmaxOn({ vendor: 'another' });
  const missing = { 'softmax forward': [{ when: 'rows3', variant: 'none' }] };
  expect((await softmaxOn({ variants: missing }))[0]).toBe(general);
  gpu.kernels.forced.set('softmax', 'shared');
  expect((await softmaxOn({}))[0]).toBe('rows/softmax_shared');
});
