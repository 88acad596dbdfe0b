/**
 * @file Pillow's bicubic resize, equal to the last bit: a = −0.5, widened when shrinking, columns first, 8 bits between
 * the two passes. An image may lie on a larger square of one colour, and only a part of the result may be needed;
 * neither costs the memory of the whole, so even a strip of 60,000 × 1 works.
 */
import type { Picture } from './picture.ts';

/** One axis of a resize. */
export interface Axis {
  /** Positions before; the image takes those of its own size from `at` on, the others have the colour of the fill. */
  readonly from: number;
  readonly at: number;
  /** Positions after, of which `count` from `first` on are computed. */
  readonly to: number;
  readonly first: number;
  readonly count: number;
}

/** Whether an axis comes out as the image has it: its weights are 0, 1 and 0 then. */
const isAsItIs = ({ from, at, to, first, count }: Axis, size: number): boolean =>
  at === 0 && first === 0 && [from, to, count].every((n) => n === size);

/** An axis of an image without padding, all of it needed. */
const whole = (from: number, to: number): Axis => ({ from, at: 0, to, first: 0, count: to });

export const resizeBicubic = (picture: Picture, width: number, height: number): Picture =>
  resizePart(picture, whole(picture.width, width), whole(picture.height, height), [0, 0, 0]);

/** The needed part of an image that is padded to a square of the colour `fill` and resized. */
export function resizePart(picture: Picture, x: Axis, y: Axis, fill: readonly number[]): Picture {
  const { width, height, rgb } = picture;
  if (isAsItIs(x, width) && isAsItIs(y, height)) return picture;
  const columns = tapsOf(x, width);
  const row = x.count * 3;
  const wide = new Uint8Array(height * row);
  for (let line = 0; line < height; line++)
    columns.forEach(({ start, weights, outside }, i) => {
      for (let c = 0; c < 3; c++) {
        let sum = ROUND + fill[c]! * outside;
        let at = (line * width + start) * 3 + c;
        for (let tap = 0; tap < weights.length; tap++, at += 3) sum += rgb[at]! * weights[tap]!;
        wide[line * row + 3 * i + c] = toByte(sum);
      }
    });
  // A line above or below the image after the first pass.
  const blank = columns.flatMap(({ total }) => fill.map((value) => toByte(ROUND + value * total)));
  const out = new Uint8Array(y.count * row);
  tapsOf(y, height).forEach(({ start, weights, outside }, i) => {
    for (let j = 0; j < row; j++) {
      let sum = ROUND + blank[j]! * outside;
      let at = start * row + j;
      for (let tap = 0; tap < weights.length; tap++, at += row) sum += wide[at]! * weights[tap]!;
      out[i * row + j] = toByte(sum);
    }
  });
  return { width: x.count, height: y.count, rgb: out };
}

/** Pillow's fixed point: 32 − 8 − 2 bits. */
const PRECISION = 22;
const ROUND = 1 << (PRECISION - 1);
const toByte = (sum: number): number => Math.max(0, Math.min(255, sum >> PRECISION));

/** The inputs of one output: pixels of the image from `start` on, and the fill with the weight `outside`. */
interface Taps {
  readonly start: number;
  readonly weights: Int32Array;
  readonly outside: number;
  readonly total: number;
}

function tapsOf({ from, at, to, first, count }: Axis, size: number): Taps[] {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  return Array.from({ length: count }, (_, k) => {
    const center = (first + k + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const exact = Array.from({ length: end - start }, (_, tap) =>
      cubic((tap + start - center + 0.5) * (1 / filterScale)),
    );
    const norm = exact.reduce((sum, weight) => sum + weight, 0);
    const all = Int32Array.from(exact, (weight) => roundAway((weight / norm) * (1 << PRECISION)));
    // Of the image's own, and without zeros at the ends: all but one weight are 0 where nothing is resized.
    let begin = Math.min(Math.max(at - start, 0), all.length);
    let stop = Math.max(begin, Math.min(at + size - start, all.length));
    while (begin < stop && all[begin] === 0) begin++;
    while (begin < stop && all[stop - 1] === 0) stop--;
    const weights = all.subarray(begin, stop);
    const total = all.reduce((sum, weight) => sum + weight, 0);
    const outside = total - weights.reduce((sum, weight) => sum + weight, 0);
    return { start: Math.max(0, start + begin - at), weights, outside, total };
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
