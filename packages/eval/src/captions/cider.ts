/**
 * @file CIDEr-D (Vedantam et al., 2015) as coco-caption computes it, n = 1 to 4, σ = 6, times 10; document frequencies
 * come from the references that are given. Source: https://github.com/tylin/coco-caption.
 */
import { type Counts, LONGEST, ngramCounts } from './ngrams.ts';

const SIGMA = 6;

interface Vector {
  /** By n - 1: the tf-idf weight of each n-gram, tf · (log(images) - log(max(1, df))). */
  readonly weights: readonly ReadonlyMap<string, number>[];
  readonly norms: readonly number[];
  /** The number of bigrams: the original uses it as the length. */
  readonly length: number;
}

/** By prediction, 0 to 10. Captions are tokenised, words separated by spaces. */
export function ciderD(predictions: readonly string[], references: readonly (readonly string[])[]): number[] {
  const known = references.map((captions) => captions.map(ngramCounts));
  const documents = new Map<string, number>();
  for (const captions of known) {
    const grams = new Set(captions.flatMap((counts) => counts.flatMap((each) => [...each.keys()])));
    for (const gram of grams) documents.set(gram, (documents.get(gram) ?? 0) + 1);
  }
  const images = Math.log(predictions.length);

  const vectorOf = (counts: Counts): Vector => {
    const weights = counts.map(
      (each) =>
        new Map(
          [...each].map(([gram, count]) => [gram, count * (images - Math.log(Math.max(1, documents.get(gram) ?? 0)))]),
        ),
    );
    return {
      weights,
      norms: weights.map((each) => Math.sqrt([...each.values()].reduce((sum, weight) => sum + weight ** 2, 0))),
      length: [...counts[1].values()].reduce((sum, count) => sum + count, 0),
    };
  };
  const similarity = (a: Vector, b: Vector): number => {
    let sum = 0;
    for (let k = 0; k < LONGEST; k++) {
      let dot = 0;
      for (const [gram, weight] of a.weights[k]) {
        const other = b.weights[k].get(gram) ?? 0;
        dot += Math.min(weight, other) * other;
      }
      sum += a.norms[k] && b.norms[k] ? dot / (a.norms[k] * b.norms[k]) : dot;
    }
    return (sum / LONGEST) * Math.exp(-((a.length - b.length) ** 2) / (2 * SIGMA ** 2));
  };
  return predictions.map((prediction, i) => {
    const own = vectorOf(ngramCounts(prediction));
    const sum = known[i].reduce((total, counts) => total + similarity(own, vectorOf(counts)), 0);
    return (10 * sum) / known[i].length;
  });
}
