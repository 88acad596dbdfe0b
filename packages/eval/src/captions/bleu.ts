/**
 * @file BLEU-1 to BLEU-4 of a corpus (Papineni et al., 2002) with the closest reference length, as coco-caption
 * computes it (https://github.com/tylin/coco-caption), its small constants included.
 */
import { LONGEST, lengthOf, ngramCounts } from './ngrams.ts';

const SMALL = 1e-9;
const TINY = 1e-15; // so that a text without a match scores 0, not NaN

interface Sums {
  correct: number[];
  guessed: number[];
  length: number;
  reference: number;
}

/** BLEU-n = (∏ₖ≤ₙ correctₖ / guessedₖ)^(1/n), times exp(1 - r/c) if c is shorter than r. */
function bleuOf({ correct, guessed, length, reference }: Sums): number[] {
  let product = 1;
  const ratio = (length + TINY) / (reference + SMALL);
  return correct.map((count, k) => {
    product *= (count + TINY) / (guessed[k] + SMALL);
    return product ** (1 / (k + 1)) * (ratio < 1 ? Math.exp(1 - 1 / ratio) : 1);
  });
}

function sumsOf(prediction: string, references: readonly string[]): Sums {
  const counts = ngramCounts(prediction);
  const known = references.map(ngramCounts);
  const length = lengthOf(counts);
  const lengths = known.map(lengthOf);
  return {
    correct: counts.map((grams, k) =>
      [...grams].reduce(
        (sum, [gram, count]) => sum + Math.min(count, Math.max(...known.map((each) => each[k].get(gram) ?? 0))),
        0,
      ),
    ),
    guessed: Array.from({ length: LONGEST }, (_, k) => Math.max(0, length - k)),
    length,
    reference: lengths.reduce((best, each) => {
      const [far, near] = [Math.abs(best - length), Math.abs(each - length)];
      return near < far || (near === far && each < best) ? each : best;
    }),
  };
}

/** Captions are tokenised, words separated by spaces. By n - 1: of the corpus, and of each prediction. */
export function bleu(
  predictions: readonly string[],
  references: readonly (readonly string[])[],
): { corpus: number[]; each: number[][] } {
  const parts = predictions.map((prediction, i) => sumsOf(prediction, references[i]));
  const sum = (of: (part: Sums) => number) => parts.reduce((total, part) => total + of(part), 0);
  const byOrder = (of: (part: Sums) => number[]) =>
    Array.from({ length: LONGEST }, (_, k) => sum((part) => of(part)[k]));
  const corpus = bleuOf({
    correct: byOrder((part) => part.correct),
    guessed: byOrder((part) => part.guessed),
    length: sum((part) => part.length),
    reference: sum((part) => part.reference),
  });
  return { corpus, each: parts.map(bleuOf) };
}
