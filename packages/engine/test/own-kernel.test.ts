/** A user's own kernel: checked, swapped into a running model, refused where it is wrong. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { main, onlineSoftmax, variantOf } from '../examples/own-kernel.mjs';
import { checkKernel } from '../src/check/check-kernel.ts';
import { opTable } from '../src/check/tables.ts';
import { rowsSoftmaxNaive } from '@curio/kernels/rows_softmax_naive';
import { rowsSoftmaxSubgroup } from '@curio/kernels/rows_softmax_subgroup';
import { capture, defineKernel, fixedSubgroupSize, openGpu, softmax, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const check = (code: string) => checkKernel(gpu, { op: 'softmax', variant: variantOf(code) });

test('the example checks its kernel and trains on with it', async () => {
  const { verdict, losses, ran } = await main();
  expect(verdict).toMatchObject({ ok: true, checked: opTable('softmax').cases.length, passedOver: 0 });
  expect(ran.length).toBeGreaterThanOrEqual(2); // forward and backward
  expect(losses).toHaveLength(40);
  // no jump where the kernel changed
  for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThan(losses[i - 1]! * 1.01);
});

test('what does not compile is named by file, line and column, and the device stays usable', async () => {
  const verdict = await check(onlineSoftmax.replace('total * exp(', 'totel * exp('));
  expect(verdict.ok).toBe(false);
  const line = onlineSoftmax.split('\n').findIndex((text) => text.includes('total * exp(')) + 1;
  expect(verdict.message).toBe(`mine/online_softmax.wgsl:${line}:13 unresolved value 'totel'   (WG=64u)`);
  expect((await gpu.scope(() => softmax(tensor(gpu, [[1, 1]])).read()))[0]).toBe(0.5);
});

test('a wrong forward is distinguished from a wrong backward', async () => {
  const forward = await check(onlineSoftmax.replace('/ total', '/ (total + 0.001)'));
  expect(forward).toMatchObject({ ok: false });
  expect(forward.message).toMatch(/: y\[\d+\] is .*, expected .* times the tolerance/);
  const backward = await check(onlineSoftmax.replace('(dy[i] - along)', 'dy[i]'));
  expect(backward.message).toMatch(/: gradient of input 0\[\d+\] is /);
});

test('the check leaves our own kernel in place', async () => {
  await check(onlineSoftmax);
  const before = gpu.pipelines.labels.length;
  await gpu.scope(() => softmax(tensor(gpu, [[1, 2, 3]])).read());
  const added = gpu.pipelines.labels.slice(before);
  expect(added.filter((label) => label.startsWith('mine/'))).toEqual([]);
});

test('an op or a family that does not exist is refused', async () => {
  await expect(checkKernel(gpu, { op: 'sofmax', variant: variantOf(onlineSoftmax) })).rejects.toThrow(
    "check: there is no op 'sofmax'",
  );
  await expect(
    checkKernel(gpu, { op: 'softmax', family: 'softermax', variant: variantOf(onlineSoftmax) }),
  ).rejects.toThrow("checkKernel: softmax has no family 'softermax'; it has softmax.");
});

test('the text of one of our kernels can be replaced, and restored', async () => {
  const kernel = opTable('softmax').families!.softmax!.naive!.kernel;
  gpu.kernels.forced.set('softmax', 'naive');
  const doubled = { ...kernel, code: kernel.code.replace('y[i] = exp', 'y[i] = 2.0 * exp') };
  const read = async () => (await gpu.scope(() => softmax(tensor(gpu, [[1, 1]])).read()))[0];
  gpu.kernels.replacements.useKernel(kernel, doubled);
  expect(await read()).toBe(1);
  gpu.kernels.replacements.useKernel(kernel, null);
  expect(await read()).toBe(0.5);
  gpu.kernels.forced.clear();
  const { backward: _, ...entries } = kernel.entries;
  expect(() => gpu.kernels.replacements.useKernel(kernel, { ...kernel, entries })).toThrow(
    'kernels/rows/softmax_naive.wgsl: has no entry backward, which rows/softmax_naive has; it has forward.',
  );
});

test('a captured step takes a replaced text from its next run on', async () => {
  const step = capture(gpu, 'step', ({ x }: { x: Tensor }) => ({ y: softmax(x) }));
  const inputs = { x: { values: Float32Array.of(1, 2, 3, 4), shape: [1, 4] } };
  const original = fixedSubgroupSize(gpu) > 0 ? rowsSoftmaxSubgroup : rowsSoftmaxNaive;
  const plain = [...(await step.run(inputs).y.read())];
  // The first line that writes y, doubled.
  gpu.kernels.replacements.useKernel(original, {
    ...original,
    code: original.code.replace(/y\[([^\]]+)\] = ([^;]+);/g, 'y[$1] = 2.0 * ($2);'),
  });
  expect([...(await step.run(inputs).y.read())]).toEqual(plain.map((v) => 2 * v));
  gpu.kernels.replacements.useKernel(original, null);
  expect([...(await step.run(inputs).y.read())]).toEqual(plain);
  step.dispose();
});

test("a user's kernel can have shared pieces of its own", async () => {
  const code = `// uses: lib/twice.wgsl
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn f() { y[0] = twice(y[0]); }`;
  const twice = 'fn twice(v: f32) -> f32 { return 2.0 * v; }';
  await gpu.prepare(
    defineKernel('mine', code, (piece) => (piece === 'lib/twice.wgsl' ? twice : null)),
    'f',
  );
  expect(() => defineKernel('mine', code)).toThrow(
    "mine.wgsl:1 uses 'lib/twice.wgsl', which is not in kernels/; write it as lib/name.wgsl.",
  );
});
