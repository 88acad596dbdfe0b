/** Outlier columns of int8 weights: what they cost without care, and that ops equal those over the values as f32. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  backward,
  cast,
  embedding,
  linear,
  loraLinear,
  loraLinears,
  mul,
  openGpu,
  openPackedStore,
  openStore,
} from '../src/index.ts';
import { Parameter, store, sum, tensor } from '../src/index.ts';
import type { Gpu, StoreOptions, Tensor } from '../src/index.ts';
import { columnFactors, halfAt } from '../src/ops/cast/columns.ts';
import { RandomStream } from '../src/tensor/philox.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
let small: Gpu;
beforeAll(async () => {
  [gpu, small] = [await openGpu(), await openGpu({ bindingLimit: 65536 })];
});
afterAll(() => {
  gpu.close();
  small.close();
});

const [N, K] = [600, 192];
/** Column → factor. */
const OUTLIERS = new Map([
  [3, 20],
  [70, 1 / 20],
  [71, 300],
  [191, 5],
]);
const random = (size: number, which: number): Float32Array<ArrayBuffer> => noise(size, new RandomStream(21, which, 0));
const planted = (rows = N): Float32Array<ArrayBuffer> =>
  random(rows * K, 1).map((v, i) => v * (OUTLIERS.get(i % K) ?? 1));
const stored = (device: Gpu, options: StoreOptions = {}): Parameter => {
  const w = new Parameter(device, 'w', [N, K], null, 'int8');
  store(w, planted(), options);
  return w;
};
const far = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((s, v, i) => s + (v - b[i]!) ** 2, 0) / b.reduce((s, v) => s + v * v, 0));

test('factors are powers of two, 1 within a factor of two of the median and where there is no information', () => {
  const values = planted();
  const factors = columnFactors((i) => values[i]!, N, K)!;
  const found = [...factors.entries()].filter(([, factor]) => factor !== 1);
  expect(found).toEqual([
    [3, 16],
    [70, 1 / 16],
    [71, 256],
    [191, 4],
  ]);
  const even = random(N * K, 1);
  expect(columnFactors((i) => even[i]!, N, K)).toBeNull();
  expect(columnFactors((i) => values[i]!, 15, K)).toBeNull();
  const odd = even.map((v, i) => [0, NaN, Infinity, 1e38][i % K] ?? v);
  expect([...columnFactors((i) => odd[i]!, N, K)!.entries()].filter(([, factor]) => factor !== 1)).toEqual([
    [3, 2 ** 30],
  ]);
});

test('halves are read unchanged', () => {
  const f16 = Uint32Array.of(0x3c00_c000, 0x0001_7bff, 0x7c00_8400);
  const at = halfAt('f16', f16);
  expect([0, 1, 2, 3, 4, 5].map(at)).toEqual([-2, 1, 65504, 2 ** -24, -(2 ** -14), Infinity]);
  const bf16 = halfAt('bf16', Uint32Array.of(0x3f80_c000));
  expect([bf16(0), bf16(1)]).toEqual([-2, 1]);
});

test('features that make up for their columns: the error is that of a weight without outliers', async () => {
  const features = random(32 * K, 2).map((v, i) => v / (OUTLIERS.get(i % K) ?? 1));
  const output = (w: Tensor): Promise<Float32Array> =>
    gpu.scope(() => linear(tensor(gpu, features, [32, K]), w).read()) as Promise<Float32Array>;
  const exact = new Parameter(gpu, 'w', [N, K], planted());
  const [careful, before] = [stored(gpu), stored(gpu, { columns: false })];
  const want = await output(exact);
  expect(before.quantisation!.columns).toBeNull();
  expect(far(await output(before), want)).toBeGreaterThan(0.05);
  expect(far(await output(careful), want)).toBeLessThan(0.0075);
});

