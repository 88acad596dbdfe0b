/**
 * @file The error of an elementwise function against float64, in ulp of f32, over a sweep of every exponent and sign,
 * infinities and NaN.
 */
import { backward } from '../tensor/autograd.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { ones, tensor } from '../tensor/tensor.ts';
import type { ElementwiseFunction } from './elementwise.ts';

const LEAST_NORMAL = 2 ** -126;

/** The spacing of f32 numbers at v; below 2^-126 that at 2^-126. */
export const ulpOf = (v: number): number =>
  2 ** (Math.max(Math.floor(Math.log2(Math.abs(v) || LEAST_NORMAL)), -126) - 23);

/**
 * |got - truth| in ulp of the truth, or of `scale` where that is larger. Infinity stands for 2^128, the number after
 * the largest; below 2^-126 any result that small is accepted, since devices may flush subnormal numbers to 0.
 * @returns Infinity where one of the two is NaN, or infinite of the other sign
 */
export function ulpError(got: number, truth: number, scale = 0): number {
  if (Number.isNaN(got) || Number.isNaN(truth)) return Number.isNaN(got) === Number.isNaN(truth) ? 0 : Infinity;
  if (Math.abs(truth) < LEAST_NORMAL)
    return Math.abs(got) <= LEAST_NORMAL ? 0 : Math.abs(got - truth) / ulpOf(LEAST_NORMAL);
  const held = (v: number): number => Math.min(Math.max(v, -(2 ** 128)), 2 ** 128);
  if (Math.abs(got) === Infinity && got * truth < 0) return Infinity;
  return (
    Math.abs(held(got) - held(truth)) / ulpOf(Math.max(Math.min(Math.abs(truth), 2 ** 128 * (1 - 2 ** -24)), scale))
  );
}

/** What every sweep has: zeros, whole and half numbers, the ends of f32, infinities, NaN. */
const SPECIAL = [0, 0.5, 1, 1.5, 2, 2.5, 3, 100, 2 ** -126, 2 ** -149, 2 ** 127, 3.4028234663852886e38, Infinity];

/**
 * `count` numbers of each exponent and sign in turn, spread over the mantissas with one offset an exponent, and special
 * ones.
 * @param low, high exponents, from -127 (subnormal) to 127
 */
export function sweep(count: number, low = -127, high = 127): Float32Array<ArrayBuffer> {
  const bits: number[] = [];
  for (let exponent = low; exponent <= high; exponent++) {
    for (let i = 0; i < count; i++) {
      const spread = Math.floor(((i + ((((exponent * 0.6180339887) % 1) + 1) % 1)) / count) * 2 ** 23);
      const mantissa = i === 0 ? 0 : i === 1 ? 2 ** 23 - 1 : spread;
      bits.push((exponent + 127) * 2 ** 23 + mantissa);
    }
  }
  const positive = new Float32Array(Uint32Array.from(bits).buffer);
  return Float32Array.from([...positive, ...positive.map((v) => -v), ...SPECIAL, ...SPECIAL.map((v) => -v), NaN]);
}

export interface GreatestError {
  readonly ulp: number;
  readonly at: number;
  readonly got: number;
  readonly truth: number;
}
export interface UlpReport {
  readonly forward: GreatestError;
  readonly slope: GreatestError;
}

export const greaterError = (a: GreatestError, b: GreatestError): GreatestError => (b.ulp > a.ulp ? b : a);

/** Runs a function and its derivative at numbers on the device and finds where each is farthest from float64. */
export async function measureUlp(
  gpu: Gpu,
  { run, f, slope, slopeZero, atNaN, lowest = -Infinity }: ElementwiseFunction,
  all: Float32Array<ArrayBuffer>,
): Promise<UlpReport> {
  const x = all.filter((v) => v >= lowest || (atNaN && Number.isNaN(v)));
  const [y, dx] = await Promise.all(
    gpu.scope(() => {
      const input = tensor(gpu, x);
      input.requiresGrad = true;
      const output = run(input);
      const values = output.read();
      backward(output, ones(gpu, output.shape));
      gpu.arena.adopt(input.grad!.storage);
      return [values, input.grad!.read()];
    }),
  );
  const isNearZero = (v: number): boolean => slopeZero !== undefined && v >= slopeZero.low && v <= slopeZero.high;
  return {
    forward: greatest(x, y!, f, () => 0, true),
    slope: greatest(x, dx!, slope, (v) => (isNearZero(v) ? slopeZero!.scale : 0), false),
  };
}

function greatest(
  x: ArrayLike<number>,
  got: ArrayLike<number>,
  f: (v: number) => number,
  scale: (v: number) => number,
  signed: boolean,
): GreatestError {
  let worst: GreatestError = { ulp: 0, at: NaN, got: NaN, truth: NaN };
  for (let i = 0; i < x.length; i++) {
    const v = x[i]!;
    let truth = f(v);
    let ulp = ulpError(got[i]!, truth, scale(v));
    if (signed && v === 0 && truth === 0 && !Object.is(got[i], truth)) ulp = Infinity;
    if (Math.abs(v) < LEAST_NORMAL && v !== 0) {
      const flushed = f(v < 0 ? -0 : 0);
      const other = ulpError(got[i]!, flushed, scale(v));
      if (other < ulp) [truth, ulp] = [flushed, other];
    }
    if (ulp > worst.ulp) worst = { ulp, at: v, got: got[i]!, truth };
  }
  return worst;
}
