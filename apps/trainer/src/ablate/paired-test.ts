/** @file Tests whether two models differ, given their answers to the same questions. Pure functions. */

/**
 * Exact paired permutation test (Fisher, The Design of Experiments, 1935, §21): were the models equal, each pair's
 * difference could as well have the other sign. Differences are integers; the result is the share of all assignments of
 * signs whose sum lies as far from 0 as the given one, or farther. For right and wrong answers, with differences −1, 0
 * and 1, this is McNemar's exact test: two-sided binomial over the questions that one model alone answers (McNemar,
 * Psychometrika 12, 1947; recommended for one training run each by Dietterich, Neural Computation 10, 1998).
 *
 * It says whether these trained models differ on questions of this kind; the effect of retraining with another seed is
 * shown by the spread over seeds.
 */
export function pairedTest(differences: readonly number[]): number {
  const sizes = differences.map(Math.abs).filter((size) => size > 0);
  const reach = sizes.reduce((sum, size) => sum + size, 0);
  // chances[i]: probability that the sum is i − reach.
  let chances = new Float64Array(2 * reach + 1);
  chances[reach] = 1;
  let within = 0;
  for (const size of sizes) {
    const next = new Float64Array(chances.length);
    for (let at = reach - within; at <= reach + within; at++) {
      next[at - size]! += chances[at]! / 2;
      next[at + size]! += chances[at]! / 2;
    }
    within += size;
    chances = next;
  }
  const observed = Math.abs(differences.reduce((sum, difference) => sum + difference, 0));
  const tail = chances.reduce((sum, chance, at) => (Math.abs(at - reach) >= observed ? sum + chance : sum), 0);
  return Math.min(1, tail);
}

/**
 * p-values of several comparisons, raised so that the chance of even one false finding among them stays below the
 * level (Holm, Scandinavian Journal of Statistics 6, 1979).
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const out: number[] = Array(values.length);
  let least = 0;
  order.forEach((i, rank) => {
    least = Math.max(least, Math.min(1, (values.length - rank) * values[i]!));
    out[i] = least;
  });
  return out;
}

export interface Spread {
  readonly mean: number;
  /** Standard deviation of a sample (n − 1); null for a single value. */
  readonly deviation: number | null;
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, deviation: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}