/** Result and gradients of an op over a weight, on a device. */
async function results(device: Gpu, weight: (device: Gpu) => Tensor) {
  const w = weight(device);
  const leaf = (values: Float32Array<ArrayBuffer>, shape: number[]): Parameter => {
    const p = new Parameter(device, 'p', shape, values);
    p.requiresGrad = true;
    return p;
  };
  const [x, a, b] = [leaf(random(7 * K, 3), [7, K]), leaf(random(4 * K, 4), [4, K]), leaf(random(N * 4, 5), [N, 4])];
  const bias = tensor(device, random(N, 6), [N]);
  const loss = (y: Tensor): Tensor => sum(mul(y, tensor(device, random(y.size, 7), y.shape)));
  const ids = tensor(device, Int32Array.of(0, 5, 599, 64, 5));
  const read = device.scope(() => {
    const plain = linear(x, w, bias);
    const adapted = loraLinear(x, w, bias, { a, b, scale: 0.5 });
    const chosen = embedding(ids, w);
    backward(loss(plain));
    backward(loss(adapted));
    return [plain, adapted, chosen].map((y) => y.read());
  });
  return Promise.all([...read, ...[x, a, b].map((p) => p.grad!.read())]) as Promise<Float32Array[]>;
}

test.each([
  ['one binding', () => gpu],
  ['shards', () => small],
] as const)(
  'linear, loraLinear and embedding equal those over the values as f32, gradients too: %s',
  async (_, device) => {
    const w = stored(device());
    const whole = stored(gpu);
    const values = (await gpu.scope(() => cast(whole, 'f32').read())) as Float32Array<ArrayBuffer>;
    expect(far(values, planted())).toBeLessThan(0.0075);
    const [packed, plain] = [
      await results(device(), () => w),
      await results(device(), (d) => new Parameter(d, 'f', [N, K], values)),
    ];
    packed.forEach((each, i) => expect(far(each, plain[i]!), `result ${i}`).toBeLessThan(2e-6));
    expect(packed[2]).toEqual(plain[2]);
  },
);

test('in any pieces and type, and with words and factors as they were', async () => {
  const [pieces, whole] = [stored(small), stored(gpu)];
  expect(openStore(pieces).piece).toBe(85 * K); // 65,536 bytes of f32, in whole rows
  expect(await pieces.read()).toEqual(await whole.read());
  for (const part of ['scales', 'columns'] as const)
    expect(await pieces.quantisation![part]!.read()).toEqual(await whole.quantisation![part]!.read());

  const copy = new Parameter(gpu, 'copy', [N, K], null, 'int8');
  const writer = openPackedStore(copy, 64);
  const { scales, columns } = whole.quantisation!;
  writer.words(0, (await whole.read()) as Uint32Array<ArrayBuffer>);
  writer.scales(0, new Uint32Array(((await scales.read()) as Float32Array<ArrayBuffer>).buffer));
  writer.columns((await columns!.read()) as Float32Array<ArrayBuffer>);
  writer.finish();
  const read = (x: Parameter) => gpu.scope(() => cast(x, 'f32').read()) as Promise<Float32Array>;
  expect(await read(copy)).toEqual(await read(whole));

  const halves = new Parameter(gpu, 'halves', [N, K], null, 'int8');
  const bits = new Uint32Array(planted().buffer);
  const words = new Uint32Array((N * K) / 2).map((_, i) => (bits[2 * i]! >>> 16) | (bits[2 * i + 1]! & 0xffff0000));
  const half = openStore(halves);
  half.write(0, { dtype: 'bf16', words, count: N * K });
  half.finish();
  expect(await halves.quantisation!.columns!.read()).toEqual(await columns!.read());
  expect(far(await read(halves), planted())).toBeLessThan(0.01);
});

test('storing again replaces the factors, and disposing frees them', () => {
  const before = gpu.memoryReport().liveBuffers;
  const w = stored(gpu);
  expect(gpu.memoryReport().liveBuffers).toBe(before + 3);
  store(w, random(N * K, 1));
  expect(w.quantisation!.columns).toBeNull();
  expect(gpu.memoryReport().liveBuffers).toBe(before + 2);
  store(w, planted());
  w.dispose();
  expect(gpu.memoryReport().liveBuffers).toBe(before);
});

test('layers over one input whose weights have such columns give the same as each alone', async () => {
  const w = stored(gpu);
  expect(w.quantisation?.columns).toBeTruthy();
  const [x, a, b] = [
    tensor(gpu, random(9 * K, 2), [9, K]),
    tensor(gpu, random(4 * K, 3), [4, K]),
    tensor(gpu, random(N * 4, 4), [N, 4]),
  ];
  const lora = { a, b, scale: 0.5 };
  const alone = await gpu.scope(() => loraLinear(x, w, null, lora).read());
  const layer = { weight: w, bias: null, ...lora };
  const together = gpu.scope(() => loraLinears(x, [layer, layer]).map((y) => y.read()));
  for (const each of together) expect(await each).toEqual(alone);
  w.dispose();
});
