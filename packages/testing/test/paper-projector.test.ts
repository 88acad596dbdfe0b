/** The projector by the paper's equations as PyTorch computes it: paper-projector.safetensors. */
import { backward, mul, openGpu, sum, tensor } from '@curio/engine';
import { PaperProjector, Weights } from '@curio/nn';
import { expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { parity } from '../src/parity.ts';

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
  const values = parity('the paper’s extractor and MLP: values', 'PyTorch in float64');
  const gradients = parity('the paper’s extractor and MLP: gradients', 'PyTorch in float64');
  values.close(await y, golden.floats('out.y'), 1e-6, 'y', 1);
  values.close(await e, golden.floats('out.e'), 1e-6, 'e', 1);
  values.close([await loss], [golden.scalar('out.loss')], 1e-6, 'loss', 1);
  gradients.close(await x.grad!.read(), golden.floats('grad.x'), 1e-5, 'x', 1);
  for (const { name, grad } of weights.parameters())
    gradients.close(await grad!.read(), golden.floats(`grad.${name}`), 1e-5, name, 1);
  gpu.close();
});
