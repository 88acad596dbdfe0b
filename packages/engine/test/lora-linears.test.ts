/** Several layers with LoRA over one input give what each gives alone, in fewer dispatches. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  AdamW,
  add,
  backward,
  loraLinear,
  loraLinears,
  mul,
  Parameter,
  permute,
  reshape,
  scaledDotProductAttention,
  sum,
  swiglu,
  tensor,
} from '../src/index.ts';
import type { Gpu, LoraLayer, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());
afterEach(() => gpu.kernels.forced.clear());

const parameter = (name: string, shape: [number, number?], seed: number): Parameter =>
  new Parameter(gpu, name, shape as number[], noise(shape[0] * (shape[1] ?? 1), seed));

interface Options {
  readonly M?: number;
  readonly K?: number;
  readonly sizes?: readonly number[];
  readonly ranks?: readonly number[];
  readonly bias?: boolean;
  readonly trainsWeights?: boolean;
  /** Whether an optimizer holds the adapters, and so places them side by side. */
  readonly beside?: boolean;
  /** Layers whose results the loss reads. */
  readonly used?: readonly number[];
  readonly steps?: number;
}

/** Results, gradients and dispatches of a few layers, computed by `forward`. */
async function results(
  forward: (x: Tensor, layers: readonly LoraLayer[]) => readonly Tensor[],
  options: Options = {},
): Promise<{ values: number[][]; dispatches: number }> {
  const {
    M = 64,
    K = 48,
    sizes = [32, 32, 32],
    bias = false,
    trainsWeights = false,
    beside = true,
    steps = 1,
  } = options;
  const { ranks = sizes.map(() => 16), used = sizes.map((_, i) => i) } = options;
  const as = sizes.map((_, i) => parameter(`a${i}`, [ranks[i]!, K], 10 + i));
  const bs = sizes.map((N, i) => parameter(`b${i}`, [N, ranks[i]!], 20 + i));
  const weights = sizes.map((N, i) => parameter(`w${i}`, [N, K], 30 + i));
  const biases = bias ? sizes.map((N, i) => parameter(`bias${i}`, [N], 40 + i)) : [];
  const x = parameter('x', [M, K], 1);
  const all = [...as, ...bs, ...weights, ...biases, x];
  const trained = [...as, ...bs, ...(trainsWeights ? [...weights, ...biases] : [])];
  const optimizer = beside ? new AdamW(gpu, trained) : null;
  for (const each of [...trained, x]) each.requiresGrad = true;
  optimizer?.zeroGrad();
  const layers = sizes.map((_, i) => ({
    weight: weights[i]!,
    bias: biases[i] ?? null,
    a: as[i]!,
    b: bs[i]!,
    scale: 2,
  }));
  const before = gpu.stream.counts.dispatches;
  let reads: Promise<ArrayLike<number>>[] = [];
  for (let step = 0; step < steps; step++)
    reads = gpu.scope(() => {
      const ys = forward(x, layers);
      const read = ys.map((y) => y.read());
      const losses = used.map((i) => sum(mul(ys[i]!, tensor(gpu, noise(M * sizes[i]!, 50 + i), [M, sizes[i]!]))));
      backward(losses.reduce(add));
      return read;
    });
  const { dispatches } = gpu.stream.counts;
  reads.push(...[...trained, x].map(({ grad, size }) => grad?.read() ?? Promise.resolve(new Float32Array(size))));
  const values = (await Promise.all(reads)).map((each) => Array.from(each));
  optimizer?.dispose();
  for (const each of all) each.dispose();
  return { values, dispatches: dispatches - before };
}

const alone = (x: Tensor, layers: readonly LoraLayer[]): Tensor[] =>
  layers.map(({ weight, bias, ...lora }) => loraLinear(x, weight, bias, lora));

