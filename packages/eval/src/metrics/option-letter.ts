/**
 * @file Which option a reply chooses, by VLMEvalKit's exact matching (matching_util.py of
 * https://github.com/open-compass/VLMEvalKit): a letter that stands alone near the end, else the only option whose text
 * occurs in the reply.
 */
import { codePoints, splitWords } from '../text/python-text.ts';

const refusals = [
  "Sorry, I can't help with images of people yet.",
  "I can't process this file.",
  "I'm sorry, but without the image provided",
  'Cannot determine the answer',
];

function byLetter(reply: string, letters: readonly string[]): string | null {
  if (reply.includes('Failed to obtain answer via API')) return null;
  if (refusals.some((refusal) => reply.includes(refusal))) return 'Z';
  const words = splitWords(reply.replace(/[.()[\],:;!*#{}]/g, ' '));
  const named = letters.filter((letter) => words.includes(letter));
  if (named.length === 1 && words.indexOf(named[0]) > words.length - 5) return named[0];
  if (named.length === 0 && words.includes('Z')) return 'Z';
  const spoken = /answer\s+is\s+\**([ABCD])\**/i.exec(reply)?.[1].toUpperCase();
  return spoken !== undefined && letters.includes(spoken) ? spoken : null;
}

function byText(reply: string, options: ReadonlyMap<string, string>): string | null {
  const texts = [...options].map(([letter, text]): [string, string] => [letter, text.toLowerCase()]);
  const lower = reply.toLowerCase();
  if (codePoints(lower) > 2 * [...options.values()].reduce((sum, text) => sum + codePoints(text), 0)) return null;
  const held = texts.filter(([, text]) => lower.includes(text));
  return held.length === 1 ? held[0][0] : null;
}

/** The letter of the chosen option, 'Z' if the reply refuses to choose, null if it cannot be told. */
export const inferOption = (reply: string, options: ReadonlyMap<string, string>): string | null =>
  byLetter(reply, [...options.keys()]) ?? byText(reply, options);
