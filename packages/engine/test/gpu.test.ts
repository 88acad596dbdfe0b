/** The device: what it reports, how it fails, how it ends. Every test opens its own, since a failure is for good. */
import { elementwiseSwiglu as kernel } from '@curio/kernels/elementwise_swiglu';
import { expect, onTestFinished, test } from 'vitest';
import {
  add,
  cumsum,
  DeviceError,
  gelu,
  KernelError,
  matmul,
  openGpu,
  randomNormal,
  relu,
  softmax,
  swiglu,
  tensor,
  zeros,
} from '../src/index.ts';
import type { Gpu, GpuOptions, Tensor } from '../src/index.ts';

async function open(options?: GpuOptions): Promise<Gpu> {
  const gpu = await openGpu(options);
  onTestFinished(() => gpu.close());
  return gpu;
}

/** One dispatch of the gated unit, in or out of order as the test wants it. */
function gate(
  gpu: Gpu,
  x: Tensor,
  y: Tensor,
  changes: { grid?: [number, number, number]; offset?: number; op?: string } = {},
): void {
  const { grid = [1, 1, 1], offset = 0, op = 'swiglu' } = changes;
  const buffers = { gate: { ...x.binding, offset }, up: x.binding, y: y.binding };
  gpu.dispatch(kernel, 'forward', { buffers, params: { vectors: 1 }, grid, op });
}

