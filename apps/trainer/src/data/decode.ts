/**
 * @file Image files to pixels, equal to Pillow's `Image.open(file).convert('RGB')` byte for byte, as the golden file
 * `pictures` shows for over a hundred kinds: PNG, JPEG, WebP, GIF and TIFF by sharp, BMP and Netpbm by ourselves.
 * AVIF is not equal: libheif upsamples colours differently from libavif.
 *
 * Hence colour profiles and gamma are ignored, transparency is dropped, EXIF rotation is applied only in TIFF, 16-bit
 * grey is clipped at 255, and CMYK becomes RGB without a profile.
 */

import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DataError } from '@curio/engine';
import type { ImageSource, Picture } from '@curio/model';
import type { Sharp } from 'sharp';
import { fileError } from '../disk/system-error.ts';
import { isFile } from '../run/files.ts';
import { decodeBmp, isBmp } from './bmp.ts';
import { firstFrame } from './gif.ts';
import type { FirstFrame } from './gif.ts';
import { decodePnm, isPnm } from './pnm.ts';

export const PICTURE_KINDS = 'PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP or Netpbm';
const KINDS = `a ${PICTURE_KINDS} file`;

/** Decodes the bytes of an image file, which errors call `name`. */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Picture> {
  try {
    return isBmp(bytes) ? decodeBmp(bytes) : isPnm(bytes) ? decodePnm(bytes) : await decodeBySharp(bytes, name);
  } catch (error) {
    const why = (error as Error).message.trim().replaceAll('\n', ', ');
    throw new DataError(`image: '${name}' cannot be decoded (${why}); it must be ${KINDS}.`, { cause: error });
  }
}

type SharpModule = typeof import('sharp').default;

let sharpModule: Promise<{ default: SharpModule }> | null = null;

async function loadSharp(name: string): Promise<SharpModule> {
  const { default: sharp } = await (sharpModule ??= import('sharp')).catch((error: Error) => {
    throw new DataError(
      `image: cannot decode '${name}': sharp does not load (${error.message.split('\n')[0]}); run npm install on this machine.`,
    );
  });
  sharp.concurrency(1); // pictures are decoded in parallel, so more threads per picture would only compete
  return sharp;
}

async function decodeBySharp(bytes: Uint8Array, name: string): Promise<Picture> {
  const sharp = await loadSharp(name);
  const { format, space, depth, channels } = await sharp(bytes, { failOn: 'none' }).metadata();
  if (!FORMATS.has(format)) throw new DataError(`it is ${format}`);
  // Pillow also reads files that libjpeg warns about, such as stray bytes between segments; neither reads a truncated
  // file.
  const image = sharp(bytes, {
    ignoreIcc: true,
    failOn: format === 'jpeg' ? 'truncated' : 'warning',
    autoOrient: format === 'tiff',
  });
  if (space === 'cmyk') return fromCmyk(await pixels(image.pipelineColourspace('cmyk').toColourspace('cmyk')));
  if (depth === 'ushort' && channels === 1) return fromDeepGrey(await pixels(image.toColourspace('grey16'), 'ushort'));
  if (format === 'gif') return onScreen(await pixels(image.toColourspace('srgb').ensureAlpha()), firstFrame(bytes));
  const { data, width, height, bands } = await pixels(image.toColourspace('srgb').removeAlpha());
  return bands === 3 ? { width, height, rgb: data as Uint8Array } : toPicture(width, height, (i) => data[i * bands]!);
}

/** sharp's names of the formats that Pillow reads too; sharp alone would also render an SVG. */
const FORMATS: ReadonlySet<string> = new Set(['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif']);

interface Pixels {
  readonly data: Uint8Array | Uint16Array;
  readonly width: number;
  readonly height: number;
  readonly bands: number;
}

async function pixels(image: Sharp, depth: 'uchar' | 'ushort' = 'uchar'): Promise<Pixels> {
  const { data, info } = await image.raw({ depth }).toBuffer({ resolveWithObject: true });
  const bytes = new Uint8Array(data); // a copy, so that pairs of bytes lie at even addresses
  return {
    data: depth === 'uchar' ? bytes : new Uint16Array(bytes.buffer),
    width: info.width,
    height: info.height,
    bands: info.channels,
  };
}

/** A picture from the level of each pixel and channel. */
function toPicture(width: number, height: number, level: (pixel: number, channel: number) => number): Picture {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, at = 0; i < width * height; i++) for (let c = 0; c < 3; c++) rgb[at++] = level(i, c);
  return { width, height, rgb };
}

/** White minus the inks, with Pillow's division by 255. */
function fromCmyk({ data, width, height, bands }: Pixels): Picture {
  return toPicture(width, height, (i, c) => {
    const light = 255 - data[i * bands + 3]!;
    const ink = data[i * bands + c]! * light + 128;
    return light - ((ink + (ink >> 8)) >> 8);
  });
}

const fromDeepGrey = ({ data, width, height, bands }: Pixels): Picture =>
  toPicture(width, height, (i) => Math.min(255, data[i * bands]!));

/** A frame on its canvas, with a colour for uncovered pixels. */
function onScreen({ data, width, height }: Pixels, frame: FirstFrame): Picture {
  return toPicture(width, height, (i, c) => {
    const [x, y] = [(i % width) - frame.left, Math.floor(i / width) - frame.top];
    const inside = x >= 0 && x < frame.width && y >= 0 && y < frame.height;
    return inside && data[4 * i + 3] !== 0 ? data[4 * i + c]! : frame.open[c]!;
  });
}

/** Decodes an image file. @throws DataError if it is missing, cannot be read or is not an image */
export async function readImage(path: string): Promise<Picture> {
  if (!existsSync(path)) throw new DataError(`image: '${path}' not found.`);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new DataError(fileError(error, path, 'image')?.message ?? (error as Error).message, { cause: error });
  }
  return decodeImage(bytes, path);
}

/** Where a picture is: a file, or bytes that errors call `name`. */
export type PicturePlace = { readonly path: string } | { readonly bytes: Uint8Array; readonly name: string };

/** The picture at a place. @throws DataError as `readImage` */
export const readPlace = (place: PicturePlace): Promise<Picture> =>
  'path' in place ? readImage(place.path) : decodeImage(place.bytes, place.name);

/** Images that worker threads can read by themselves. */
export interface PlacedImages extends ImageSource {
  /** Where the picture of a path is. */
  place(path: string): Promise<PicturePlace>;
}

/** The images under a folder. */
export function imageFolder(folder: string): PlacedImages {
  const pathOf = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  return {
    name: folder,
    has: (path) => isFile(pathOf(path)),
    read: (path) => readImage(pathOf(path)),
    place: async (path) => ({ path: pathOf(path) }),
  };
}
