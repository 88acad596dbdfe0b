/** @file A projector with prototypes on the inputs of a golden file: what it gives, its loss and every gradient. */
import { backward, mul, sum, tensor } from '@curio/engine';
import type { Gpu, Parameter, Tensor } from '@curio/engine';
import { Weights } from '@curio/nn';
import type { GoldenFile } from '../src/golden.ts';

interface Sizes {
  readonly visionSize: number;
  readonly hiddenSize: number;
  readonly numPrototypes: number;
  readonly iterations: number;
}
interface Projector {
  extract(x: Tensor): Tensor;
  forward(x: Tensor): Tensor;
}

/** Makes the projector with the file's weights, all of them trained, and runs it forward and backward on [B, L, D]. */
export async function runGolden(
  gpu: Gpu,
  golden: GoldenFile,
  Kind: new (weights: Weights, sizes: Sizes) => Projector,
): Promise<{ parameters: Parameter[]; dx: Float32Array; y: Float32Array; e: Float32Array; loss: number }> {
  const { width, outputWidth, prototypes, iterations } = golden.config;
  const weights = new Weights(gpu);
  const projector = new Kind(weights, {
    visionSize: width,
    hiddenSize: outputWidth,
    numPrototypes: prototypes,
    iterations,
  });
  const parameters = weights.parameters();
  for (const parameter of parameters) {
    parameter.write(Float32Array.from(golden.floats(`weights.${parameter.name}`)));
    parameter.requiresGrad = true;
  }
  const batched = (shape: readonly number[]): number[] => (shape.length === 2 ? [1, ...shape] : [...shape]);
  const given = (name: string, like: string): Tensor =>
    tensor(gpu, Float32Array.from(golden.floats(name)), batched(golden.tensor(like).shape));
  const [x, lossWeights] = [given('in.x', 'in.x'), given('in.lossWeights', 'out.e')];
  x.requiresGrad = true;
  const read = gpu.scope(() => {
    const extracted = projector.extract(x).read();
    const output = projector.forward(x);
    const total = sum(mul(output, lossWeights));
    const results = [extracted, output.read(), total.item()] as const;
    backward(total);
    return results;
  });
  const [y, e, loss] = await Promise.all(read);
  return { parameters, dx: (await x.grad!.read()) as Float32Array, y: y as Float32Array, e: e as Float32Array, loss };
}
