/**
 * @file Short answers normalised by the rules of the VQA challenge (https://visualqa.org/evaluation.html).
 * Sources: GT-Vision-Lab/VQA vqaEval.py and facebookresearch/mmf's EvalAIAnswerProcessor, which LLaVA uses.
 */
import { splitWords, strip } from '../text/python-text.ts';
import { contractions } from './contractions.ts';

const marks = [...';/[]"{}()=+\\_-><@`,?!'];
const digits = new Map(
  ['none', 'zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((word, i) => [
    word,
    String(Math.max(0, i - 1)),
  ]),
);
const articles = new Set(['a', 'an', 'the']);

/**
 * A punctuation mark is removed if it has a space beside it anywhere in the text, or if the text has a comma between
 * two digits; otherwise it becomes a space. Then full stops not followed by a digit are removed, the first 32 of them:
 * the original passes Python's flag re.UNICODE, which is 32, as the parameter `count`.
 */
function withoutPunctuation(text: string): string {
  const hasDigitComma = /\p{Nd},\p{Nd}/u.test(text);
  let out = text;
  for (const mark of marks) {
    const goes = hasDigitComma || text.includes(`${mark} `) || text.includes(` ${mark}`);
    out = out.replaceAll(mark, goes ? '' : ' ');
  }
  let left = 32;
  return out.replace(/\.(?!\p{Nd})/gu, (stop) => (left-- > 0 ? '' : stop));
}

/** Words: numbers to ten as digits, articles dropped, contractions restored; separated by single spaces. */
const withDigitsAndContractions = (text: string): string =>
  splitWords(text.toLowerCase())
    .map((word) => digits.get(word) ?? word)
    .filter((word) => !articles.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ');

/** What VQA's own evaluation does to an answer before comparing it. */
export const normaliseForVqa = (answer: string): string => withDigitsAndContractions(withoutPunctuation(answer));

/** Newlines and tabs as spaces, trimmed; VQA's own evaluation always does at least that. */
export const flattened = (answer: string): string => strip(answer.replace(/[\n\t]/g, ' '));

/**
 * EvalAI's answer processor, which prepares uploads (VQAv2, VizWiz) and the texts that TextVQA compares: lower case,
 * "," and "?" removed, "'s" split off, then `normaliseForVqa`.
 */
export function normaliseAnswer(answer: string): string {
  const lower = strip(answer.toLowerCase().replace(/[,?]/g, '').replaceAll("'s", " 's"));
  return normaliseForVqa(flattened(lower));
}
