/** @file Fast pseudo-random inputs, and the choice of entries of a result to check. */

/** Uniform values in ±0.5 that f32 holds exactly; the same for the same seed (xorshift32). */
export function noise(count: number, seed: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  let state = (seed + 1) * 0x9e3779b1;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = (state >> 8) / 2 ** 24;
  }
  return out;
}

/** Entries per check. */
const SAMPLES = 256;

/**
 * Indices into an array of `shape`: the corners of its last two axes in the first and the last batch, and 256 others;
 * every index of a small array.
 */
export function sampledEntries(shape: readonly number[], seed = 1): number[] {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size <= SAMPLES) return Array.from({ length: size }, (_, i) => i);
  const [rows, cols] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const plane = rows * cols;
  const corners = [0, cols - 1, plane - cols, plane - 1].flatMap((at) => [at, size - plane + at]);
  return [...new Set([...corners, ...Array.from(noise(SAMPLES, seed), (v) => Math.floor((v + 0.5) * size))])];
}

/**
 * The first sampled entry that is off by more than `tolerance`, relative to the largest expected magnitude (at least
 * 1), as a sentence; null if there is none.
 */
export function firstWrong(
  what: string,
  entries: readonly number[],
  actual: ArrayLike<number>,
  expected: (i: number) => number,
  tolerance: number,
): string | null {
  const wanted = entries.map(expected);
  const scale = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  const at = entries.findIndex((i, k) => !(Math.abs(actual[i]! - wanted[k]!) <= tolerance * scale));
  return at < 0 ? null : `${what}[${entries[at]}] is ${actual[entries[at]!]}, float64 says ${wanted[at]}`;
}
