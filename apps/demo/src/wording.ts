/** @file From a person's words to those that the model has read, and back. */
import { caption, NUMBERS, parseQuestion, PLACES, VOCABULARY } from '@curio/scenes';
import type { Scene } from '@curio/scenes';
import { cellOf, strokeCentre } from './sketch.ts';
import type { Sketch } from './sketch.ts';

const SAME: Readonly<Record<string, string>> = {
  colour: 'color',
  centre: 'center',
  middle: 'center',
  big: 'large',
  bigger: 'greater',
  smaller: 'lower',
  number: 'digit',
  numbers: 'digits',
  picture: 'image',
  "what's": 'what is',
  "where's": 'where is',
};

/**
 * `Which colour is the 7?` becomes `which color is the seven ?`: the model reads words with spaces between, in lower
 * case.
 */
export function asRead(text: string): string {
  const words = text
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[^a-z0-9,' ]/g, ' ')
    .replaceAll(',', ' , ')
    .split(/\s+/)
    .filter(Boolean);
  const known = words.map((word): string => NUMBERS[Number(word)] ?? SAME[word] ?? word);
  return known.length === 0 ? '' : `${known.join(' ')} ${known[0] === 'describe' ? '.' : '?'}`;
}

/** Words of a question that the model has never read. */
export const unknownWords = (question: string): string[] =>
  question.split(' ').filter((word) => word !== '' && !VOCABULARY.includes(word));

/** `which digit is red ?` as a person writes it. */
export function tidy(text: string): string {
  const joined = text.trim().replace(/ ([.,?])/g, '$1');
  return joined.charAt(0).toUpperCase() + joined.slice(1);
}

/** Questions that fit what is on the easel: each names a colour, place or digit that is there. */
export function examples({ scene, strokes }: Sketch): string[] {
  const things = [
    ...scene.objects,
    ...strokes.map(({ color, points }) => ({ color, cell: cellOf(strokeCentre(points)), digit: null })),
  ];
  const colors = [...new Set(things.map(({ color }) => color))];
  const [first, last] = [things[0] ?? { color: 'red', cell: 4 }, things.at(-1) ?? { color: 'green', cell: 0 }] as const;
  const known = things.find(({ digit }) => digit !== null)?.digit;
  const digit = known == null ? null : NUMBERS[known];
  return [
    'describe the image in detail .',
    `which digit is ${first.color} ?`,
    `which digit is at ${PLACES[last.cell]} ?`,
    ...(digit
      ? [`what color is the ${digit} ?`, `where is the ${digit} ?`]
      : ['how many large digits are there ?', 'is there a seven ?']),
    `how many ${last.color} digits are there ?`,
    ...(colors.length > 1
      ? [`what is the sum of the ${colors[0]} and the ${colors[1]} digit ?`]
      : [`is there a ${first.color} digit ?`]),
  ];
}

export interface Verdict {
  readonly right: boolean /** The right answer. */;
  readonly truth: string;
}

/** Whether an answer is right, by the truth of a sample scene; null where the scene does not say. */
export function judge(question: string, answer: string, scene: Scene): Verdict | null {
  const truth = parseQuestion(question)?.answer(scene);
  return truth ? { right: answer.trim() === truth, truth } : null;
}

/** The same for a description. */
export const judgeDescription = (text: string, scene: Scene): Verdict => ({
  right: text.trim() === caption(scene),
  truth: caption(scene),
});
