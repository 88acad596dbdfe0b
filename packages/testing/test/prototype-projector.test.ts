/** The projector as PyTorch computes it: the golden files `prototype-small` and `prototype-large`, and its names. */
import { backward, mul, openGpu, sum, tensor } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { MlpProjector, PrototypeProjector, Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
  gpu.probe.poison = true;
});
afterAll(() => gpu.close());

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const scale = Array.from(expected).reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  expect(actual.length).toBe(expected.length);
  return Array.from(expected).reduce((most, v, i) => Math.max(most, Math.abs(v - actual[i]!)), 0) / scale;
}

test.each(['prototype-small', 'prototype-large'])('%s: output, loss and every gradient', async (name) => {
  const golden = await openGolden(name);
  const { width, outputWidth, prototypes, iterations } = golden.config;
  const weights = new Weights(gpu);
  const projector = new PrototypeProjector(weights, {
    visionSize: width,
    hiddenSize: outputWidth,
    numPrototypes: prototypes,
    iterations,
  });
  for (const parameter of weights.parameters()) {
    parameter.write(Float32Array.from(golden.floats(`weights.${parameter.name}`)));
    parameter.requiresGrad = true;
  }
  const tokens = golden.tensor('in.x').shape[0]!;
  const x = tensor(gpu, Float32Array.from(golden.floats('in.x')), [1, tokens, width]);
  x.requiresGrad = true;
  const lossWeights = tensor(gpu, Float32Array.from(golden.floats('in.lossWeights')), [1, tokens, outputWidth]);
  const { y, e, loss } = gpu.scope(() => {
    const extracted = projector.extract(x).read();
    const output = projector.forward(x);
    const total = sum(mul(output, lossWeights));
    const read = { y: extracted, e: output.read(), loss: total.item() };
    backward(total);
    return read;
  });
  expect(worst(await y, golden.floats('out.y'))).toBeLessThan(1e-5);
  expect(worst(await e, golden.floats('out.e'))).toBeLessThan(1e-5);
  expect(worst([await loss], [golden.scalar('out.loss')])).toBeLessThan(1e-5);
  expect(worst(await x.grad!.read(), golden.floats('grad.x'))).toBeLessThan(1e-4);
  for (const parameter of weights.parameters()) {
    if (parameter.name.startsWith('ln_1')) expect(parameter.grad, parameter.name).toBeNull();
    else
      expect(worst(await parameter.grad!.read(), golden.floats(`grad.${parameter.name}`)), parameter.name).toBeLessThan(
        1e-4,
      );
  }
});

test('the projectors name their tensors as the published files do', () => {
  const names = (make: (w: Weights) => unknown): Record<string, string> => {
    const weights = new Weights(gpu);
    make(weights.at('projector'));
    return Object.fromEntries(weights.parameters().map((p) => [p.name.slice('projector.'.length), p.shape.join('×')]));
  };
  const sizes = { visionSize: 64, hiddenSize: 128 };
  expect(names((w) => new PrototypeProjector(w, { ...sizes, numPrototypes: 16, iterations: 2 }))).toEqual({
    sim_alpha: '1×1×1',
    sim_beta: '1×1×1',
    'c.weight': '64×64',
    'c.bias': '64',
    'v.weight': '64×64',
    'v.bias': '64',
    'f.weight': '64×64',
    'f.bias': '64',
    'ln_1.weight': '64',
    'ln_1.bias': '64',
    'mlp.0.weight': '128×64',
    'mlp.0.bias': '128',
    'mlp.2.weight': '128×128',
    'mlp.2.bias': '128',
  });
  expect(names((w) => new MlpProjector(w, sizes))).toEqual({
    '0.weight': '128×64',
    '0.bias': '128',
    '2.weight': '128×128',
    '2.bias': '128',
  });
});
