/**
 * @file Harder held-out questions than those that the training resembles: four digits, sizes never drawn, pairs of
 * digit and colour kept out of the training, questions about what is absent, as POPE asks them, and two sets on which
 * the small model is far from the ceiling that a person reaches: crowds of eight digits, and faint ink.
 */
import type { RandomStream } from '@curio/engine';
import { KINDS, parseQuestion } from './grammar.ts';
import { CELL, sampleScene, type GlyphSource, type Scene, type SceneOptions } from './scene.ts';
import { askFalsePremise, askOfKind, type Turn } from './talk.ts';
import { COLORS, digitWord, type Color, type Size } from './words.ts';

/**
 * `hallucination` is yes or no about things that are absent as often as not; `premises` presuppose what is absent;
 * `crowd` has eight digits where the training has three at most; `faint` is written with ink of `FAINT` opacity. The
 * order fixes what is drawn for each, so new sets go to the end.
 */
export const SCENE_SETS = ['four', 'sizes', 'combinations', 'hallucination', 'premises', 'crowd', 'faint'] as const;
export type SceneSet = (typeof SCENE_SETS)[number];

/** A question on a scene; `kind` is that of the grammar, in the set hallucination what is asked for. */
export interface SetQuestion {
  readonly scene: Scene;
  readonly kind: string;
  readonly question: string;
  readonly answer: string;
}

/** Most pairs that can be kept out of the training: half of them. */
export const MOST_WITHHELD = 30;

/**
 * Whether a pair of digit and colour is one of `count` that the training does not draw. They are spread evenly: each
 * ten of them have every digit once.
 */
export function isWithheld(digit: number, color: Color, count: number): boolean {
  const round = (COLORS.indexOf(color) - digit + 60) % COLORS.length; // 0…5: the colour's distance from the digit's own
  const order = [0, 3, 1, 4, 2, 5].indexOf(round);
  return order * 10 + digit < count;
}

/** Scenes without the pairs that are kept out. */
export const withoutWithheld = (count: number): SceneOptions['pairs'] =>
  count === 0 ? undefined : (digit, color) => !isWithheld(digit, color, count);

/** Side of the drawn square in pixels; the training has 15 and 22. */
const NEW_SIDE: Record<Size, number> = { small: 11, large: 24 };

/** Digits of the set crowd. */
const CROWD = 8;
/** Opacity of the ink of the set faint: low contrast, and still plain to the eye. */
const FAINT = 0.3;

/** Digits whose handwriting is often taken for that of another one. */
const LOOK_ALIKES: readonly (readonly number[])[] = [
  [6],
  [7],
  [7],
  [5, 8],
  [9],
  [3, 6, 8],
  [0, 5],
  [1, 2, 9],
  [3, 5],
  [4, 7],
];

type Draw = (random: RandomStream, glyphs: GlyphSource, index: number, withheldPairs: number) => SetQuestion | null;

/** Question `index` of a set. `withheldPairs`: how many pairs the training was without. */
export function drawSetQuestion(
  set: SceneSet,
  random: RandomStream,
  glyphs: GlyphSource,
  index: number,
  withheldPairs: number,
): SetQuestion {
  for (;;) {
    const drawn = DRAWS[set](random, glyphs, index, withheldPairs);
    if (drawn) return drawn;
  }
}

/** The kinds in turn; null where the scene does not have the kind. */
const ofKind =
  (draw: (random: RandomStream, glyphs: GlyphSource, withheldPairs: number) => Scene): Draw =>
  (random, glyphs, index, withheldPairs) => {
    const scene = draw(random, glyphs, withheldPairs);
    return withTurn(scene, askOfKind(scene, KINDS[index % KINDS.length], random));
  };

const withTurn = (scene: Scene, turn: Turn | null): SetQuestion | null =>
  turn && { scene, kind: turn.kind, question: turn.question, answer: turn.answer };

const DRAWS: Record<SceneSet, Draw> = {
  four: ofKind((random, glyphs, withheldPairs) =>
    sampleScene(random, glyphs, { objects: 4, pairs: withoutWithheld(withheldPairs) }),
  ),
  sizes: ofKind((random, glyphs, withheldPairs) => {
    const scene = sampleScene(random, glyphs, { pairs: withoutWithheld(withheldPairs) });
    for (const object of scene.objects) {
      object.side = NEW_SIDE[object.size];
      object.dx = object.dy = (CELL - object.side) >> 1;
    }
    return scene;
  }),
  // Every digit of these scenes is one of the pairs.
  combinations: ofKind((random, glyphs, withheldPairs) =>
    sampleScene(random, glyphs, { pairs: (digit, color) => isWithheld(digit, color, withheldPairs) }),
  ),
  // Two of four are there; of the two that are absent one looks like a digit that is there.
  hallucination: (random, glyphs, index, withheldPairs) => {
    const scene = sampleScene(random, glyphs, { pairs: withoutWithheld(withheldPairs) });
    const kind = (['there', 'absent', 'there', 'look_alike'] as const)[index % 4];
    const digits = new Set(scene.objects.map(({ digit }) => digit));
    const colors = new Set(scene.objects.map(({ color }) => color));
    const absent = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((digit) => !digits.has(digit));
    const digit = (digits: readonly number[]): string[] => digits.map((each) => `is there a ${digitWord(each)} ?`);
    const color = (colors: readonly Color[]): string[] => colors.map((each) => `is there a ${each} digit ?`);
    const choices = {
      there: random.chance(0.5) ? digit([...digits]) : color([...colors]),
      absent: random.chance(0.5) ? digit(absent) : color(COLORS.filter((each) => !colors.has(each))),
      look_alike: digit(absent.filter((each) => LOOK_ALIKES[each].some((other) => digits.has(other)))),
    }[kind];
    if (choices.length === 0) return null;
    const question = random.pick(choices);
    return { scene, kind, question, answer: parseQuestion(question)!.answer(scene)! };
  },
  premises: (random, glyphs, _, withheldPairs) => {
    const scene = sampleScene(random, glyphs, { pairs: withoutWithheld(withheldPairs) });
    return withTurn(scene, askFalsePremise(scene, random));
  },
  crowd: ofKind((random, glyphs, withheldPairs) =>
    sampleScene(random, glyphs, { objects: CROWD, pairs: withoutWithheld(withheldPairs) }),
  ),
  faint: ofKind((random, glyphs, withheldPairs) => ({
    ...sampleScene(random, glyphs, { pairs: withoutWithheld(withheldPairs) }),
    opacity: FAINT,
  })),
};
