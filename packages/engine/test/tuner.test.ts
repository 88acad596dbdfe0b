/** Measured choices: what is asked, what is remembered, that results stay right, that a record repeats them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backward, capture, linear, matmul, mul, Parameter, softmax, sum, tensor } from '../src/index.ts';
import type { Gpu, HostArray, Tensor, TuningRecord } from '../src/index.ts';
import { matmulVariants } from '../src/ops/matmul/variants.ts';
import { openDevice } from './device.ts';

const saved = new Map<string, string>();
const store = {
  load: (key: string) => Promise.resolve(saved.get(key) ?? null),
  save: (key: string, record: string) => Promise.resolve(void saved.set(key, record)),
};

let gpu: Gpu;
beforeEach(async () => {
  saved.clear();
  gpu = await openDevice({ tune: 'measured', tuningStore: store });
});
afterEach(() => gpu.close());

const values = (n: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, (_, i) => Math.sin(i));
const product = (on: Gpu, n: number): Promise<HostArray> =>
  on.scope(() => matmul(tensor(on, values(n * n), [n, n]), tensor(on, values(n * n), [n, n])).read());

test('a product is measured once for the sizes of a bucket, and the answer is kept', async () => {
  const before = [...(await product(gpu, 48))];
  expect(gpu.kernels.tuner!.isWaiting).toBe(true);
  await gpu.kernels.tuner!.measure();
  const { choices } = gpu.kernels.tuner!.record;
  expect(Object.keys(choices)).toHaveLength(1);
  const [[key, name]] = Object.entries(choices) as [[string, string]];
  expect(key).toMatch(/^matmul nn multiply \| .*M6 N6 K6 /);
  expect(Object.keys(matmulVariants.nn)).toContain(name);
  const after = [...(await product(gpu, 48))];
  expect(gpu.kernels.tuner!.isWaiting).toBe(false);
  await product(gpu, 64);
  expect(gpu.kernels.tuner!.isWaiting).toBe(false);
  const off = Math.max(...after.map((v, i) => Math.abs(v - before[i]!)));
  expect(off).toBeLessThan(1e-4);
  expect(JSON.parse(saved.get(gpu.kernels.tuner!.adapter)!)).toEqual(gpu.kernels.tuner!.record);

  const again = await openDevice({ tune: 'measured', tuningStore: store });
  expect(again.kernels.tuner!.record).toEqual(gpu.kernels.tuner!.record);
  again.close();
});

test('what was measured in f32 does not decide where operands may be rounded to f16', async () => {
  await product(gpu, 48);
  await gpu.kernels.tuner!.measure();
  await gpu.kernels.withHalfProducts(true, () => product(gpu, 48));
  expect(gpu.kernels.tuner!.isWaiting).toBe(true);
  await gpu.kernels.tuner!.measure();
  const keys = Object.keys(gpu.kernels.tuner!.record.choices);
  expect(keys).toEqual([keys[0], `${keys[0]} halves`]);
});

test('every variant that a record names is used, and gives the same numbers', async () => {
  const expected = [...(await product(gpu, 48))];
  await gpu.kernels.tuner!.measure();
  const [key] = Object.keys(gpu.kernels.tuner!.record.choices);
  for (const name of ['tile', 'naive']) {
    gpu.kernels.tuner!.load({ ...gpu.kernels.tuner!.record, choices: { [key!]: name } });
    const labels = new Set(gpu.pipelines.labels);
    const y = [...(await product(gpu, 48))];
    expect(Math.max(...y.map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThan(1e-4);
    expect([...labels, ...gpu.pipelines.labels].some((label) => label.startsWith(`matmul/${name}:`))).toBe(true);
  }
});

test('forward measurements do not decide backward', async () => {
  const step = async (on: Gpu): Promise<void> => {
    const x = new Parameter(on, 'x', [64, 512], values(64 * 512));
    x.requiresGrad = true;
    on.scope(() => {
      const y = softmax(x);
      backward(sum(mul(y, y)));
    });
    await on.synchronize();
    x.dispose();
  };
  await step(gpu);
  await gpu.kernels.tuner!.measure();
  const keys = Object.keys(gpu.kernels.tuner!.record.choices).filter((key) => key.startsWith('softmax'));
  expect(keys.map((key) => key.split(' |')[0])).toEqual(['softmax backward', 'softmax forward']);
  const other = await openDevice({ tune: 'measured' });
  other.kernels.tuner!.load({ ...gpu.kernels.tuner!.record, choices: { [keys[1]!]: 'shared' } });
  await step(other);
  const entries = other.pipelines.labels
    .filter((label) => label.startsWith('rows/softmax_shared'))
    .map((label) => label.split(/[: ]/)[1]);
  expect(entries).toEqual(['forward']);
  other.close();
});

test('a captured step is recorded again when a choice changes', async () => {
  const reasons: string[] = [];
  const step = capture(gpu, 'step', ({ x, w }: { x: Tensor; w: Tensor }) => ({ y: linear(x, w) }), {
    onRecord: ({ reason }) => void reasons.push(reason),
  });
  const run = () =>
    step
      .run({ x: { values: values(8 * 32), shape: [8, 32] }, w: { values: values(16 * 32), shape: [16, 32] } })
      .y.read();
  const first = [...(await run())];
  await gpu.kernels.tuner!.measure();
  const [key] = Object.keys(gpu.kernels.tuner!.record.choices);
  gpu.kernels.tuner!.load({ ...gpu.kernels.tuner!.record, choices: { [key!]: 'naive' } });
  const second = [...(await run())];
  expect(reasons.at(-1)).toBe('another kernel was chosen');
  expect(Math.max(...second.map((v, i) => Math.abs(v - first[i]!)))).toBeLessThan(1e-4);
  step.dispose();
});

test('a record of another device is refused, and a broken cache ignored', async () => {
  const other: TuningRecord = { ...gpu.kernels.tuner!.record, adapter: 'another' };
  expect(() => gpu.kernels.tuner!.load({ ...gpu.kernels.tuner!.record, engine: '0.0.9' })).toThrow(
    'tuning: the record was made by engine 0.0.9 and this is 0.1.0; delete the record, or resume the run with that version.',
  );
  expect(() => gpu.kernels.tuner!.load(other)).toThrow(
    `tuning: the record was made on 'another' and this is '${gpu.kernels.tuner!.adapter}'; delete the record, or resume the run on that device.`,
  );
  saved.set(gpu.kernels.tuner!.adapter, 'no JSON');
  const again = await openDevice({ tune: 'measured', tuningStore: store });
  expect(again.kernels.tuner!.record.choices).toEqual({});
  again.close();
});

test('without the option, nothing is measured', async () => {
  const plain = await openDevice();
  expect(plain.kernels.tuner).toBeNull();
  plain.close();
});
