/**
 * @file What CLIP sees of a picture: padded or cropped to a square, resized as Pillow does, normalised. Decoding is not
 * done here:
 * Node and the browser each bring their own decoder.
 */

import { DataError } from '@curio/engine';

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

/** Float32 [3, size, size], channels first: (value / 255 − mean) / std. Throws DataError for an empty picture. */
export function preprocessImage(picture: Picture, { size, mode, mean, std }: ImageConfig): Float32Array {
  const { width, height, rgb } = picture;
  if (width < 1 || height < 1 || rgb.length !== width * height * 3) {
    throw new DataError(
      `image: ${rgb.length} bytes for ${width}×${height} pixels; RGB needs ${width * height * 3} and at least one pixel.`,
    );
  }
  const square = mode === 'pad' ? padToSquare(picture, mean) : picture;
  const short = Math.min(square.width, square.height);
  const scaled = resizeBicubic(
    square,
    Math.floor((size * square.width) / short),
    Math.floor((size * square.height) / short),
  );
  const left = Math.floor((scaled.width - size) / 2);
  const top = Math.floor((scaled.height - size) / 2);
  const out = new Float32Array(3 * size * size);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const value = scaled.rgb[((top + y) * scaled.width + left + x) * 3 + c];
        out[(c * size + y) * size + x] = (value / 255 - mean[c]) / std[c];
      }
    }
  }
  return out;
}

/**
 * The picture centred on a square of its longer side, filled with the truncated mean colour ((122, 116, 104) for CLIP).
 */
export function padToSquare(picture: Picture, mean: readonly number[] = CLIP_MEAN): Picture {
  const { width, height, rgb } = picture;
  const side = Math.max(width, height);
  if (width === height) return picture;
  const out = new Uint8Array(side * side * 3);
  const fill = mean.map((value) => Math.trunc(value * 255));
  for (let i = 0; i < out.length; i++) out[i] = fill[i % 3];
  const left = Math.floor((side - width) / 2);
  const top = Math.floor((side - height) / 2);
  for (let y = 0; y < height; y++)
    out.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * side + left) * 3);
  return { width: side, height: side, rgb: out };
}

/**
 * Pillow's bicubic resize, equal to the last bit: a = −0.5, widened when shrinking, columns first, 8 bits between the
 * two passes.
 */
export function resizeBicubic(picture: Picture, width: number, height: number): Picture {
  const { rgb } = picture;
  const wide =
    width === picture.width
      ? rgb
      : resizeAxis(rgb, { lines: picture.height, from: picture.width, to: width, step: 3, inner: 3 });
  const out =
    height === picture.height
      ? wide
      : resizeAxis(wide, { lines: 1, from: picture.height, to: height, step: width * 3, inner: width * 3 });
  return { width, height, rgb: out };
}

/** An axis of `from` groups of `inner` bytes, `lines` times over, becomes `to` groups. */
interface Axis {
  lines: number;
  from: number;
  to: number;
  step: number;
  inner: number;
}

function resizeAxis(source: Uint8Array, { lines, from, to, step, inner }: Axis): Uint8Array {
  const taps = bicubicTaps(from, to);
  const out = new Uint8Array(lines * to * inner);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < to; i++) {
      const { start, weights } = taps[i];
      const base = line * from * inner + start * step;
      const target = (line * to + i) * inner;
      for (let j = 0; j < inner; j++) {
        let sum = ROUND;
        for (let tap = 0; tap < weights.length; tap++) sum += source[base + tap * step + j] * weights[tap];
        out[target + j] = Math.max(0, Math.min(255, sum >> PRECISION));
      }
    }
  }
  return out;
}

/** Pillow's fixed point: 32 − 8 − 2 bits. */
const PRECISION = 22;
const ROUND = 1 << (PRECISION - 1);

/** For each output the first input and the fixed-point weights of those that follow. */
function bicubicTaps(from: number, to: number): { start: number; weights: Int32Array }[] {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const exact = Array.from({ length: end - start }, (_, tap) =>
      cubic((tap + start - center + 0.5) * (1 / filterScale)),
    );
    const total = exact.reduce((sum, weight) => sum + weight, 0);
    return { start, weights: Int32Array.from(exact, (weight) => roundAway((weight / total) * (1 << PRECISION))) };
  });
}

const roundAway = (value: number): number => Math.trunc(value + (value < 0 ? -0.5 : 0.5));

/** Keys' cubic convolution kernel with a = −0.5. */
function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
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
