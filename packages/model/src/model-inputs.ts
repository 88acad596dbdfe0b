/** @file What a model is given, whether it talks or trains: words in its chat template, and pictures as a tensor. */
import { tensor } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import type { ModelConfig } from './config.ts';
import { TEMPLATES, withVuserToken } from './data/conversation.ts';
import type { Template } from './data/conversation.ts';
import type { SqLlava } from './sq-llava.ts';

/** The chat template of a model: the named one, with its own system text and self-question role. */
export function templateOf({ template, systemText, vusr }: ModelConfig): Template {
  const named: Template = TEMPLATES[template];
  const spoken = systemText === null ? named : { ...named, system: systemText };
  return vusr === 'token' ? withVuserToken(spoken) : spoken;
}

/** Stacked pixels as the image tower takes them: float[N, 3, S, S]. */
export function imageTensor(model: SqLlava, pixels: Float32Array): Tensor {
  const { imageSize } = model.config.vision;
  return tensor(model.gpu, pixels as Float32Array<ArrayBuffer>, [
    pixels.length / (3 * imageSize ** 2),
    3,
    imageSize,
    imageSize,
  ]);
}
