/** The projector as PyTorch computes it: the golden files `prototype-small` and `prototype-large`, and its names. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { MlpProjector, PrototypeProjector, Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { parity } from '../src/parity.ts';
import { runGolden } from './golden-projector.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
  gpu.probe.poison = true;
});
afterAll(() => gpu.close());

test.each(['prototype-small', 'prototype-large'])('%s: output, loss and every gradient', async (name) => {
  const golden = await openGolden(name);
  const { parameters, dx, y, e, loss } = await runGolden(gpu, golden, PrototypeProjector);
  const values = parity('prototype extractor and MLP: values', 'PyTorch in float64');
  const gradients = parity('prototype extractor and MLP: gradients', 'PyTorch in float64');
  values.close(y, golden.floats('out.y'), 1e-5, 'y', 1);
  values.close(e, golden.floats('out.e'), 1e-5, 'e', 1);
  values.close([loss], [golden.scalar('out.loss')], 1e-5, 'loss', 1);
  gradients.close(dx, golden.floats('grad.x'), 1e-4, 'x', 1);
  for (const parameter of parameters) {
    if (parameter.name.startsWith('ln_1')) expect(parameter.grad, parameter.name).toBeNull();
    else
      gradients.close(await parameter.grad!.read(), golden.floats(`grad.${parameter.name}`), 1e-4, parameter.name, 1);
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
