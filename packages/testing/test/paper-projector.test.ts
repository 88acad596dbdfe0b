/** The projector by the paper's equations as PyTorch computes it: paper-projector.safetensors. */
import { openGpu } from '@curio/engine';
import { PaperProjector } from '@curio/nn';
import { expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { parity } from '../src/parity.ts';
import { runGolden } from './golden-projector.ts';

test.each(['all', 'portable'] as const)('output, loss and every gradient, features %s', async (features) => {
  const gpu = await openGpu({ features });
  const golden = await openGolden('paper-projector');
  const { parameters, dx, y, e, loss } = await runGolden(gpu, golden, PaperProjector);
  expect(parameters).toHaveLength(golden.under('weights.').size);
  for (const { name, shape } of parameters) expect(shape, name).toEqual(golden.tensor(`weights.${name}`).shape);
  const values = parity('the paper’s extractor and MLP: values', 'PyTorch in float64');
  const gradients = parity('the paper’s extractor and MLP: gradients', 'PyTorch in float64');
  values.close(y, golden.floats('out.y'), 1e-6, 'y', 1);
  values.close(e, golden.floats('out.e'), 1e-6, 'e', 1);
  values.close([loss], [golden.scalar('out.loss')], 1e-6, 'loss', 1);
  gradients.close(dx, golden.floats('grad.x'), 1e-5, 'x', 1);
  for (const { name, grad } of parameters)
    gradients.close(await grad!.read(), golden.floats(`grad.${name}`), 1e-5, name, 1);
  gpu.close();
});
