/** @file The data of a stage: samples, which may be in a large file, and the pictures that they name. */

import type { Message } from './conversation.ts';
import type { Picture } from './picture.ts';

/** A folder of images. */
export interface ImageSource {
  /** Its name in errors, such as `data/images`. */
  name: string;
  has(path: string): boolean | Promise<boolean>;
  /** Decoded pixels. Throws DataError where the file is missing or no image. */
  read(path: string): Promise<Picture>;
}

export interface Sample {
  id: string;
  /**
   * Paths under the image folder; none for text alone. Where there are several, the k-th `<image>` of the messages is
   * the k-th of them; one is shown at every `<image>`.
   */
  images: readonly string[];
  messages: Message[];
  /** All turns of its entry, where reading dropped some from `messages`; only the published label masks need them. */
  turns?: readonly Message[];
  /** Its index in the file that it was read from, from 0. */
  entry?: number;
}

/** Samples that are read on demand. */
export interface Samples {
  readonly length: number;
  /** `modalityLength` of each. */
  readonly lengths: ArrayLike<number>;
  read(index: number): Promise<Sample>;
}

/** Samples in memory. */
export const samplesOf = (samples: readonly Sample[]): Samples => ({
  length: samples.length,
  lengths: samples.map(modalityLength),
  read: async (index) => samples[index]!,
});

/** Some of the samples, in the order of `indices`. */
export const chooseSamples = (samples: Samples, indices: ArrayLike<number>): Samples => ({
  length: indices.length,
  lengths: Int32Array.from(indices, (index) => samples.lengths[index]!),
  read: (index) => samples.read(indices[index]!),
});

/**
 * Length by which samples are grouped: words of all messages, negative where there is no image (the sampler's modality
 * sign).
 */
export function modalityLength({ images, messages }: Pick<Sample, 'images' | 'messages'>): number {
  const words = messages.reduce((sum, { text }) => sum + countWords(text!), 0);
  return images.length === 0 ? -words : words;
}

/** As many as `text.split(/\s+/).filter(Boolean)` has, several times as fast. */
function countWords(text: string): number {
  let words = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const space = isSpace(text.charCodeAt(i));
    if (!space && !inside) words++;
    inside = !space;
  }
  return words;
}

/** What `\s` matches. */
const isSpace = (code: number): boolean =>
  code === 0x20 ||
  (code >= 0x09 && code <= 0x0d) ||
  code === 0xa0 ||
  (code >= 0x1680 &&
    (code === 0x1680 ||
      (code >= 0x2000 && code <= 0x200a) ||
      code === 0x2028 ||
      code === 0x2029 ||
      code === 0x202f ||
      code === 0x205f ||
      code === 0x3000 ||
      code === 0xfeff));
