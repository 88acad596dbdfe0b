/** @file From a person's words to those that the model has read, and back. */
import { caption, COLORS, NUMBERS, parseQuestion, PLACES, replyTo, SIZES, VOCABULARY } from '@curio/scenes';
import type { Scene } from '@curio/scenes';
import { digitsOn } from '../board/digits.ts';
import type { Sketch } from '../board/sketch.ts';

const SAME: Readonly<Record<string, string>> = {
  colour: 'color',
  colored: 'color',
  centre: 'center',
  middle: 'center',
  big: 'large',
  little: 'small',
  bigger: 'greater',
  larger: 'greater',
  smaller: 'lower',
  number: 'digit',
  numbers: 'digits',
  picture: 'image',
  "what's": 'what is',
  "where's": 'where is',
  "there's": 'there is',
};

const either = (words: readonly string[]): string => `(${words.join('|')})`;
const [COLOR, DIGIT, SIZE] = [either(COLORS), either(NUMBERS.slice(0, 10)), either(SIZES)];
/** Longer names of places first, so that `top left` is not read as `top`. */
const PLACE = either([...PLACES].sort((a, b) => b.length - a.length));

/** Rewrites of a question into the wording that the model has read, applied in order. */
const REWRITTEN: readonly (readonly [RegExp, string])[] = [
  [/^(?:please|tell me|can you) /, ''],
  [new RegExp(`\\bdigit ${DIGIT}\\b`, 'g'), '$1'],
  [/^what digit\b/, 'which digit'],
  [/^which color\b/, 'what color'],
  [new RegExp(` (?:at|in|on|to) (?:the )?${PLACE}(?: corner| cell| side)?$`), ' at $1'],
  [/^what is at /, 'which digit is at '],
  [/^which is at /, 'which digit is at '],
  [/^which digit is the (greater|lower)\b/, 'which digit is $1'],
  [
    new RegExp(`^which (?:digit )?is (greater|lower) ,? ?(?:the )?${COLOR} or (?:the )?${COLOR}(?: digit| one)?$`),
    'which digit is $1 , the $2 or the $3',
  ],
  [
    new RegExp(`^what is (?:the sum of )?(?:the )?${COLOR} (?:and|plus) (?:the )?${COLOR}(?: digits?)?$`),
    'what is the sum of the $1 and the $2 digit',
  ],
  [new RegExp(`^(?:are there any|are there|is there any) ${COLOR} digits?$`), 'is there a $1 digit'],
  [/^is there (?:an|any) /, 'is there a '],
  [new RegExp(`^how many digits are ${either([...COLORS, ...SIZES])}$`), 'how many $1 digits are there'],
  [new RegExp(`^how many ${either([...COLORS, ...SIZES])} digits$`), 'how many $1 digits are there'],
  [new RegExp(`^is the ${DIGIT} ${SIZE}(?: or ${SIZE})?$`), 'is the $1 small or large'],
  [
    /^(?:describe(?: it| the image)?|what do you see|what is in the image|what is there)$/,
    'describe the image in detail',
  ],
];

/** Words in lower case, with digits as words. */
export const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[^a-z0-9,' ]/g, ' ')
    .replaceAll(',', ' , ')
    .split(/\s+/)
    .filter(Boolean)
    .flatMap((word): string[] => (NUMBERS[Number(word)] ?? SAME[word] ?? word).split(' '));

/**
 * `What colour is the 7?` becomes `what color is the seven ?`: the model reads lower-case words separated by spaces.
 */
export function asRead(text: string): string {
  const read = REWRITTEN.reduce((known, [from, to]) => known.replace(from, to), wordsOf(text).join(' '));
  return read === '' ? '' : `${read} ${read.startsWith('describe') ? '.' : '?'}`;
}

/** Words of a question that the model has never read. */
export const unknownWords = (question: string): string[] =>
  question.split(' ').filter((word) => word !== '' && !VOCABULARY.includes(word));

/** `which digit is red ?` as a person writes it; the page says "picture" where the grammar says "image". */
export function tidy(text: string): string {
  const joined = text
    .trim()
    .replace(/ ([.,?])/g, '$1')
    .replace(/\bimage\b/g, 'picture');
  return joined.charAt(0).toUpperCase() + joined.slice(1);
}

/** Questions that fit what is on the board: each names a color, place or digit that is there. */
export function examples(sketch: Sketch): string[] {
  const digits = digitsOn(sketch);
  const colors = [...new Set(digits.map(({ color }) => color))];
  const [first, last] = [digits[0] ?? { color: 'red', cell: 4 }, digits.at(-1) ?? { color: 'green', cell: 0 }] as const;
  const known = digits.find(({ digit }) => digit !== null)?.digit;
  const word = known == null ? null : NUMBERS[known];
  return [
    `which digit is ${first.color} ?`,
    `which digit is at ${PLACES[last.cell]} ?`,
    ...(word
      ? [`what color is the ${word} ?`, `where is the ${word} ?`]
      : ['how many large digits are there ?', 'is there a seven ?']),
    'describe the image in detail .',
    ...(colors.length > 1
      ? [`what is the sum of the ${colors[0]} and the ${colors[1]} digit ?`]
      : [`is there a ${first.color} digit ?`]),
  ];
}

export interface Verdict {
  readonly right: boolean /** The right answer. */;
  readonly truth: string;
}

/** Whether an answer is right according to a sample scene; null if the scene does not decide it. */
export function judge(question: string, answer: string, scene: Scene): Verdict | null {
  const parsed = parseQuestion(question);
  const truth = parsed && replyTo(parsed, scene);
  return truth ? { right: answer.trim() === truth, truth } : null;
}

/** The same for a description. */
export const judgeDescription = (text: string, scene: Scene): Verdict => ({
  right: text.trim() === caption(scene),
  truth: caption(scene),
});
