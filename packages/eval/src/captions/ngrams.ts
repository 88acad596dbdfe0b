/** @file Counts of n-grams, on which BLEU and CIDEr-D are built. */
import { splitWords } from '../text/python-text.ts';

export const LONGEST = 4;

/** By n - 1: how often each n-gram occurs in a tokenised caption, n from 1 to 4. */
export type Counts = readonly ReadonlyMap<string, number>[];

export function ngramCounts(caption: string): Counts {
  const words = splitWords(caption);
  return Array.from({ length: LONGEST }, (_, k) => {
    const counts = new Map<string, number>();
    for (let i = 0; i + k < words.length; i++) {
      const gram = words.slice(i, i + k + 1).join(' ');
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
    return counts;
  });
}

export const lengthOf = (counts: Counts): number => [...counts[0].values()].reduce((sum, count) => sum + count, 0);
