/** @file How close texts are to pictures, by both towers of the base's CLIP, before any LoRA. */
import { join } from 'node:path';
import { noGrad, reshape, sum, mul, tensor, upload } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Picture, Tokens } from '@curio/model';
import { openSafetensors } from '@curio/nn';
import { textIds, textInputs, textRows } from '@curio/scenes';
import { openClip } from '../base/pretraining.ts';
import { CLIP_TEXT } from '../base/recipe.ts';
import { fileSource } from '../run/files.ts';

export interface PictureText {
  readonly picture: Picture;
  readonly text: string;
}

/** Cosine of each text with its picture, −1 to 1. */
export type Similarity = (pairs: readonly PictureText[]) => Promise<number[]>;

/** Pairs on the device at a time. */
const PART = 64;

/**
 * By the embedded base in `vision`, whose folder has both towers. Texts are truncated to the text tower's positions.
 */
export async function openSimilarity(
  gpu: Gpu,
  vision: string,
  tokens: Tokens,
  prepare: (picture: Picture) => Float32Array,
): Promise<Similarity> {
  const { tensors } = await openSafetensors(fileSource(join(vision, 'model.safetensors')));
  const { pair } = await openClip(gpu, 0, { weights: tensors });
  const idsOf = (text: string): number[] => {
    // Words that the captions never use have no row in the text tower.
    const ids = textIds(tokens, text).filter((id) => id < CLIP_TEXT.vocabSize);
    return ids.length <= CLIP_TEXT.maxPositions ? ids : [...ids.slice(0, CLIP_TEXT.maxPositions - 1), ids.at(-1)!];
  };
  return async (pairs) => {
    const out: number[] = [];
    for (let at = 0; at < pairs.length; at += PART) {
      const part = pairs.slice(at, at + PART);
      const pixels = part.map(({ picture }) => prepare(picture));
      const area = pixels[0]!.length;
      const values = new Float32Array(part.length * area);
      pixels.forEach((each, i) => values.set(each, i * area));
      const side = Math.sqrt(area / 3);
      const cosines = gpu.scope(() =>
        noGrad(() => {
          const images = reshape(tensor(gpu, values), [part.length, 3, side, side]);
          const texts = upload(gpu, textInputs(textRows(part.map(({ text }) => idsOf(text)))));
          return sum(mul(pair.encodeImages(images).pooled, pair.encodeTexts(texts)), { axis: -1 }).read();
        }),
      );
      out.push(...(await cosines));
    }
    return out;
  };
}
