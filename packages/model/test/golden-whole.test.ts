/**
 * The whole model against PyTorch: image tower, extractor, splicing, LLaMA, loss, and the gradient of everything that
 * is trained.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdamW, backward, cosineSchedule, noGrad, openGpu } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { generate, makeBatch, runSteps } from '@curio/model';
import type { Batch } from '@curio/model';
import { openGolden } from '@curio/testing/golden';
import type { GoldenFile as Golden } from '@curio/testing/golden';
import { parity, PYTORCH } from '@curio/testing/parity';
import { imageTensor } from '../src/model-inputs.ts';
import { openWholeModel, publishedName } from './whole-model.ts';

let gpu: Gpu;
let golden: Golden;
beforeAll(async () => {
  gpu = await openGpu();
  golden = await openGolden('whole');
});
afterAll(() => gpu.close());

/** The batch that our code makes of the golden ids and labels. */
function batchOf(file: Golden, prefix = 'in.'): Batch {
  const lengths = file.ints(`${prefix}textLengths`);
  const { shape } = file.tensor(`${prefix}ids`);
  const [ids, labels] = [file.ints(`${prefix}ids`), file.ints(`${prefix}labels`)];
  const samples = Array.from(lengths, (n, b) => ({
    ids: Array.from(ids.slice(b * shape[1]!, b * shape[1]! + n)),
    labels: Array.from(labels.slice(b * shape[1]!, b * shape[1]! + n)),
  }));
  return makeBatch(samples, { patches: 16 });
}

const trained = [
  ['lora_', 1],
  ['projector.', 0.2],
] as const;

test('features, projection, loss and every gradient', async () => {
  const model = await openWholeModel(gpu, golden);
  const batch = batchOf(golden);
  const pixels = golden.floats('in.images') as Float32Array<ArrayBuffer>;
  const optimizer = new AdamW(gpu, model.parameters, { groups: trained });
  const { features, projected, loss } = gpu.scope(() => {
    const seen = noGrad(() => model.vision.features(imageTensor(model, pixels)));
    const made = noGrad(() => model.projector.forward(seen));
    const value = model.loss(batch, imageTensor(model, pixels));
    const read = { features: seen.read(), projected: made.read(), loss: value.item() };
    backward(value);
    return read;
  });
  const values = parity('whole model: features, projection', PYTORCH);
  values.close(await features, golden.floats('out.features'), 1e-4, 'features');
  values.close(await projected, golden.floats('out.projected'), 1e-4, 'projected');
  expect(await loss).toBeCloseTo(golden.scalar('out.loss'), 4);
  const expected = golden.under('grad.');
  const gradients = parity('whole model: gradients', PYTORCH);
  let compared = 0;
  for (const parameter of model.parameters) {
    const want = expected.get(publishedName(parameter.name));
    if (!want || !parameter.grad) continue;
    gradients.close(await parameter.grad.read(), want.data as Float32Array, 1e-4, parameter.name);
    compared++;
  }
  expect(compared).toBe(expected.size);
  optimizer.dispose();
});

test('a tower that no pattern names gets no gradient, and everything else is the same: the published code’s no_grad', async () => {
  const model = await openWholeModel(gpu, golden);
  const groups = [
    ['language.*lora_', 1],
    ['projector.', 1],
  ] as const;
  const optimizer = new AdamW(gpu, model.parameters, { groups });
  const pixels = golden.floats('in.images') as Float32Array<ArrayBuffer>;
  gpu.scope(() => backward(model.loss(batchOf(golden), imageTensor(model, pixels))));
  const gradients = parity('whole model, frozen tower: gradients', PYTORCH);
  const expected = golden.under('grad.');
  let compared = 0;
  for (const parameter of model.parameters) {
    if (parameter.name.startsWith('vision.')) {
      expect(parameter.grad, parameter.name).toBeNull();
      continue;
    }
    const want = expected.get(publishedName(parameter.name));
    if (!want) continue;
    gradients.close(await parameter.grad!.read(), want.data as Float32Array, 1e-4, parameter.name);
    compared++;
  }
  expect(compared).toBe([...expected.keys()].filter((name) => !name.includes('vision_tower')).length);
  optimizer.dispose();
});

test('logits at every used position, and the greedy continuation with its cache', async () => {
  const model = await openWholeModel(gpu, golden);
  const batch = batchOf(golden);
  const images = golden.floats('in.images') as Float32Array<ArrayBuffer>;
  const logits = await gpu.scope(() =>
    noGrad(() => model.language.logits(model.hidden(batch, imageTensor(model, images))).read()),
  );
  const { shape } = golden.tensor('out.logits');
  const want = golden.floats('out.logits');
  const values = parity('whole model: logits', PYTORCH);
  batch.lengths.forEach((length, b) => {
    for (let t = 0; t < length; t++) {
      const width = shape[2]!;
      const ours = logits.subarray((b * batch.length + t) * width, (b * batch.length + t + 1) * width);
      values.close(
        ours,
        want.subarray((b * shape[1]! + t) * width, (b * shape[1]! + t + 1) * width),
        1e-4,
        `logits of sample ${b}, position ${t}`,
      );
    }
  });
  const area = images.length / golden.tensor('in.images').shape[0]!;
  const which = golden.scalar('generate.image');
  const image: Tensor = gpu.scope(() =>
    noGrad(() => model.encodeImages(imageTensor(model, images.slice(which * area, (which + 1) * area)))),
  );
  const [written] = await generate(model, [Array.from(golden.ints('generate.promptIds'))], image, {
    maxNewTokens: 20,
    eos: -1,
  });
  image.dispose();
  parity('whole model: greedy ids', PYTORCH).same(written!.ids, golden.ints('generate.ids'), 'ids');
});

test('ten training steps give the same losses, norms and weights', async () => {
  const trace = await openGolden('trace');
  const model = await openWholeModel(gpu, golden);
  const optimizer = new AdamW(gpu, model.parameters, { groups: trained, maxGradNorm: 1 });
  const losses: number[] = [];
  const norms: number[] = [];
  await runSteps({
    gpu,
    optimizer,
    from: 0,
    steps: 10,
    seed: 0,
    lr: cosineSchedule({ lr: 5e-3, steps: 10, warmup: 1 }),
    prepare: (step) => [
      {
        batch: batchOf(trace, `in.batch.${step % 2}.`),
        pixels: trace.floats(`in.batch.${step % 2}.images`) as Float32Array<ArrayBuffer>,
      },
    ],
    inputs: ({ batch, pixels }) => model.lossInputs(batch, pixels),
    loss: (inputs) => model.lossOf(inputs),
    count: () => ({ tokens: 0, images: 0 }),
    onStep: ({ loss, gradNorm }) => {
      losses.push(loss);
      norms.push(gradNorm);
    },
  });
  parity('whole model, ten steps: losses', PYTORCH).close(losses, trace.floats('out.losses'), 1e-5, 'losses');
  parity('whole model, ten steps: gradient norms', PYTORCH).close(
    norms,
    trace.floats('out.gradNorms'),
    1e-4,
    'gradient norms',
  );
  const weights = parity('whole model, ten steps: weights', PYTORCH);
  for (const [name, want] of trace.under('final.')) {
    const parameter = model.parameters.find((p) => publishedName(p.name) === name)!;
    weights.close(await parameter.read(), want.data as Float32Array, 1e-4, name);
  }
  optimizer.dispose();
});
