/** @file Similarity of texts and pictures by a CLIP with both towers: the base's, without LoRA, or a published one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, noGrad, reshape, sum, mul, tensor, upload } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import {
  CLIP_MEAN,
  CLIP_STD,
  ClipModel,
  clipTextFromHf,
  ClipTokens,
  clipVisionFromHf,
  preprocessImage,
  readPreprocessorConfig,
  textInputs,
  textRows,
} from '@curio/model';
import type { ImageConfig, Picture, Tokens } from '@curio/model';
import { openSafetensors, openWeightFolder, Weights } from '@curio/nn';
import { textIds } from '@curio/scenes';
import { openClip } from '../base/pretraining.ts';
import { CLIP_TEXT } from '../base/recipe.ts';
import { fileSource, folderSource, readJson } from '../run/files.ts';

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
  return similarityOf(gpu, pair, prepare, (text) => {
    // Words that the captions never use have no row in the text tower.
    const ids = textIds(tokens, text).filter((id) => id < CLIP_TEXT.vocabSize);
    return ids.length <= CLIP_TEXT.maxPositions ? ids : [...ids.slice(0, CLIP_TEXT.maxPositions - 1), ids.at(-1)!];
  });
}

/**
 * By a CLIP in the published layout: `config.json` of both towers, `tokenizer.json`, weights, and the image
 * preprocessing. Texts are truncated as in transformers.
 * @throws ConfigError, DataError and WeightError for what is missing in the folder or cannot be computed
 */
export async function openPublishedSimilarity(gpu: Gpu, folder: string): Promise<Similarity> {
  const json = (name: string): Record<string, unknown> => {
    const path = join(folder, name);
    if (!existsSync(path))
      throw new DataError(`questions: ${path} does not exist; give the folder of a complete CLIP.`);
    return readJson(path, 'questions') as Record<string, unknown>;
  };
  const [config, where] = [json('config.json'), join(folder, 'config.json')];
  const [vision, text] = [clipVisionFromHf(config, where), clipTextFromHf(config, where)];
  const tokens = new ClipTokens(json('tokenizer.json'), text.maxPositions, text.vocabSize);
  const image: ImageConfig = existsSync(join(folder, 'preprocessor_config.json'))
    ? readPreprocessorConfig(json('preprocessor_config.json'), 'crop', vision.imageSize)
    : { size: vision.imageSize, mode: 'crop', mean: CLIP_MEAN, std: CLIP_STD };
  const weights = new Weights(gpu, { parts: [{ tensors: await openWeightFolder(folderSource(folder)) }] });
  const clip = new ClipModel(weights, vision, text);
  await weights.load();
  return similarityOf(
    gpu,
    clip,
    (picture) => preprocessImage(picture, image),
    (words) => tokens.encode(words),
  );
}

const similarityOf =
  (
    gpu: Gpu,
    clip: ClipModel,
    prepare: (picture: Picture) => Float32Array,
    idsOf: (text: string) => readonly number[],
  ): Similarity =>
  async (pairs) => {
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
          return sum(mul(clip.encodeImages(images).pooled, clip.encodeTexts(texts)), { axis: -1 }).read();
        }),
      );
      out.push(...(await cosines));
    }
    return out;
  };