test('the report describes the device and its capabilities', async () => {
  const gpu = await open();
  const { adapter } = gpu;
  expect(typeof adapter.isSoftware).toBe('boolean');
  expect(`${adapter.vendor}${adapter.architecture}${adapter.description}${adapter.device}`).not.toBe('');
  expect(adapter.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256);
  expect(adapter.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
  expect(adapter.subgroupSize !== null).toBe(adapter.features.includes('subgroups'));
  if (adapter.subgroupSize) expect(adapter.subgroupSize.max).toBeGreaterThanOrEqual(adapter.subgroupSize.min);
  expect([...adapter.features].sort()).toEqual(adapter.features);
});

test('the portable floor has the minimum that WebGPU guarantees, and no further feature', async () => {
  const { adapter } = await open({ features: 'portable' });
  expect(adapter.features.filter((name) => name !== 'core-features-and-limits')).toEqual([]);
  expect(adapter.subgroupSize).toBeNull();
  expect(adapter.limits).toMatchObject({
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
    maxStorageBufferBindingSize: 128 * 2 ** 20,
  });
});

test('params in uniform buffers and as immediates give the same bits', async () => {
  const results: ArrayLike<number>[][] = [];
  for (const features of ['all', 'portable'] as const) {
    const gpu = await open({ features, seed: 3 });
    for (const family of ['softmax', 'matmul nn']) gpu.kernels.forced.set(family, 'naive');
    const immediates = features === 'all' && gpu.adapter.languageFeatures.includes('immediate_address_space');
    expect(gpu.pipelines.get(kernel, 'forward').params).toBe(immediates ? 'immediate' : 'uniform');
    results.push(
      await gpu.scope(() => {
        const x = randomNormal(gpu, [37, 19]);
        const w = randomNormal(gpu, [19, 23]);
        return Promise.all(
          [x, gelu(x), softmax(x), cumsum(x, { axis: 0 }), swiglu(x, add(x, 1)), matmul(x, w)].map((y) => y.read()),
        );
      }),
    );
  }
  expect(results[0]).toEqual(results[1]);
});

test('what WebGPU refuses is fatal and names op and kernel', async () => {
  const gpu = await open();
  const x = tensor(gpu, [1, 2, 3, 4]);
  gate(gpu, x, zeros(gpu, [4]), { offset: 4 });
  const failed = await x.read().then(
    () => null,
    (error: unknown) => error as KernelError,
  );
  expect(failed).toBeInstanceOf(KernelError);
  expect(failed!.message).toMatch(/^swiglu: WebGPU refused elementwise\/swiglu:forward: .*offset/is);
  expect(failed!.message).not.toContain('recorded at');
  await expect(x.read()).rejects.toThrow(failed!.message); // nothing after it can be relied on
  await expect(gpu.synchronize()).rejects.toThrow(failed!.message);
  expect(() => relu(x)).toThrow(failed!.message);
});

test('debug adds the stack that recorded it', async () => {
  const gpu = await open({ debug: true });
  const x = tensor(gpu, [1, 2, 3, 4]);
  const recordedHere = (): void => gate(gpu, x, zeros(gpu, [4]), { offset: 4 });
  recordedHere();
  await expect(x.read()).rejects.toThrow(
    /WebGPU refused elementwise\/swiglu:forward: .*\nrecorded at\n.*at recordedHere/s,
  );
});

test('a grid too long and a buffer read while it is written are refused at the call, and nothing is lost', async () => {
  const gpu = await open();
  const x = tensor(gpu, [1, 2, 3, 4]);
  const y = zeros(gpu, [4]);
  expect(() => gate(gpu, x, y, { grid: [70000, 1, 1] })).toThrow(
    'swiglu: elementwise/swiglu:forward: the grid is 70000 × 1 × 1 workgroups; each size must be at most 65535, lineGrid() folds a longer line.',
  );
  expect(() => gate(gpu, x, x)).toThrow(
    'swiglu: elementwise/swiglu:forward: writes y into the buffer that gate is read from; give each its own storage.',
  );
  expect(() => gpu.dispatch(kernel, 'forward', { buffers: { gate: x.binding }, grid: [1, 1, 1] })).toThrow(
    'elementwise/swiglu:forward: buffer up was not given; it binds gate, up, y.',
  );
  expect(() =>
    gpu.dispatch(kernel, 'forward', { buffers: { gate: x.binding, up: x.binding, y: y.binding }, grid: [1, 1, 1] }),
  ).toThrow('kernels/elementwise/swiglu.wgsl: parameter vectors was not given; it takes vectors.');
  expect(() => gpu.dispatch(kernel, 'sideways', { buffers: {}, grid: [1, 1, 1] })).toThrow(
    'kernels/elementwise/swiglu.wgsl: has no entry sideways; it has forward, backward, backward_gate, backward_up.',
  );
  expect(() => gpu.dispatch(kernel, 'forward', { buffers: {}, grid: [1, 1, 1], tuning: { WG: '64u' } })).toThrow(
    'kernels/elementwise/swiglu.wgsl: has no tunable WG; it declares STEPS.',
  );
  expect([...(await relu(x).read())]).toEqual([1, 2, 3, 4]);
});

test('a kernel that does not compile is reported by file, line and column', async () => {
  const gpu = await open();
  const broken = { ...kernel, code: kernel.code.replace('params.vectors', 'params.nothing') };
  const line = 1 + kernel.code.slice(0, kernel.code.indexOf('params.vectors')).split('\n').length - 1;
  const sentence = new RegExp(`^kernels/elementwise/swiglu\\.wgsl:${line}:\\d+ struct member nothing not found$`);
  const x = tensor(gpu, [1, 2, 3, 4]);
  await expect(gpu.prepare(broken, 'forward')).rejects.toThrow(sentence); // compiled ahead, the device goes on
  await gpu.prepare(kernel, 'forward');
  expect([...(await relu(x).read())]).toEqual([1, 2, 3, 4]);
  gpu.dispatch(broken, 'forward', {
    buffers: { gate: x.binding, up: x.binding, y: zeros(gpu, [4]).binding },
    params: { vectors: 1 },
    grid: [1, 1, 1],
  });
  await expect(x.read()).rejects.toThrow(sentence);
  await expect(x.read()).rejects.toThrow(sentence);
});

test('more than the adapter can bind is refused before it is allocated', async () => {
  const gpu = await open({ features: 'portable' });
  const before = gpu.memoryReport();
  const limit = 128 * 2 ** 20;
  expect(() => zeros(gpu, [2 ** 16, 2 ** 10])).toThrow(
    new DeviceError(
      `memory: a tensor of 268435456 bytes is larger than the adapter's limit of ${limit} bytes per binding; split it.`,
    ),
  );
  expect(gpu.memoryReport()).toEqual(before);
  const small = await open({ memoryLimit: 10_000 });
  const x = tensor(small, new Float32Array(1500));
  expect(() => relu(x)).toThrow(
    'memory: 6.1 kB more would exceed the limit of 10.0 kB: weights 0 bytes, gradients 0 bytes, optimizer 0 bytes, step 6.1 kB; make the batch smaller or raise the limit.',
  );
});

test('a lost device rejects whoever waits, and every later call says so in one sentence', async () => {
  const gpu = await open();
  const x = tensor(gpu, [1, 2, 3]);
  await gpu.synchronize();
  gpu.device.destroy(); // as a driver would
  const told = await gpu.lost;
  expect(told).toBeInstanceOf(DeviceError);
  expect(told.message).toMatch(
    /^gpu: the device was lost \(destroyed\): .*; open a new one and load the last checkpoint\.$/,
  );
  for (const call of [() => x.read(), () => gpu.synchronize(), () => gpu.prepare(kernel, 'forward')])
    await expect(call()).rejects.toThrow(told.message);
  for (const call of [() => relu(x), () => tensor(gpu, [1])]) expect(call).toThrow(told.message);
});

test('work in flight when the device is lost fails with that reason, not an obscure one', async () => {
  const gpu = await open();
  const x = tensor(gpu, new Float32Array(1 << 16));
  const reads = [x.read(), gelu(x).read(), gpu.synchronize()];
  gpu.device.destroy();
  for (const end of await Promise.allSettled(reads))
    if (end.status === 'rejected') expect(String(end.reason)).toMatch(/DeviceError: gpu: the device was lost/);
});

test('close() ends one device and no other, and may be called twice', async () => {
  const [one, other] = [await open(), await open()];
  const [x, y] = [tensor(one, [1, -2]), tensor(other, [3, -4])];
  expect(() => add(x, y)).toThrow(
    'add: the inputs are on two devices; read those of one and create them on the other.',
  );
  expect([...(await relu(x).read()), ...(await relu(y).read())]).toEqual([1, 0, 3, 0]);
  one.close();
  one.close();
  const closed = 'gpu: the device was used after close(); open a new one with openGpu().';
  expect((await one.lost).message).toBe(closed);
  await expect(x.read()).rejects.toThrow(closed);
  expect(() => relu(x)).toThrow(closed);
  expect([...(await relu(y).read())]).toEqual([3, 0]);
});
