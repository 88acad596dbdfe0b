/** Ops and kernels that a user defines: they take part in the tape, and their errors name them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  backward,
  defineKernel,
  defineOp,
  KernelError,
  lineGrid,
  mul,
  Parameter,
  reshape,
  sum,
  transpose,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

function leaf(values: ArrayLike<number>, shape: number[] = [values.length]): Parameter {
  const x = new Parameter(gpu, 'leaf', shape, Float32Array.from(values));
  x.requiresGrad = true;
  return x;
}

/** Gradients of Σ f over the leaves, which are disposed. */
async function gradients(leaves: readonly Parameter[], f: () => Tensor): Promise<number[][]> {
  gpu.scope(() => backward(sum(f())));
  const read = await Promise.all(leaves.map(async ({ grad }) => (grad ? [...(await grad.read())] : [])));
  leaves.forEach((x) => x.dispose());
  return read;
}

const live = (): number => gpu.memoryReport().liveBuffers;

const cube = defineKernel(
  'cube',
  `
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
const WG = 64u; // tune: 64u 128u

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.size) { y[i] = x[i] * x[i] * x[i]; }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.size) { dx[i] = 3.0 * x[i] * x[i] * dy[i]; }
}
`,
);

const cubeOp = defineOp({
  name: 'cube',
  plan: ([x]: readonly [Tensor], _: undefined) => ({
    params: { size: x.size },
    grid: lineGrid(Math.ceil(x.size / 64)),
  }),
  forward(run, [x], plan) {
    const y = run.out(x.shape);
    run.dispatch(cube, 'forward', { buffers: { x, y }, ...plan });
    return { y, saved: { x } };
  },
  backward(run, dy, { x }, plan) {
    const dx = run.out(dy.shape);
    run.dispatch(cube, 'backward', { buffers: { x: x!, dy, dx }, ...plan });
    return [dx];
  },
});

test("a user's op, with its own kernel, works like any other", async () => {
  const x = leaf([1, 2, 3, 4, 5, 6], [2, 3]);
  const values = await gpu.scope(() => cubeOp([transpose(x)]).read());
  expect([...values]).toEqual([1, 64, 8, 125, 27, 216]);
  expect(gpu.probe.copies.get('cube')).toBe(1); // it reads dense inputs, so the transposed view was copied
  expect(await gradients([x], () => mul(reshape(cubeOp([x]), [6]), 2))).toEqual([[6, 24, 54, 96, 150, 216]]);
});

test("faults in a user's kernel or op are reported by its name", async () => {
  const text = (body: string): string => `@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n${body}`;
  expect(() => defineKernel('mine', 'fn f() {}')).toThrow(
    new KernelError('mine.wgsl:1 has no @compute entry; shared pieces without one belong in kernels/lib.'),
  );
  expect(() => defineKernel('mine', text('@compute\nfn f() { y[0] = 1.0; }'))).toThrow(
    "mine.wgsl:3 entry 'f' has no @workgroup_size.",
  );
  const typo = defineKernel('mine', text('@compute @workgroup_size(1)\nfn f() { y[0] = yy; }'));
  await expect(gpu.prepare(typo, 'f')).rejects.toThrow("mine.wgsl:3:17 unresolved value 'yy'");
  const x = leaf([1, 2]);
  const wrong = (gradient: (dy: Tensor) => (Tensor | null)[]) =>
    defineOp({
      name: 'wrong',
      plan: (_: readonly [Tensor], __: undefined) => null,
      forward: (_, [a]) => ({ y: mul(a, 1) }),
      backward: (_, dy) => gradient(dy),
    });
  const before = live();
  gpu.scope(() => {
    expect(() => backward(sum(wrong(() => [])([x])))).toThrow(
      'wrong: backward returned 0 gradients for 1 inputs; it must return one for each, null if none is needed.',
    );
    expect(() => backward(sum(wrong(() => [zeros(gpu, [3])])([x])))).toThrow(
      'wrong: backward returned a gradient of shape [3] for a tensor of shape [2]; they must be equal.',
    );
  });
  expect(live()).toBe(before); // an error on the way leaves nothing behind
  x.dispose();
});
