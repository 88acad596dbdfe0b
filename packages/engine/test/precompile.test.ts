/** Kernels that are compiled before they run: which ones, with what faults, and the same bits afterwards. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { elementwiseUnary } from '@curio/kernels/elementwise_unary';
import { capture, CurioError, KernelError, matmul, precompile, relu, softmax, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeEach(async () => void (gpu = await openDevice()));
afterEach(() => gpu.close());

const values = noise(48, 1);

/** Recorded and replayed steps, and a loop that waits for what it computes. */
async function work(gpu: Gpu): Promise<Float32Array> {
  const step = capture(gpu, 'step', ({ x }: { x: Tensor }) => ({ y: softmax(matmul(x, x)) }));
  const { y } = step.run({ x: { values: values.slice(0, 36), shape: [6, 6] } });
  const first = (await y.read()) as Float32Array<ArrayBuffer>;
  const second = await gpu.scope(() => relu(tensor(gpu, first, [4, 9])).read());
  step.dispose();
  return second as Float32Array;
}

test('compiles what the work runs and nothing else, which then gives the same bits', async () => {
  const other = await openDevice();
  const expected = await work(other);
  const { dispatches, submits } = gpu.stream.counts;
  const { created } = gpu.memoryReport();
  await precompile(gpu, work);
  expect([...gpu.pipelines.labels].sort()).toEqual([...other.pipelines.labels].sort());
  expect(gpu.stream.counts).toEqual({ dispatches, submits });
  expect(gpu.memoryReport().created).toBe(created);
  expect(await work(gpu)).toEqual(expected);
  expect(gpu.pipelines.size).toBe(other.pipelines.size);
  await precompile(gpu, work);
  expect(gpu.pipelines.size).toBe(other.pipelines.size);
  other.close();
});

test('reads in the work give zeros', async () => {
  let read: unknown;
  await precompile(gpu, async (dry) => (read = await dry.scope(() => relu(tensor(dry, [1, 2, 3])).read())));
  expect(read).toEqual(Float32Array.of(0, 0, 0));
});

/** The kernels compiled so far whose labels hold `part`, by name and entry. */
const compiled = (gpu: Gpu, part: string): string[] =>
  gpu.pipelines.labels.filter((label) => label.includes(part)).map((label) => label.split(' ')[0]!);

test('follows what is forced or replaced on the device', async () => {
  gpu.kernels.forced.set('softmax', 'naive');
  gpu.kernels.replacements.useKernel(elementwiseUnary, { ...elementwiseUnary, name: 'mine/unary' });
  await precompile(gpu, work);
  expect(compiled(gpu, 'softmax')).toEqual(['rows/softmax_naive:forward']);
  expect(compiled(gpu, 'unary')).toEqual(['mine/unary:forward']);
  const { size } = gpu.pipelines;
  await work(gpu);
  expect(gpu.pipelines.size).toBe(size);
});

test('follows measurements, and queues none', async () => {
  const rows = (gpu: Gpu) => gpu.scope(() => softmax(tensor(gpu, values, [6, 8])).read());
  const measuring = await openDevice({ tune: 'measured' });
  await rows(measuring);
  await measuring.kernels.tuner!.measure();
  const { record } = measuring.kernels.tuner!;
  const [key, ...others] = Object.keys(record.choices);
  expect(others).toEqual([]);
  measuring.close();
  const again = await openDevice({ tune: 'measured' });
  again.kernels.tuner!.load({ ...record, choices: { [key!]: 'naive' } });
  await precompile(again, rows);
  expect(compiled(again, '')).toEqual(['rows/softmax_naive:forward']);
  expect(again.kernels.tuner!.isWaiting).toBe(false);
  await rows(again);
  expect(again.pipelines.size).toBe(1);
  again.close();
});

test('reports where a kernel does not compile, and leaves the device usable', async () => {
  const broken = { ...elementwiseUnary, code: elementwiseUnary.code.replace('params.', 'params.nothing.') };
  gpu.kernels.replacements.useKernel(elementwiseUnary, broken);
  const line = 1 + broken.code.slice(0, broken.code.indexOf('params.nothing')).split('\n').length - 1;
  const failing = precompile(gpu, work);
  await expect(failing).rejects.toThrow(KernelError);
  await expect(failing).rejects.toThrow(
    new RegExp(`^kernels/elementwise/unary\\.wgsl:${line}:\\d+ struct member nothing not found`),
  );
  gpu.kernels.replacements.useKernel(elementwiseUnary, null);
  expect([...(await relu(tensor(gpu, [-1, 2])).read())]).toEqual([0, 2]);
});

test('throws what the work throws', async () => {
  await expect(
    precompile(gpu, (dry) => {
      relu(tensor(dry, [1]));
      throw new CurioError('work: as planned; nothing.');
    }),
  ).rejects.toThrow('work: as planned; nothing.');
});

test('work that does not wait for it runs, and each kernel is stored once', async () => {
  const compiling = [precompile(gpu, work), precompile(gpu, work)];
  const got = await work(gpu);
  await Promise.all(compiling);
  expect(new Set(gpu.pipelines.labels).size).toBe(gpu.pipelines.labels.length);
  expect(await work(gpu)).toEqual(got);
});
