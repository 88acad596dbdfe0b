/** Step arenas: what a step makes is freed with it, and a hundred steps take not one buffer more than ten. */
import { matmulNaive } from '@curio/kernels/matmul_naive';
import { matmulSubgroupTexels } from '@curio/kernels/matmul_subgroup_texels';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AdamW,
  backward,
  crossEntropy,
  keep,
  linear,
  neg,
  noGrad,
  openGpu,
  Parameter,
  relu,
  tensor,
} from '../src/index.ts';
import type { Binding, Gpu, KernelSource } from '../src/index.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const small = (count: number, seed: number): Float32Array<ArrayBuffer> => noise(count, seed).map((v) => 0.3 * v);

test('a hundred steps leave no more buffers than ten', async () => {
  const parameters = [
    new Parameter(gpu, 'a.weight', [32, 16], small(512, 1)),
    new Parameter(gpu, 'b.weight', [8, 32], small(256, 2)),
  ];
  const optimizer = new AdamW(gpu, parameters, { groups: [['weight', 1]], lr: 1e-2, maxGradNorm: 1 });
  const step = (): Promise<number> => {
    optimizer.zeroGrad();
    const read = gpu.scope(() => {
      const x = tensor(gpu, small(24 * 16, 3), [24, 16]);
      const loss = crossEntropy(
        linear(relu(linear(x, parameters[0]!)), parameters[1]!),
        tensor(
          gpu,
          Int32Array.from({ length: 24 }, (_, i) => i % 8),
        ),
      );
      const value = loss.item();
      backward(loss);
      return value;
    });
    optimizer.step();
    return read;
  };
  const first = await step();
  for (let i = 1; i < 10; i++) await step();
  const ten = gpu.memoryReport();
  let last = 0;
  for (let i = 10; i < 100; i++) last = await step();
  const hundred = gpu.memoryReport();
  expect(hundred.created).toBe(ten.created);
  expect(hundred.liveBuffers).toBe(ten.liveBuffers);
  expect(hundred.allocatedBytes).toBe(ten.allocatedBytes);
  expect(last).toBeLessThan(first / 2);
  optimizer.dispose();
  parameters.forEach((p) => p.dispose());
});

test('what a scope returns or keeps lives on, and the rest is freed', async () => {
  const before = gpu.memoryReport().liveBuffers;
  const made = gpu.scope(() => {
    const x = tensor(gpu, [1, 2, 3]);
    const kept = keep(relu(x));
    return { y: gpu.scope(() => relu(relu(x))), kept };
  });
  expect(gpu.memoryReport().liveBuffers).toBe(before + 2);
  expect(Array.from(await made.y.read())).toEqual([1, 2, 3]);
  made.y.dispose();
  made.kept.dispose();
  expect(gpu.memoryReport().liveBuffers).toBe(before);
});

test('a graph without backward is freed with its scope', () => {
  const before = gpu.memoryReport().liveBuffers;
  const weight = new Parameter(gpu, 'w', [4, 4], small(16, 5));
  weight.requiresGrad = true;
  gpu.scope(() => void linear(tensor(gpu, small(16, 6), [4, 4]), weight));
  gpu.scope(() => noGrad(() => void linear(tensor(gpu, small(16, 6), [4, 4]), weight)));
  expect(gpu.memoryReport().liveBuffers).toBe(before + 1);
  weight.dispose();
  expect(gpu.memoryReport().liveBuffers).toBe(before);
});

test('a tensor used after its scope says so in one sentence', () => {
  const x = gpu.scope(() => {
    const inner = tensor(gpu, [1]);
    return () => inner.binding;
  });
  expect(x).toThrow('tensor: f32 [1] was used after its scope ended; return it from the scope or keep() it.');
});

test('a texture has no more rows than the device allows, though its size class would', () => {
  const most = gpu.device.limits.maxTextureDimension2D;
  const texels = 20;
  const block = gpu.memory.acquire(16 * texels * (most - 3), 'step', texels);
  expect([block.texture!.width, block.texture!.height]).toEqual([texels, most]);
  gpu.memory.release(block);
  expect(gpu.memory.acquire(16 * texels * most, 'step', texels)).toBe(block); // of the same class
  gpu.memory.release(block);
});

test('a buffer where a kernel binds a texture is refused at the call, with what to do', () => {
  const x = tensor(gpu, new Float32Array(64), [64]);
  const { texels, buffers } = {
    texels: gpu.allocate(1024, 16),
    buffers: { a: x.binding, b: x.binding, c: x.binding, bias: x.binding },
  };
  const dispatch = (kernel: KernelSource, given: Record<string, Binding>): void =>
    gpu.dispatch(kernel, 'multiply', { buffers: given, grid: [1, 1, 1] });
  expect(() => dispatch(matmulSubgroupTexels, buffers)).toThrow(
    'a is a texture and was given a buffer; fill a texture from it with stream.copyRows.',
  );
  expect(() =>
    dispatch(matmulNaive, {
      ...buffers,
      a2: x.binding,
      b2: x.binding,
      a: { block: texels.block, offset: 0, bytes: 1024 },
    }),
  ).toThrow('a is a buffer and was given a texture; give the buffer that it was filled from.');
  texels.release();
});

test('under a limit, idle buffers make room before anything is refused', async () => {
  const small = await openGpu({ memoryLimit: 100_000 });
  for (const size of [3000, 5000, 7000]) {
    // three buffers of 12, 20 and 28 kB each: all nine would take twice the limit
    const x = small.scope(() => relu(relu(tensor(small, new Float32Array(size).fill(size)))));
    expect((await x.read()).every((v) => v === size)).toBe(true);
    x.dispose();
    expect(small.memoryReport().allocatedBytes).toBeLessThanOrEqual(100_000);
  }
  expect(() => small.scope(() => relu(relu(tensor(small, new Float32Array(9000)))))).toThrow(
    '41.0 kB more would exceed the limit of 100 kB',
  );
  small.close();
});

test('idle memory is bounded: a short-lived tensor takes a buffer of up to twice its size, and the longest idle is freed', async () => {
  const own = await openGpu();
  const MB = 2 ** 20;
  try {
    const fill = (bytes: number): void => own.scope(() => void neg(tensor(own, new Float32Array(bytes / 4))));
    fill(8 * MB);
    const { created } = own.memoryReport();
    fill(5 * MB); // fits into what the first left
    expect(own.memoryReport().created).toBe(created);
    // two of each at a time, 24 MB at most; 119 MB in all
    for (const size of [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12]) fill(size * MB);
    own.stream.flush();
    fill(MB);
    const { allocatedBytes, liveBytes } = own.memoryReport();
    expect(liveBytes).toBe(0);
    expect(allocatedBytes).toBeLessThanOrEqual(24 * MB + 32 * MB);
  } finally {
    own.close();
  }
});
