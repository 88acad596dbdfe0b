/**
 * @file The two ways in which captions are scored: coco-caption's, texts as they are; and SQ-LLaVA's
 * (eval_image_caption.py), which cleans them and cuts references to 50 and predictions to 20 words first.
 */
import { mean } from '../answers.ts';
import { bleu } from './bleu.ts';
import { ciderD } from './cider.ts';
import { tokenise } from './ptb-tokenizer.ts';
import { rougeL } from './rouge.ts';

const REFERENCE_WORDS = 50;
const PREDICTION_WORDS = 20;

/** Lower case, punctuation as spaces, runs of white space as one space, truncated to a number of words. */
export function cleaned(caption: string, words: number): string {
  const text = caption
    .toLowerCase()
    .replace(/[.!"()*#:;~]/g, ' ')
    .replace(/[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{2,}/g, ' ')
    .replace(/\n+$/, '')
    .replace(/^ +| +$/g, '');
  return text.split(' ').slice(0, words).join(' ');
}

export interface CaptionScores {
  /** BLEU-1 to BLEU-4 of the corpus, 0 to 1. */
  readonly bleu: readonly number[];
  /** Means over pictures: 0 to 1, and 0 to 10. */
  readonly rougeL: number;
  readonly ciderD: number;
  /** By picture. */
  readonly each: readonly { readonly bleu: readonly number[]; readonly rougeL: number; readonly ciderD: number }[];
}

/** Scores of predictions against one or more references each, all given as untokenised text. */
export function scoreCaptions(
  predictions: readonly string[],
  references: readonly (readonly string[])[],
  protocol: 'coco' | 'sq-llava' = 'coco',
): CaptionScores {
  const prepared = (caption: string, words: number) => (protocol === 'sq-llava' ? cleaned(caption, words) : caption);
  const own = tokenise(predictions.map((caption) => prepared(caption, PREDICTION_WORDS)));
  const flat = tokenise(references.flat().map((caption) => prepared(caption, REFERENCE_WORDS)));
  let at = 0;
  const known = references.map((captions) => flat.slice(at, (at += captions.length)));
  const [bleus, rouges, ciders] = [
    bleu(own, known),
    own.map((caption, i) => rougeL(caption, known[i])),
    ciderD(own, known),
  ];
  return {
    bleu: bleus.corpus,
    rougeL: mean(rouges),
    ciderD: mean(ciders),
    each: own.map((_, i) => ({ bleu: bleus.each[i], rougeL: rouges[i], ciderD: ciders[i] })),
  };
}
