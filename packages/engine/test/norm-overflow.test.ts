/** Gradients of norms over rows whose squares overflow f32: no step of finite differences fits such a row. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backward, layerNorm, mul, openGpu, Parameter, rmsNorm, sum, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

/** dx = rstd · (g − mean g − x̂ · mean(g · x̂)), without the means of g where nothing is centred. */
function gradient(x: readonly number[], g: readonly number[], isCentred: boolean): number[] {
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const mean = isCentred ? meanOf(x) : 0;
  const rstd = 1 / Math.sqrt(meanOf(x.map((v) => (v - mean) ** 2)));
  const unit = x.map((v) => (v - mean) * rstd);
  const [plain, along] = [isCentred ? meanOf(g) : 0, meanOf(g.map((v, i) => v * unit[i]!))];
  return g.map((v, i) => rstd * (v - plain - unit[i]! * along));
}

const kinds: readonly [string, boolean, (x: Tensor, w: Tensor, b: Tensor) => Tensor][] = [
  ['layerNorm', true, (x, w, b) => layerNorm(x, w, b)],
  ['rmsNorm', false, (x, w) => rmsNorm(x, w)],
];

test.each(
  kinds.flatMap((kind) =>
    ['shared', 'subgroup', 'naive'].flatMap((v) => [3, 12, 1024, 2053].map((n) => [...kind, v, n] as const)),
  ),
)('%s (%s, %s, %s, %i columns)', async (name, isCentred, op, variant, n) => {
  const x = Array.from({ length: n }, (_, i) => Math.fround(1e21 * Math.sin(i + 1) + (i === 1 ? 4e21 : 0)));
  const g = Array.from({ length: n }, (_, i) => Math.fround(Math.cos(3 * i)));
  const parameter = new Parameter(gpu, 'x', [1, n], Float32Array.from(x));
  parameter.requiresGrad = true;
  gpu.kernels.forced.set(name, variant);
  try {
    gpu.scope(() => {
      const [weight, bias] = [1, 0].map((v) => tensor(gpu, new Float32Array(n).fill(v)));
      backward(sum(mul(op(parameter, weight!, bias!), tensor(gpu, Float32Array.from(g), [1, n]))));
    });
    const dx = await parameter.grad!.read();
    const right = gradient(x, g, isCentred);
    const largest = Math.max(...right.map(Math.abs));
    for (const [i, value] of right.entries()) expect(Math.abs(dx[i]! - value) / largest, `dx[${i}]`).toBeLessThan(2e-6);
  } finally {
    gpu.kernels.forced.delete(name);
    parameter.dispose();
  }
});
