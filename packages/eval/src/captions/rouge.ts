/**
 * @file ROUGE-L (Lin, 2004) as coco-caption computes it: F with β = 1.2 of the best precision and the best recall over
 * the references, from longest common subsequences. Source: https://github.com/tylin/coco-caption.
 */
const BETA = 1.2;

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Int32Array(b.length + 1);
  for (const word of a) {
    const next = new Int32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++) next[j] = word === b[j - 1] ? row[j - 1] + 1 : Math.max(row[j], next[j - 1]);
    row = next;
  }
  return row[b.length];
}

/** 0 to 1, of one tokenised prediction. Words are split at single spaces, so an empty caption is one empty word. */
export function rougeL(prediction: string, references: readonly string[]): number {
  const words = prediction.split(' ');
  const common = references.map((reference) => {
    const own = reference.split(' ');
    const length = longestCommon(words, own);
    return { precision: length / words.length, recall: length / own.length };
  });
  const precision = Math.max(...common.map((each) => each.precision));
  const recall = Math.max(...common.map((each) => each.recall));
  return precision && recall ? ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision) : 0;
}