async function compare(options: Options): Promise<{ fewer: number }> {
  const [one, each] = [await results(loraLinears, options), await results(alone, options)];
  one.values.forEach((values, i) => {
    const scale = Math.max(1, ...each.values[i]!.map(Math.abs));
    expect(values.length).toBe(each.values[i]!.length);
    expect(Math.max(...values.map((v, k) => Math.abs(v - each.values[i]![k]!))) / scale).toBeLessThan(1e-5);
  });
  return { fewer: each.dispatches - one.dispatches };
}

test.each<[string, Options, number]>([
  // h, dA and dB of three layers are one product each; dh is not, as gradients of different ops lie apart
  ['side by side', {}, 4],
  ['with biases', { bias: true }, 4],
  ['added to by a second backward pass', { steps: 2 }, 8],
  ['with weights and biases that are trained', { bias: true, trainsWeights: true }, 4],
  ['apart', { beside: false }, 2],
  ['two of which one is not used', { sizes: [32, 32], used: [1] }, 1],
  ['of different sizes, two of them equal', { sizes: [64, 32, 32] }, 2],
  ['of different ranks', { ranks: [16, 32, 16] }, 0],
  ['of which there are many', { sizes: [32, 32, 32, 32, 32] }, 6],
  ['whose results would not begin on the binding grid', { M: 63, K: 44 }, 0],
  ['with few rows', { M: 4 }, 0],
])('layers %s give what each gives alone', async (_, options, fewer) => {
  expect((await compare(options)).fewer).toBe(fewer);
});

test.each([
  ['matmul pair', 'joined'],
  ['matmul pair', 'separate'],
  ['matmul pair', 'folded'],
  ['matmul split', '3'],
  ...['texels', 'subgroup', 'block', 'naive'].map((variant) => ['all layouts', variant]),
] as [string, string][])('%s %s: the same results, with biases and without', async (family, choice) => {
  const families = family === 'all layouts' ? ['nn', 'nt', 'tn'].map((layout) => `matmul ${layout}`) : [family];
  for (const options of [{ K: 48 }, { K: 44, bias: true }]) {
    for (const each of families) gpu.kernels.forced.set(each, choice);
    await compare({ ...options, M: 68 });
  }
});

test('parts of split sums of several layers end where their sums end', async () => {
  for (const variant of ['texels', 'subgroup', 'block', 'tile', 'naive']) {
    gpu.kernels.forced.set('matmul tn', variant);
    gpu.kernels.forced.set('matmul split', '3');
    // 68 rows: two parts of 24 and one of 20; 52: two of 20 and one of 12
    for (const M of [68, 52]) await compare({ M });
  }
});

test('results and gradients of a folded weight are computed in one product for all layers', async () => {
  gpu.kernels.forced.set('matmul pair', 'folded');
  const { fewer } = await compare({});
  // of each three: h, dA, B·A and x·Wᵀ
  expect(fewer).toBe(8);
});

test('gradients of swiglu and attention are adjacent, so dh and dB of their layers are one product each', async () => {
  const countOf = async (forward: typeof loraLinears): Promise<number> => {
    const { dispatches } = await results(
      (x, layers) => {
        const [gate, up] = forward(x, [...layers]) as [Tensor, Tensor];
        return [swiglu(gate, up)];
      },
      { sizes: [32, 32], used: [0] },
    );
    return dispatches;
  };
  // h, dA, dh and dB of two layers
  expect((await countOf((x, layers) => alone(x, layers))) - (await countOf(loraLinears))).toBe(4);
  const attended = async (forward: typeof loraLinears): Promise<number> => {
    const { dispatches } = await results(
      (x, layers) => {
        const [q, k, v] = forward(x, [...layers]).map((y) => permute(reshape(y, [2, 32, 1, 32]), [0, 2, 1, 3]));
        return [reshape(permute(scaledDotProductAttention(q!, k!, v!), [0, 2, 1, 3]), [64, 32])];
      },
      { used: [0] },
    );
    return dispatches;
  };
  expect((await attended((x, layers) => alone(x, layers))) - (await attended(loraLinears))).toBe(8);
});
