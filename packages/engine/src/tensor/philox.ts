/**
 * @file Philox4x32-10, the counter-based random numbers of Curio (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers:
 * As Easy as 1, 2, 3", SC 2011). A block of four u32 is a pure function of (key, counter), so a draw can be repeated,
 * skipped or made on the GPU without carrying state. The WGSL twin gives the same bits.
 *
 * Layout everywhere: key = (seed, step), counter = (index, stream, 0, 0). Element i of a tensor takes word i & 3 of
 * block i >> 2.
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Upper 32 bits of the 64-bit product of two u32, as an i32. `| 0` keeps V8 on integers. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const cross = (Math.imul(a0, b1) + (middle & 0xffff)) | 0;
  return (Math.imul(a1, b1) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/**
 * One block: writes four u32 into `out` (default: a new array) for a key of two words and a counter of up to four, the
 * rest 0.
 */
export function philox4x32(
  [k0, k1]: readonly [number, number],
  [c0, c1 = 0, c2 = 0, c3 = 0]: readonly [number, number?, number?, number?],
  out: Uint32Array = new Uint32Array(4),
): Uint32Array {
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  tenRounds(k0, k1, out);
  return out;
}

/** Replaces a counter by its block. */
function tenRounds(k0: number, k1: number, block: Uint32Array): void {
  let x0 = block[0]! | 0;
  let x1 = block[1]! | 0;
  let x2 = block[2]! | 0;
  let x3 = block[3]! | 0;
  let key0 = k0 | 0;
  let key1 = k1 | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, x0);
    const high1 = mulHigh(M1, x2);
    const low0 = Math.imul(M0, x0);
    const low1 = Math.imul(M1, x2);
    x0 = high1 ^ x1 ^ key0;
    x1 = low1;
    x2 = high0 ^ x3 ^ key1;
    x3 = low0;
    key0 = (key0 + W0) | 0;
    key1 = (key1 + W1) | 0;
  }
  block[0] = x0;
  block[1] = x1;
  block[2] = x2;
  block[3] = x3;
}

/** u32 → [0, 1) with 24 bits, exact in f32: (x >> 8) · 2⁻²⁴. The same mapping stands in WGSL. */
export const unitFloat = (bits: number): number => (bits >>> 8) * 2 ** -24;

/**
 * Draws one after the other from key (seed, step), stream `stream`. Two streams with different (seed, step, stream) are
 * independent. `position` is the number of words drawn so far; setting it resumes a stream exactly.
 */
export class RandomStream {
  position = 0;
  readonly #block = new Uint32Array(4);
  #blockIndex = -1;

  constructor(
    readonly seed: number,
    readonly step = 0,
    readonly stream = 0,
  ) {}

  /** Next u32. */
  bits(): number {
    const index = Math.floor(this.position / 4);
    if (index !== this.#blockIndex) {
      this.#draw(index);
    }
    return this.#block[this.position++ & 3];
  }

  #draw(index: number): void {
    const block = this.#block;
    block[0] = index;
    block[1] = this.stream;
    block[2] = block[3] = 0;
    tenRounds(this.seed, this.step, block);
    this.#blockIndex = index;
  }

  /** Uniform in [0, 1), or in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * unitFloat(this.bits());
  }

  /** Fills `out` with what as many calls of `uniform` would give, in half the time. */
  uniforms(out: Float32Array, low = 0, high = 1): void {
    const block = this.#block;
    const width = high - low;
    let at = 0;
    while (at < out.length && this.position % 4 !== 0) out[at++] = this.uniform(low, high);
    for (; at + 4 <= out.length; at += 4) {
      this.#draw(this.position / 4);
      for (let i = 0; i < 4; i++) out[at + i] = low + width * unitFloat(block[i]!);
      this.position += 4;
    }
    while (at < out.length) out[at++] = this.uniform(low, high);
  }

  /** Uniform integer in [0, n); the bias of at most n / 2³² is accepted. */
  integer(n: number): number {
    return Math.floor((this.bits() / 2 ** 32) * n);
  }

  /** Uniform integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.integer(high - low + 1);
  }

  /** Standard normal by Box–Muller (two draws each). */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** True with probability p. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** One element, all equally likely. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)];
  }

  /** An index, with probability proportional to its weight. */
  weighted(weights: readonly number[]): number {
    let rest = this.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    for (let i = 0; i < weights.length; i++) {
      rest -= weights[i];
      if (rest < 0) return i;
    }
    return weights.length - 1;
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
}
