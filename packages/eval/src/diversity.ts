/** @file How much texts differ from one another. Texts are tokenised, words separated by spaces. */
import { bleu } from './captions/bleu.ts';
import { LONGEST, ngramCounts } from './captions/ngrams.ts';

/** Distinct n-grams over all n-grams of the texts together, 0 to 1 (Li et al., NAACL 2016); 0 if there are none. */
export function distinct(texts: readonly string[], n: 1 | 2 | 3 | 4): number {
  const seen = new Set<string>();
  let all = 0;
  for (const text of texts) {
    for (const [gram, count] of ngramCounts(text)[n - 1]) {
      seen.add(gram);
      all += count;
    }
  }
  return all === 0 ? 0 : seen.size / all;
}

/**
 * Mean BLEU-4 of each text with all others as its references, 0 to 1; lower is more diverse (Zhu et al., SIGIR 2018). A
 * text that occurs twice scores 1; one shorter than four words scores almost 0, as in coco-caption. Null for fewer than
 * two texts.
 */
export function selfBleu(texts: readonly string[]): number | null {
  if (texts.length < 2) return null;
  const { each } = bleu(
    texts,
    texts.map((_, i) => texts.filter((__, k) => k !== i)),
  );
  return each.reduce((sum, scores) => sum + scores[LONGEST - 1], 0) / texts.length;
}
