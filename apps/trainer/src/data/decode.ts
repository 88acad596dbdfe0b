/**
 * @file Image files to pixels, by sharp: bit-identical to Pillow for JPEG and PNG. Transparency is dropped, EXIF turns
 * are not applied.
 */

import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DataError } from '@curio/engine';
import type { ImageSource, Picture } from '@curio/model';
import { fileError } from '../disk/system-error.ts';
import { isFile } from '../run/files.ts';

/** Decodes the bytes of an image file; `name` is how errors call it. */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<Picture> {
  const { default: sharp } = await import('sharp').catch((error: Error) => {
    throw new DataError(
      `image: cannot decode '${name}': sharp does not load (${error.message.split('\n')[0]}); run npm install on this machine.`,
    );
  });
  try {
    const { data, info } = await sharp(bytes)
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return {
      width: info.width,
      height: info.height,
      rgb: info.channels === 3 ? new Uint8Array(data) : grayToRgb(data),
    };
  } catch (error) {
    throw new DataError(
      `image: '${name}' cannot be decoded (${(error as Error).message.trim().replaceAll('\n', ', ')}); it must be a PNG, JPEG, WebP, GIF, AVIF or TIFF file.`,
    );
  }
}

function grayToRgb(gray: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(gray.length * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = gray[Math.floor(i / 3)];
  return rgb;
}

/** Decodes an image file. Throws DataError where it is missing, cannot be read or is no image. */
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

/** The images under a folder. */
export function imageFolder(folder: string): ImageSource {
  const pathOf = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  return { name: folder, has: (path) => isFile(pathOf(path)), read: (path) => readImage(pathOf(path)) };
}
