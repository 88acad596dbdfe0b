/** @file A visitor's picture file, as the model sees it. */
import { CANVAS } from '@curio/scenes';
import type { Picture } from '@curio/model';

/** A file that is not a picture, or one that this device cannot open. */
export class PhotoError extends Error {
  override readonly name = 'PhotoError';
}

/** The board's paper color, around a picture that is not square. */
const PAPER = '#171717';

/** The whole picture, as large as fits on the board. @throws {PhotoError} */
export async function openPhoto(file: File): Promise<Picture> {
  const bitmap = await createImageBitmap(file).catch(() => {
    const name = file.name.length > 40 ? `${file.name.slice(0, 39)}…` : file.name;
    throw new PhotoError(`“${name}” could not be opened as a picture here; a PNG or JPEG of ordinary size works.`);
  });
  const scale = CANVAS / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width * scale, bitmap.height * scale];
  const canvas = new OffscreenCanvas(CANVAS, CANVAS);
  const context = canvas.getContext('2d')!;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, CANVAS, CANVAS);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, (CANVAS - width) / 2, (CANVAS - height) / 2, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, CANVAS, CANVAS);
  const rgb = new Uint8Array(3 * CANVAS * CANVAS);
  for (let i = 0; i < CANVAS * CANVAS; i++) rgb.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width: CANVAS, height: CANVAS, rgb };
}
