/**
 * Products over operands in textures give the same bits as over buffers: strips, rows of any width, tails, batches, a
 * second pair, captured steps.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { backward, capture, linear, loraLinear, matmul, Parameter, sizeOf, sum, tensor } from '../src/index.ts';
import { readsTexels } from '../src/ops/parts/texel-rows.ts';
import type { Gpu, Shape, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const numbers = (shape: Shape, seed: number): Float32Array<ArrayBuffer> => noise(sizeOf(shape), seed);
const values = (shape: Shape, seed: number): Tensor => tensor(gpu, numbers(shape, seed), shape);
const LAYOUTS = ['nn', 'nt', 'tn', 'tt'];

/** What `make` gives with every product over buffers, and over texels, and whether a texture was used. */
async function bothWays(make: () => Tensor): Promise<{ buffers: Float32Array; texels: Float32Array; used: boolean }> {
  const with_ = async (variant: string): Promise<Float32Array> => {
    for (const layout of LAYOUTS) gpu.kernels.forced.set(`matmul ${layout}`, variant);
    try {
      return (await gpu.scope(() => make().read())) as Float32Array;
    } finally {
      gpu.kernels.forced.clear();
    }
  };
  const buffers = await with_('subgroup');
  gpu.kernels.obeyed.clear();
  const texels = await with_('texels');
  return { buffers, texels, used: LAYOUTS.some((layout) => gpu.kernels.obeyed.has(`matmul ${layout}`)) };
}

async function expectSameBits(make: () => Tensor): Promise<void> {
  const { buffers, texels, used } = await bothWays(make);
  expect(used).toBe(readsTexels(gpu));
  const odd = buffers.findIndex((value, i) => value !== texels[i]);
  if (odd >= 0) throw new Error(`entry ${odd} is ${buffers[odd]} over buffers and ${texels[odd]} over texels`);
}

test.each([
  [64, 128, 64, 'nt'],
  [33, 68, 70, 'nt'], // rows of no multiple of 64, a tail
  [36, 132, 300, 'nn'], // strips of B, the last one narrow
  [40, 68, 257, 'tn'], // strips of both, a tail of one term
  [132, 260, 258, 'tt'],
  [129, 64, 1026, 'nt'],
  [37, 80, 352, 'nt'], // rows copied two apart
  [40, 160, 224, 'nn'],
  [37, 80, 336, 'nt'], // rows copied four apart
  [40, 144, 208, 'nn'],
  [48, 80, 270, 'tn'],
  [16, 176, 112, 'tt'],
  [143, 68, 64, 'nt'], // tiles of 48 rows, the last one short
  [96, 132, 70, 'nn'],
])('[%i × %i] over %i terms, %s', async (M, N, K, layout) => {
  const [ta, tb] = [layout[0] === 't', layout[1] === 't'];
  const [a, b] = [values(ta ? [K, M] : [M, K], 1), values(tb ? [N, K] : [K, N], 2)];
  await expectSameBits(() => matmul(a, b, { transposeA: ta, transposeB: tb }));
});

test('batches, repeated ones too', async () => {
  await expectSameBits(() => matmul(values([2, 3, 40, 36], 3), values([3, 36, 68], 4)));
  await expectSameBits(() => matmul(values([2, 1, 40, 36], 5), values([2, 3, 44, 36], 6), { transposeB: true }));
});

test('a layer with a bias, and with a second pair behind the first', async () => {
  const [x, w, bias] = [values([70, 132], 7), values([100, 132], 8), values([100], 9)];
  await expectSameBits(() => linear(x, w, bias));
  for (const r of [16, 64, 70])
    await expectSameBits(() =>
      loraLinear(x, w, bias, { a: values([r, 132], 10), b: values([100, r], 11), scale: 0.5 }),
    );
  const [x144, w144] = [values([70, 144], 12), values([112, 144], 13)];
  for (const r of [8, 16, 64])
    await expectSameBits(() =>
      loraLinear(x144, w144, null, { a: values([r, 144], 14), b: values([112, r], 15), scale: 0.5 }),
    );
});

test('a captured step replays what it recorded, and its textures count as its scratch', async () => {
  const step = capture(gpu, 'product', ({ a, b }: { a: Tensor; b: Tensor }) => ({ y: matmul(matmul(a, b), b) }));
  const host = (seed: number, shape: Shape) => ({ values: numbers(shape, seed), shape });
  const inputs = [20, 30].map((seed) => ({ a: host(seed, [96, 256]), b: host(seed + 1, [256, 256]) }));
  for (const layout of LAYOUTS) gpu.kernels.forced.set(`matmul ${layout}`, 'texels');
  const plan = step.plan(inputs[0]!);
  const made = ({ values, shape }: { values: Float32Array<ArrayBuffer>; shape: Shape }) => tensor(gpu, values, shape);
  const expected = await Promise.all(
    inputs.map(({ a, b }) => gpu.scope(() => matmul(matmul(made(a), made(b)), made(b)).read())),
  );
  for (const [i, each] of inputs.entries()) expect([...(await step.run(each).y.read())]).toEqual([...expected[i]!]);
  if (gpu.kernels.obeyed.has('matmul nn')) expect(plan.bytes.temporaries).toBeGreaterThan(4 * (96 * 256 + 256 * 256));
  gpu.kernels.forced.clear();
});

test('an input that several products of a layer read is copied into a texture once, forward and backward', async () => {
  const [M, N, K, r] = [96, 64, 128, 16];
  const parameter = (name: string, shape: Shape, seed: number): Parameter =>
    new Parameter(gpu, name, shape, numbers(shape, seed));
  const run = async (variant: string): Promise<{ copies: number[]; gradients: number[][] }> => {
    for (const layout of LAYOUTS) gpu.kernels.forced.set(`matmul ${layout}`, variant);
    gpu.kernels.forced.set('matmul pair', 'folded');
    const [x, a, b] = [parameter('x', [M, K], 4), parameter('a', [r, K], 2), parameter('b', [N, r], 3)];
    for (const each of [x, a, b]) each.requiresGrad = true;
    const copyRows = vi.spyOn(gpu.stream, 'copyRows');
    const copies: number[] = [];
    try {
      gpu.scope(() => {
        const y = loraLinear(x, values([N, K], 1), null, { a, b, scale: 0.5 });
        copies.push(copyRows.mock.calls.length);
        backward(sum(y));
        copies.push(copyRows.mock.calls.length - copies[0]!);
      });
    } finally {
      copyRows.mockRestore();
      gpu.kernels.forced.clear();
    }
    const read = [x, a, b].map(async ({ grad }) => [...((await grad!.read()) as Float32Array)]);
    for (const each of [x, a, b]) each.dispose();
    return { copies, gradients: await Promise.all(read) };
  };
  const [buffers, texels] = [await run('subgroup'), await run('texels')];
  expect(buffers.copies).toEqual([0, 0]);
  // x, A, B and W + scale · BA; then dy, W + scale · BA, B, dh, x and h
  expect(texels.copies).toEqual(readsTexels(gpu) ? [4, 6] : [0, 0]);
  expect(texels.gradients).toEqual(buffers.gradients);
});
