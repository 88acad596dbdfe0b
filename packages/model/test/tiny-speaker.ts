/** @file A tiny model in the words of the scenes, without training, that says something all the same. */
import { RandomStream } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { Weights } from '@curio/nn';
import { sceneTokenizerJson } from '@curio/scenes';
import type { ModelConfig } from '../src/config.ts';
import { Tokens } from '../src/data/tokens.ts';
import { PRESETS } from '../src/presets/presets.ts';
import { SqLlava } from '../src/sq-llava.ts';

const { model: small } = PRESETS.small;
export const config: ModelConfig = {
  ...small,
  vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2 },
  projector: { kind: 'cluster', numPrototypes: 4, iterations: 2 },
  language: { ...small.language, hiddenSize: 64, intermediateSize: 96, numLayers: 2, numHeads: 4, numKeyValueHeads: 2 },
};
export const tokens = new Tokens(sceneTokenizerJson());

export function tinyModel(gpu: Gpu): SqLlava {
  const model = new SqLlava(new Weights(gpu, { seed: 7 }), config);
  // A model without training says the same word for ever; a louder head makes it say several.
  for (const parameter of model.parameters.filter(({ name }) => name.includes('lm_head') || name.includes('lora_B'))) {
    const random = new RandomStream(parameter.size);
    parameter.write(Float32Array.from({ length: parameter.size }, () => 0.1 * random.normal()));
  }
  return model;
}

/** Pixels as the image tower takes them. */
export const picture = (seed: number): Float32Array => {
  const random = new RandomStream(seed);
  return Float32Array.from({ length: 3 * config.vision.imageSize ** 2 }, () => random.uniform(-1, 1));
};
