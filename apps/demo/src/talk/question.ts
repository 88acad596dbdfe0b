/** @file What a visitor typed, compared with the questions that the model knows. */
import { parseQuestion, QUESTIONS } from '@curio/scenes';
import type { Sketch } from '../board/sketch.ts';
import { asRead, examples, unknownWords, wordsOf } from './wording.ts';

/** The question as the model reads it, or why it cannot be asked. */
export type Typed = { readonly question: string } | { readonly why: string };

/** Characters; the longest question of the grammar has 63. */
const LONGEST = 200;
const SHOWN_WORDS = 3;
const SHOWN_LETTERS = 20;
const FOREIGN = /(?!\p{Script=Latin})\p{L}/u;

const short = (word: string): string => (word.length > SHOWN_LETTERS ? `${word.slice(0, SHOWN_LETTERS - 1)}…` : word);

/** Reads a question before it is asked; if the model cannot know it, says so in one sentence. */
export function readQuestion(text: string): Typed {
  if (text.length > LONGEST)
    return { why: `${text.length.toLocaleString('en')} letters are too many for me: ask in a short sentence.` };
  if (FOREIGN.test(text)) return { why: 'I have only read English: ask in English, such as “Which digit is red?”.' };
  if (!/[\p{L}\p{N}]/u.test(text)) return { why: 'I find no words there: ask, for example, “Which digit is red?”.' };
  const question = asRead(text);
  if (parseQuestion(question)) return { question };
  const unknown = [...new Set(unknownWords(question))];
  if (unknown.length === 0) return { why: 'I know these words but not this question: try one of those below.' };
  const shown = unknown.slice(0, SHOWN_WORDS).map((word) => `“${short(word)}”`);
  const rest = unknown.length > SHOWN_WORDS ? ' and more' : '';
  return { why: `I have never read ${shown.join(', ')}${rest}: ask about digits, colors, sizes and places.` };
}

/** Up to six questions that continue what was typed, those about the board first; examples if none does. */
export function suggestions(text: string, sketch: Sketch): string[] {
  const about = examples(sketch);
  if (text.length > LONGEST) return about;
  const typed = wordsOf(text);
  if (typed.length === 0) return about;
  const meant = asRead(text);
  const begins = [...about, ...QUESTIONS.keys()].filter((question) => question.startsWith(typed.join(' ')));
  const holds = [...about, ...QUESTIONS.keys()].filter((question) => {
    const words = question.split(' ');
    return typed.every((start) => words.some((word) => word.startsWith(start)));
  });
  const found = [...(QUESTIONS.has(meant) ? [meant] : []), ...begins, ...holds];
  return found.length === 0 ? about : [...new Set(found)].slice(0, 6);
}
