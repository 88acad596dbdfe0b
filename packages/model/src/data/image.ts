/**
 * @file CLIP's preprocessing of an image: padded or cropped to a square, resized as Pillow does, normalised. Decoding
 * is not done here: Node and the browser have their own decoders.
 */

import { DataError } from '@curio/engine';
import type { Picture } from './picture.ts';
import { resizePart } from './resize.ts';
import type { Axis } from './resize.ts';

export interface ImageConfig {
  /** Side of the square that the tower sees, in pixels. */
  size: number;
  /** `pad`: the whole image on a square of the mean colour; `crop`: the centre square. */
  mode: 'pad' | 'crop';
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

export const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
export const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;

/**
 * Float32 [3, size, size], channels first: (value / 255 − mean) / std. `pad` centres the image on a square of its
 * longer side with the truncated mean colour. Throws DataError for an empty image.
 */
export function preprocessImage(picture: Picture, { size, mode, mean, std }: ImageConfig): Float32Array {
  const { width, height, rgb } = picture;
  if (width < 1 || height < 1 || rgb.length !== width * height * 3) {
    throw new DataError(
      `image: ${rgb.length} bytes for ${width}×${height} pixels; RGB needs ${width * height * 3} and at least one pixel.`,
    );
  }
  const side = Math.max(width, height);
  const [fullWidth, fullHeight] = mode === 'pad' ? [side, side] : [width, height];
  const short = Math.min(fullWidth, fullHeight);
  /** The middle `size` positions of an axis when the shorter axis is resized to `size`. */
  const middle = (from: number, own: number): Axis => {
    const to = Math.floor((size * from) / short);
    return { from, at: Math.floor((from - own) / 2), to, first: Math.floor((to - size) / 2), count: size };
  };
  const fill = mean.map((value) => Math.trunc(value * 255)); // (122, 116, 104) for CLIP
  const square = resizePart(picture, middle(fullWidth, width), middle(fullHeight, height), fill);
  const out = new Float32Array(3 * size * size);
  for (let c = 0; c < 3; c++) {
    const levels = Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean[c]!) / std[c]!);
    const plane = out.subarray(c * size * size, (c + 1) * size * size);
    for (let i = 0; i < plane.length; i++) plane[i] = levels[square.rgb[3 * i + c]!]!;
  }
  return out;
}

/** `preprocessor_config.json` of the Hugging Face layout. */
export function preprocessorConfig({ size, mean, std }: ImageConfig): object {
  return {
    image_processor_type: 'CLIPImageProcessor',
    crop_size: { height: size, width: size },
    do_center_crop: true,
    do_convert_rgb: true,
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: mean,
    image_std: std,
    resample: 3,
    rescale_factor: 1 / 255,
    size: { shortest_edge: size },
  };
}

const PROCESSORS = ['CLIPImageProcessor', 'CLIPImageProcessorFast', 'CLIPImageProcessorPil', 'CLIPFeatureExtractor'];
/** What this file does, by key; `data_format` and the like are about other frameworks' memory. */
const DONE: Readonly<Record<string, readonly unknown[]>> = {
  image_processor_type: PROCESSORS,
  feature_extractor_type: PROCESSORS,
  do_resize: [true],
  do_center_crop: [true],
  do_rescale: [true],
  do_normalize: [true],
  do_convert_rgb: [true, false],
  do_pad: [false],
  default_to_square: [false],
  resample: [3],
};
const OF_OTHERS = [
  'data_format',
  'input_data_format',
  'return_tensors',
  'device',
  'processor_class',
  'disable_grouping',
];
const READ = ['crop_size', 'size', 'rescale_factor', 'image_mean', 'image_std'];

/**
 * Size, mean and std out of a `preprocessor_config.json`; older files write the size as a number.
 * @param side what the tower sees; left out, any side will do
 * @throws DataError for another side, and for steps that are not CLIP's
 */
export function readPreprocessorConfig(
  json: Record<string, unknown>,
  mode: ImageConfig['mode'],
  side?: number,
): ImageConfig {
  const refuse = (what: string): never => {
    throw new DataError(`preprocessor_config.json: ${what}`);
  };
  const show = (value: unknown): string => JSON.stringify(value);
  const edge = (value: unknown, ...keys: string[]): number | undefined =>
    typeof value === 'object' && value !== null
      ? keys.map((key) => (value as Record<string, number>)[key]).find((each) => each !== undefined)
      : (value as number | undefined);
  const { crop_size: crop, size: resized, rescale_factor: factor = 1 / 255 } = json;
  const size = edge(crop, 'height');
  if (!size) return refuse('no crop_size; it must give the side of the square that the tower sees.');
  if (edge(crop, 'width') !== size) refuse(`crop_size is ${show(crop)}; the tower sees a square.`);
  if (resized !== undefined && edge(resized, 'shortest_edge') !== size)
    refuse(`size is ${show(resized)} and crop_size ${size}; the shorter side is made as long as the crop.`);
  if (side !== undefined && size !== side)
    refuse(`crop_size is ${size} and the tower sees ${side}; take the folder's own files.`);
  if (typeof factor !== 'number' || Math.abs(factor * 255 - 1) > 1e-6)
    refuse(`rescale_factor is ${show(factor)}; bytes are divided by 255.`);
  for (const [key, value] of Object.entries(json)) {
    if (value === null || OF_OTHERS.includes(key) || READ.includes(key)) continue;
    if (!Object.hasOwn(DONE, key)) refuse(`${key} is ${show(value)}; no such step is known.`);
    if (!DONE[key]!.includes(value))
      refuse(`${key} is ${show(value)}; only ${DONE[key]!.map(show).join(' or ')} is done.`);
  }
  const channels = (key: string, fallback: ImageConfig['mean']): ImageConfig['mean'] => {
    const value = (json[key] ?? fallback) as ImageConfig['mean'];
    if (!Array.isArray(value) || value.length !== 3 || !value.every(Number.isFinite))
      refuse(`${key} is ${show(value)}; it must be three numbers.`);
    return value;
  };
  return { size, mode, mean: channels('image_mean', CLIP_MEAN), std: channels('image_std', CLIP_STD) };
}
