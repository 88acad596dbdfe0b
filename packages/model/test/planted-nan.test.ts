/**
 * A NaN in any one tensor of the model, frozen or trained, stops the training step and is told by that tensor's name,
 * whatever lies between it and the loss.
 */
import { openGpu, RandomStream } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { imageTokens } from '../src/config.ts';
import type { ModelConfig } from '../src/config.ts';
import { makeBatch } from '../src/data/batch.ts';
import { IMAGE_TOKEN } from '../src/data/tokens.ts';
import { runSteps } from '../src/loop.ts';
import { PRESETS } from '../src/presets/presets.ts';
import type { LossInputs } from '../src/sq-llava.ts';
import { SqLlava } from '../src/sq-llava.ts';
import { stageOptimizer, trainingMode } from '../src/stages.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const { model: small, train } = PRESETS.small;
const cluster: ModelConfig = {
  ...small,
  vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2 },
  language: { ...small.language, hiddenSize: 32, intermediateSize: 64, numLayers: 1, numHeads: 2, numKeyValueHeads: 2 },
  languageLora: { ...small.languageLora!, r: 4 },
  visionLora: { ...small.visionLora!, r: 4 },
};
/** In the checkpoint, and in no forward pass: docs/sq-llava.md. */
const UNUSED = ['projector.ln_1.weight', 'projector.ln_1.bias'];

function lossInputs(model: SqLlava): ReturnType<SqLlava['lossInputs']> {
  const random = new RandomStream(1);
  const { vision, language } = model.config;
  const samples = [20, 31].map((length) => {
    const learned = model.config.vusr === 'token' ? [language.vocabSize] : [];
    const ids = [1, IMAGE_TOKEN, ...Array.from({ length }, () => random.integer(language.vocabSize)), ...learned];
    return { ids, labels: ids.map((id, i) => (i < 8 ? -100 : id)) };
  });
  const pixels = Float32Array.from({ length: samples.length * 3 * vision.imageSize ** 2 }, () => random.uniform(-2, 2));
  return model.lossInputs(makeBatch(samples, { patches: imageTokens(vision) }), pixels);
}

/** What one step of stage 2 says; it must change nothing where it says something. */
async function step(model: SqLlava, checkpointing: boolean): Promise<string> {
  const optimizer = stageOptimizer(model, train.stage2, train);
  Object.assign(model.mode, trainingMode({ ...train, gradientCheckpointing: checkpointing }));
  try {
    await runSteps<null, LossInputs>({
      gpu,
      optimizer,
      parameters: model.parameters,
      from: 0,
      steps: 1,
      lr: () => 1e-3,
      seed: 1,
      prepare: () => [null],
      inputs: () => lossInputs(model),
      loss: (inputs) => model.lossOf(inputs),
      count: () => ({ tokens: 0, images: 0 }),
      capture: false,
    });
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    optimizer.dispose();
  }
}

const sentence = (where: string): RegExp =>
  new RegExp(
    `^train: the (loss|gradient norm) is NaN at step 0; first non-finite tensor: ${where.replace(/[.()]/g, '\\$&')}\\. The step changed nothing\\.$`,
  );

test.each([
  ['the prototype extractor', cluster, false, /./],
  ['the prototype extractor, with gradient checkpointing', cluster, true, /layers\.0\..*(_A|norm)|embed/],
  [
    'the plain projector and a learned word',
    { ...cluster, projector: { kind: 'mlp2x_gelu' }, vusr: 'token' },
    false,
    /projector|extra/,
  ],
] as const)('one NaN in each tensor in turn: %s', async (_, config, checkpointing, which) => {
  const model = new SqLlava(new Weights(gpu, { seed: 1 }), config);
  expect(await step(model, checkpointing)).toBe('');
  for (const parameter of model.parameters.filter(({ name }) => which.test(name))) {
    const { name, size } = parameter;
    const before = (await parameter.read()) as Float32Array<ArrayBuffer>;
    // a word that is there: 1 begins each text
    const at = name === 'language.model.embed_tokens.weight' ? config.language.hiddenSize + 5 : (3 * size) >> 2;
    parameter.write(before.slice().fill(NaN, at, at + 1));
    const said = await step(model, checkpointing);
    if (UNUSED.includes(name)) expect([name, said]).toEqual([name, '']);
    else expect(said, name).toMatch(sentence(`${name} (element ${at} is NaN)`));
    parameter.write(before);
  }
  expect(await step(model, checkpointing)).toBe('');
  for (const parameter of model.parameters) parameter.dispose();
});
