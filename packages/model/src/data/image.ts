/**
 * @file What CLIP sees of a picture: padded or cropped to a square, resized as Pillow does, normalised. Decoding is not
 * done here:
 * Node and the browser each bring their own decoder.
 */

import { DataError } from '@curio/engine';
import { resizePart } from './resize.ts';
import type { Axis } from './resize.ts';

/** Pixels row by row, three bytes each (red, green, blue). */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

export interface ImageConfig {
  /** Side of the square that the tower sees, in pixels. */
  size: number;
  /** `pad`: the whole picture on a square of the mean colour; `crop`: the centre square. */
  mode: 'pad' | 'crop';
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

export const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
export const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;

/**
 * Float32 [3, size, size], channels first: (value / 255 − mean) / std. `pad` centres the picture on a square of its
 * longer side with the truncated mean colour. Throws DataError for an empty picture.
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
  /** The middle `size` positions of an axis whose shorter fellow is resized to `size`. */
  const middle = (from: number, own: number): Axis => {
    const to = Math.floor((size * from) / short);
    return { from, at: Math.floor((from - own) / 2), to, first: Math.floor((to - size) / 2), count: size };
  };
  const fill = mean.map((value) => Math.trunc(value * 255)); // (122, 116, 104) for CLIP
  const square = resizePart(picture, middle(fullWidth, width), middle(fullHeight, height), fill);
  const out = new Float32Array(3 * size * size);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const value = square.rgb[(y * size + x) * 3 + c]!;
        out[(c * size + y) * size + x] = (value / 255 - mean[c]) / std[c];
      }
    }
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

/** Size, mean and std out of a `preprocessor_config.json`; older files write the size as a number. */
export function readPreprocessorConfig(json: Record<string, unknown>, mode: ImageConfig['mode']): ImageConfig {
  const crop = json.crop_size as number | { height: number } | undefined;
  const size = typeof crop === 'object' ? crop.height : crop;
  if (!size)
    throw new DataError(
      'preprocessor_config.json: no crop_size; it must give the side of the square that the tower sees.',
    );
  return {
    size,
    mode,
    mean: (json.image_mean ?? CLIP_MEAN) as ImageConfig['mean'],
    std: (json.image_std ?? CLIP_STD) as ImageConfig['std'],
  };
}
