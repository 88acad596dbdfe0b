/** @file A worker thread of `PicturePool`, which decodes and preprocesses pictures for the image tower. */
import { parentPort } from 'node:worker_threads';
import { DataError } from '@curio/engine';
import { preprocessImage, type ImageConfig } from '@curio/model';
import { readPlace, type PicturePlace } from './decode.ts';

export interface PictureJob {
  readonly id: number;
  readonly place: PicturePlace;
  readonly image: ImageConfig;
}

/** `bad`: a sentence about the picture; `failed`: a bug. */
export type PictureResult = { readonly id: number } & (
  | { readonly pixels: Float32Array<ArrayBuffer> }
  | { readonly bad: string }
  | { readonly failed: string }
);

/** A picture preprocessed for the image tower. @throws DataError */
export async function preparePicture({ place, image }: Omit<PictureJob, 'id'>): Promise<Float32Array> {
  return preprocessImage(await readPlace(place), image);
}

parentPort?.on('message', (job: PictureJob) => {
  const { id } = job;
  const answer = (result: PictureResult, moved: ArrayBuffer[] = []): void => parentPort!.postMessage(result, moved);
  preparePicture(job).then(
    (pixels) => answer({ id, pixels: pixels as Float32Array<ArrayBuffer> }, [pixels.buffer as ArrayBuffer]),
    (error: Error) =>
      answer(error instanceof DataError ? { id, bad: error.message } : { id, failed: String(error.stack) }),
  );
});
