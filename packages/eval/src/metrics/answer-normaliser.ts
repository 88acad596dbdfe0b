/**
 * @file Short answers made comparable, by the rules of the VQA challenge (https://visualqa.org/evaluation.html).
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
 * A mark goes where a space stands beside it anywhere in the text, or where the text has a comma between two digits;
 * otherwise it becomes a space. Then full stops that no digit follows go, the first 32 of them: the original hands
 * Python's flag re.UNICODE, which is 32, to the parameter `count`.
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

/** Words: numbers to ten as digits, articles dropped, contractions restored; single spaces between. */
const withDigitsAndContractions = (text: string): string =>
  splitWords(text.toLowerCase())
    .map((word) => digits.get(word) ?? word)
    .filter((word) => !articles.has(word))
    .map((word) => contractions.get(word) ?? word)
    .join(' ');

/** What VQA's own evaluation does to an answer before it compares. */
export const normaliseForVqa = (answer: string): string => withDigitsAndContractions(withoutPunctuation(answer));

/** Line ends and tabs as spaces, trimmed; VQA's own evaluation always does that much. */
export const flattened = (answer: string): string => strip(answer.replace(/[\n\t]/g, ' '));

/**
 * EvalAI's answer processor, which makes what is uploaded (VQAv2, VizWiz) and what TextVQA compares: lower case, no
 * "," and "?", "'s" apart, then `normaliseForVqa`.
 */
export function normaliseAnswer(answer: string): string {
  const lower = strip(answer.toLowerCase().replace(/[,?]/g, '').replaceAll("'s", " 's"));
  return normaliseForVqa(flattened(lower));
}
