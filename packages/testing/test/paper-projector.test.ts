/** The projector by the paper's equations as PyTorch computes it: paper-projector.safetensors. */
import { backward, mul, openGpu, sum, tensor } from '@curio/engine';
import { PaperProjector, Weights } from '@curio/nn';
import { expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const scale = Array.from(expected).reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  expect(actual.length).toBe(expected.length);
  return Array.from(expected).reduce((most, v, i) => Math.max(most, Math.abs(v - actual[i]!)), 0) / scale;
}

test.each(['all', 'portable'] as const)('output, loss and every gradient, features %s', async (features) => {
  const gpu = await openGpu({ features });
  const golden = await openGolden('paper-projector');
  const { width, outputWidth, prototypes, iterations } = golden.config;
  const weights = new Weights(gpu);
  const projector = new PaperProjector(weights, {
    visionSize: width,
    hiddenSize: outputWidth,
    numPrototypes: prototypes,
    iterations,
  });
  expect(weights.parameters().map(({ name }) => name)).toHaveLength(golden.under('weights.').size);
  for (const parameter of weights.parameters()) {
    expect(parameter.shape, parameter.name).toEqual(golden.tensor(`weights.${parameter.name}`).shape);
    parameter.write(Float32Array.from(golden.floats(`weights.${parameter.name}`)));
    parameter.requiresGrad = true;
  }
  const x = tensor(gpu, Float32Array.from(golden.floats('in.x')), golden.tensor('in.x').shape);
  x.requiresGrad = true;
  const lossWeights = tensor(gpu, Float32Array.from(golden.floats('in.lossWeights')), golden.tensor('out.e').shape);
  const { y, e, loss } = gpu.scope(() => {
    const extracted = projector.extract(x).read();
    const output = projector.forward(x);
    const total = sum(mul(output, lossWeights));
    const read = { y: extracted, e: output.read(), loss: total.item() };
    backward(total);
    return read;
  });
  expect(worst(await y, golden.floats('out.y'))).toBeLessThan(1e-6);
  expect(worst(await e, golden.floats('out.e'))).toBeLessThan(1e-6);
  expect(worst([await loss], [golden.scalar('out.loss')])).toBeLessThan(1e-6);
  expect(worst(await x.grad!.read(), golden.floats('grad.x'))).toBeLessThan(1e-5);
  for (const { name, grad } of weights.parameters())
    expect(worst(await grad!.read(), golden.floats(`grad.${name}`)), name).toBeLessThan(1e-5);
  gpu.close();
});
