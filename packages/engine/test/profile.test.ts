/** Profiles: what is timed, that timing changes nothing, what is made of the numbers. */
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import {
  backward,
  capture,
  chromeTrace,
  linear,
  matmul,
  openGpu,
  Parameter,
  profile,
  relu,
  scaledDotProductAttention,
  startProfile,
  sum,
  summarise,
  tensor,
} from '../src/index.ts';
import type { Gpu, Profile, Tensor } from '../src/index.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
let probe: Gpu;
beforeEach(async () => void (gpu = await openGpu()));
afterEach(() => gpu.close());
afterAll(() => probe?.close());

const hasTimestamps = (): boolean => gpu.device.features.has('timestamp-query');

test('a device without timestamps says so', async () => {
  probe = await openGpu({ features: 'portable' });
  expect(() => startProfile(probe)).toThrow('profile: the device has no timestamps (feature timestamp-query), it has ');
});

test('every dispatch has an op, a kernel, times in order, operations and bytes', async ({ skip }) => {
  if (!hasTimestamps()) skip('the adapter has no timestamp-query');
  const [a, b] = [tensor(gpu, noise(32 * 64), [32, 64]), tensor(gpu, noise(64 * 16), [64, 16])];
  let y: Tensor;
  const { dispatches, wallMs } = await profile(gpu, () => {
    y = relu(matmul(a, b));
    return y.read();
  });
  expect(dispatches.map(({ op }) => op)).toEqual(['matmul', 'relu']);
  expect(dispatches[0]!.kernel).toMatch(/^matmul\//);
  expect(dispatches[0]!.operations).toBe(2 * 32 * 16 * 64);
  expect(dispatches[0]!.bytes).toBeGreaterThanOrEqual(4 * (32 * 64 + 64 * 16 + 32 * 16));
  expect(dispatches[1]!.operations).toBeNull();
  for (const { startNs, endNs } of dispatches) expect(endNs).toBeGreaterThanOrEqual(startNs);
  expect(dispatches[1]!.startNs).toBeGreaterThanOrEqual(dispatches[0]!.endNs);
  expect(wallMs).toBeGreaterThan(0);
});

test('a profiled step, recorded or replayed, computes the same bits, and two profiles cannot be taken at once', async ({
  skip,
}) => {
  if (!hasTimestamps()) skip('the adapter has no timestamp-query');
  const p = new Parameter(gpu, 'p', [48, 32], noise(48 * 32));
  p.requiresGrad = true;
  const step = capture(gpu, 'step', ({ x }: { x: Tensor }) => {
    const heads = relu(linear(x, p));
    const loss = sum(heads);
    backward(loss);
    return { loss };
  });
  const inputs = { x: { values: noise(8 * 32), shape: [8, 32] } };
  const grad = async (): Promise<number[]> => {
    const loss = await step.run(inputs).loss.item();
    return [loss, ...(await p.grad!.read())];
  };
  p.grad = tensor(gpu, new Float32Array(48 * 32), [48, 32]);
  const clear = (): void => void p.grad!.write(new Float32Array(48 * 32));
  const plain = await grad();
  clear();
  let replayed: number[] = [];
  const { dispatches } = await profile(gpu, async () => void (replayed = await grad()));
  expect(replayed).toEqual(plain);
  expect(dispatches.length).toBe(step.plan(inputs).dispatches);
  expect(dispatches.some(({ op }) => op === 'linear')).toBe(true);
  const profiler = startProfile(gpu);
  expect(() => startProfile(gpu)).toThrow('profile: a profile is already running; stop it first.');
  expect((await profiler.stop()).dispatches).toEqual([]);
  step.dispose();
});

test('attention counts two products forward, and half of them if it is causal', async ({ skip }) => {
  if (!hasTimestamps()) skip('the adapter has no timestamp-query');
  const x = tensor(gpu, noise(2 * 3 * 16 * 32), [2, 3, 16, 32]);
  for (const causal of [false, true]) {
    const { dispatches } = await profile(gpu, () =>
      gpu.scope(() => scaledDotProductAttention(x, x, x, { causal }).read()),
    );
    expect(dispatches.reduce((total, { operations }) => total + (operations ?? 0), 0)).toBe(
      (4 * 2 * 3 * 16 * 16 * 32) / (causal ? 2 : 1),
    );
  }
});

const made: Profile = {
  wallMs: 1,
  dispatches: [
    {
      op: 'linear',
      label: 'matmul/tile:multiply (T=4u)',
      kernel: 'matmul/tile',
      entry: 'multiply',
      params: { M: 1 },
      grid: [2, 1, 1],
      bytes: 4000,
      startNs: 0,
      endNs: 2000,
      operations: 8000,
    },
    {
      op: null,
      label: 'accumulate:add',
      kernel: 'accumulate',
      entry: 'add',
      params: {},
      grid: [1, 1, 1],
      bytes: 10000,
      startNs: 2500,
      endNs: 3500,
      operations: null,
    },
    {
      op: 'linear',
      label: 'matmul/tile:multiply (T=4u)',
      kernel: 'matmul/tile',
      entry: 'multiply',
      params: { M: 1 },
      grid: [2, 1, 1],
      bytes: 4000,
      startNs: 3500,
      endNs: 4500,
      operations: 4000,
    },
  ],
};

test('a summary adds up by op and kernel and finds the gaps', () => {
  expect(summarise(made, { gflops: 8, gbps: 20 })).toEqual({
    dispatches: 3,
    busyMs: 0.004,
    gapMs: 0.0005,
    kernels: [
      {
        op: 'linear',
        label: 'matmul/tile:multiply (T=4u)',
        count: 2,
        ms: 0.003,
        share: 0.75,
        gflops: 4,
        gbps: 8000 / 3000,
        percentOfRoof: 50,
      },
      {
        op: null,
        label: 'accumulate:add',
        count: 1,
        ms: 0.001,
        share: 0.25,
        gflops: null,
        gbps: 10,
        percentOfRoof: 50,
      },
    ],
  });
  expect(summarise(made).kernels.map(({ percentOfRoof }) => percentOfRoof)).toEqual([null, null]);
});

test('a trace has a row of ops over a row of kernels, in microseconds', () => {
  const { traceEvents } = chromeTrace(made);
  expect(traceEvents).toHaveLength(2 + 2 * 3);
  expect(traceEvents[2]).toEqual({ ph: 'X', pid: 1, tid: 1, name: 'linear', cat: 'op', ts: 0, dur: 2 });
  expect(traceEvents[5]).toEqual({
    ph: 'X',
    pid: 1,
    tid: 2,
    name: 'accumulate:add',
    cat: 'kernel',
    ts: 2.5,
    dur: 1,
    args: { operations: null, bytes: 10000, grid: '1 × 1 × 1' },
  });
});
