/** @file The answers that a visitor can tap when the model asks. */
import { COLORS, NONE, NUMBERS, parseQuestion, PLACES, SIZES } from '@curio/scenes';
import type { Kind } from '@curio/scenes';

const DIGITS = NUMBERS.slice(0, 10);
const sentences = (words: readonly string[]): string[] => words.map((word) => `${word} .`);
const orNone = (words: readonly string[]): string[] => [...sentences(words), NONE];

/** By kind; a description cannot be tapped. */
const OPTIONS: Readonly<Record<Kind, readonly string[]>> = {
  digit_at: orNone(DIGITS),
  digit_col: orNone(DIGITS),
  color: orNone(COLORS),
  where: orNone(PLACES),
  size: orNone(SIZES),
  count: sentences(NUMBERS.slice(0, 4)),
  exist: sentences(['yes', 'no']),
  relation: orNone(['yes', 'no']),
  compare: orNone(DIGITS),
  sum: orNone(NUMBERS),
  object: [],
};

/** The possible answers to a question; none if it is not a question of the grammar or asks for a description. */
export function optionsFor(question: string): readonly string[] {
  const kind = parseQuestion(question)?.kind;
  return !kind || kind === 'caption' ? [] : OPTIONS[kind];
}
