/**
 * @file The questions of the toy world. There are 545 of them in twelve kinds; each carries its text and the function
 * that answers it from a scene's truth, so generating, parsing and judging cannot disagree: well-formed means "is in
 * this list", about a scene means "has an answer there" (what the question presupposes holds), right means "equals that
 * answer".
 */

import type { Scene, SceneObject } from './scene.ts';
import { COLORS, DESCRIBE, NUMBERS, PLACES, SIZES, digitWord, type Color } from './words.ts';

/** The kinds of questions; the request for a caption is separate. */
export const KINDS = [
  'digit_at',
  'digit_col',
  'color',
  'count',
  'exist',
  'where',
  'size',
  'compare',
  'relation',
  'object',
  'sum',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Question {
  kind: Kind | 'caption';
  /** How the question refers to its object, if a kind has several forms. */
  form: string;
  text: string;
  /** Whether it names a digit, colour, size or place: only then can it be about a particular image. */
  names: boolean;
  /** The only right answer, or null where the scene does not hold what the question presupposes. */
  answer(scene: Scene): string | null;
  /** Whether an object it mentions is absent (there may also be several): the reply is then `NONE`. */
  isFalsePremise(scene: Scene): boolean;
}

/** The reply to a question about what is not there. */
export const NONE = 'there is none .';

/** The right reply to a question: its answer, `NONE`, or null where it is ambiguous which object is meant. */
export const replyTo = (question: Question, scene: Scene): string | null =>
  question.answer(scene) ?? (question.isFalsePremise(scene) ? NONE : null);

type Answer = (scene: Scene) => string | null;
type Fits = (object: SceneObject) => boolean;

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const column = (object: SceneObject): number => object.cell % 3;
const row = (object: SceneObject): number => Math.floor(object.cell / 3);
const sentence = (words: string): string => `${words} .`;

/** The only object that fits, or null if none or several do. */
function only(scene: Scene, fits: Fits): SceneObject | null {
  const found = scene.objects.filter(fits);
  return found.length === 1 ? found[0] : null;
}

/** Answer about the only object that fits. */
const about =
  (fits: Fits, say: (object: SceneObject) => string): Answer =>
  (scene) => {
    const object = only(scene, fits);
    return object && sentence(say(object));
  };

const yesNo = (holds: boolean): string => sentence(holds ? 'yes' : 'no');

/** `a large red seven at top left` */
export function objectPhrase(object: SceneObject): string {
  return `a ${object.size} ${object.color} ${digitWord(object.digit)} at ${PLACES[object.cell]}`;
}

/** All objects in raster order: `a large red seven at top left , a small blue two at center .` */
export function caption(scene: Scene): string {
  if (scene.objects.length === 0) return 'there are no digits .';
  return sentence(scene.objects.map(objectPhrase).join(' , '));
}

const RELATIONS = {
  'left of': { axis: column, holds: (a: number, b: number) => a < b },
  'right of': { axis: column, holds: (a: number, b: number) => a > b },
  above: { axis: row, holds: (a: number, b: number) => a < b },
  below: { axis: row, holds: (a: number, b: number) => a > b },
};

const ofColor =
  (color: Color): Fits =>
  (object) =>
    object.color === color;

/** Two different digits, each the only one of its colour. */
function pairByColor(scene: Scene, first: Color, second: Color): [number, number] | null {
  const a = only(scene, ofColor(first));
  const b = only(scene, ofColor(second));
  return a && b ? [a.digit, b.digit] : null;
}

/** `about`: the objects whose existence the question presupposes. */
function* questions(): Generator<[Kind, form: string, text: string, answer: Answer, about?: readonly Fits[]]> {
  for (const [cell, place] of PLACES.entries()) {
    const here: Fits = (object) => object.cell === cell;
    yield [
      'digit_at',
      'place',
      `which digit is at ${place} ?`,
      about(here, (object) => digitWord(object.digit)),
      [here],
    ];
    yield ['object', 'place', `describe the digit at ${place} .`, about(here, objectPhrase), [here]];
  }
  for (const color of COLORS) {
    const colored = ofColor(color);
    yield [
      'digit_col',
      'color',
      `which digit is ${color} ?`,
      about(colored, (object) => digitWord(object.digit)),
      [colored],
    ];
    yield ['object', 'color', `describe the ${color} digit .`, about(colored, objectPhrase), [colored]];
    yield ['exist', 'color', `is there a ${color} digit ?`, (scene) => yesNo(scene.objects.some(colored))];
    yield [
      'count',
      'color',
      `how many ${color} digits are there ?`,
      (scene) => sentence(NUMBERS[scene.objects.filter(colored).length]),
    ];
  }
  for (const size of SIZES) {
    yield [
      'count',
      'size',
      `how many ${size} digits are there ?`,
      (scene) => sentence(NUMBERS[scene.objects.filter((object) => object.size === size).length]),
    ];
  }
  for (const digit of DIGITS) {
    const word = digitWord(digit);
    const named: Fits = (object) => object.digit === digit;
    yield ['color', 'digit', `what color is the ${word} ?`, about(named, (object) => object.color), [named]];
    yield ['where', 'digit', `where is the ${word} ?`, about(named, (object) => PLACES[object.cell]), [named]];
    yield ['size', 'digit', `is the ${word} small or large ?`, about(named, (object) => object.size), [named]];
    yield ['object', 'digit', `describe the ${word} .`, about(named, objectPhrase), [named]];
    yield ['exist', 'digit', `is there a ${word} ?`, (scene) => yesNo(scene.objects.some(named))];
    for (const other of DIGITS.filter((candidate) => candidate !== digit)) {
      for (const [relation, { axis, holds }] of Object.entries(RELATIONS)) {
        yield [
          'relation',
          relation,
          `is the ${word} ${relation} the ${digitWord(other)} ?`,
          (scene) => {
            const a = only(scene, named);
            const b = only(scene, (object) => object.digit === other);
            return a && b && axis(a) !== axis(b) ? yesNo(holds(axis(a), axis(b))) : null;
          },
          [named, (object) => object.digit === other],
        ];
      }
    }
  }
  for (const first of COLORS) {
    for (const second of COLORS.filter((candidate) => candidate !== first)) {
      yield [
        'sum',
        'color',
        `what is the sum of the ${first} and the ${second} digit ?`,
        (scene) => {
          const pair = pairByColor(scene, first, second);
          return pair && sentence(NUMBERS[pair[0] + pair[1]]);
        },
        [ofColor(first), ofColor(second)],
      ];
      for (const which of ['greater', 'lower']) {
        yield [
          'compare',
          which,
          `which digit is ${which} , the ${first} or the ${second} ?`,
          (scene) => {
            const pair = pairByColor(scene, first, second);
            if (!pair || pair[0] === pair[1]) return null;
            return sentence(digitWord(which === 'greater' ? Math.max(...pair) : Math.min(...pair)));
          },
          [ofColor(first), ofColor(second)],
        ];
      }
    }
  }
}

const describeImage: Question = {
  kind: 'caption',
  form: '',
  text: DESCRIBE,
  names: false,
  answer: caption,
  isFalsePremise: () => false,
};

/** Every question of the language by its text. */
export const QUESTIONS: ReadonlyMap<string, Question> = new Map<string, Question>([
  [DESCRIBE, describeImage],
  ...[...questions()].map(([kind, form, text, answer, about = []]): [string, Question] => [
    text,
    {
      kind,
      form,
      text,
      names: true,
      answer,
      isFalsePremise: (scene) => about.some((fits) => !scene.objects.some(fits)),
    },
  ]),
]);

/** Parses a question; null if it is not well formed. */
export const parseQuestion = (text: string): Question | null => QUESTIONS.get(text.trim()) ?? null;
