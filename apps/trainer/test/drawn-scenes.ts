/**
 * @file Scenes of digits in a handwriting other than that of the small model's training, thirty per digit, with five
 * kinds of question about the digit and one about something absent.
 */
import { RandomStream } from '@curio/engine';
import type { Picture } from '@curio/model';
import {
  askFalsePremise,
  CELL,
  COLORS,
  digitWord,
  drawLines,
  PEN,
  PLACES,
  QUESTIONS,
  renderScene,
  replyTo,
  RGB,
  SIZES,
} from '@curio/scenes';
import type { GlyphSource, Scene, SceneObject, Size } from '@curio/scenes';
import { handwrite } from '@curio/testing/handwriting';

const SCENES_A_DIGIT = 30;
const SEED = 2026;
/** A random stream that nothing else uses. */
const STREAM = 0x68616e64;
/** Height of the digits, in pixels. */
const HEIGHT: Readonly<Record<Size, readonly [number, number]>> = { small: [10, 13], large: [17, 21] };
const NO_GLYPHS: GlyphSource = {
  count: () => 0,
  pixels: () => {
    throw new Error('these scenes contain no handwriting samples');
  },
};

interface Drawn {
  readonly digit: number;
  readonly scene: Scene;
  readonly picture: Picture;
}

/** One to three different digits in different colours; the questions are about the first. */
function drawn(digit: number, random: RandomStream): Drawn {
  const count = 1 + random.integer(3);
  const others = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((each) => each !== digit));
  const colors = random.shuffle(COLORS);
  const cells = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const objects = [digit, ...others].slice(0, count).map(
    (each, i): SceneObject => ({
      ...{ digit: each, color: colors[i]!, size: random.pick(SIZES), cell: cells[i]! },
      ...{ glyph: 0, dx: 0, dy: 0 },
    }),
  );
  const scene: Scene = { objects, background: 0.09, noise: random.bits() };
  const picture = renderScene({ ...scene, objects: [] }, NO_GLYPHS);
  for (const { digit: each, color, size, cell } of objects) {
    const middle = {
      x: (cell % 3) * CELL + CELL / 2 + random.uniform(-1.5, 1.5),
      y: Math.floor(cell / 3) * CELL + CELL / 2 + random.uniform(-1, 1),
      height: random.uniform(...HEIGHT[size]),
    };
    const lines = handwrite(each, middle, random).map((stroke) => stroke.map(([x, y]) => ({ x, y })));
    drawLines(picture, lines, PEN[size], RGB[color]);
  }
  return { digit, scene, picture };
}

/** The kinds of question, about the digit; half of the "is there" questions are about an absent one. */
function questionsAbout({ digit, scene }: Drawn, k: number, random: RandomStream): [kind: string, text: string][] {
  const { color, cell } = scene.objects[0]!;
  const absent = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter(
    (each) => !scene.objects.some((object) => object.digit === each),
  );
  const asked = k % 2 === 0 ? digit : random.pick(absent);
  return [
    ['is there', `is there a ${digitWord(asked)} ?`],
    ['which at', `which digit is at ${PLACES[cell]!} ?`],
    ['which of colour', `which digit is ${color} ?`],
    ['where', `where is the ${digitWord(digit)} ?`],
    ['colour', `what color is the ${digitWord(digit)} ?`],
    ['not there', askFalsePremise(scene, random)!.question],
  ];
}

/** A question about a drawn scene. */
export interface DrawnQuestion {
  readonly kind: string;
  readonly text: string;
  /** The digit that the scene was drawn for. */
  readonly digit: number;
  readonly expected: string;
  readonly picture: Picture;
}

/** All of them, the same each time. */
export const drawnQuestions = (): DrawnQuestion[] =>
  Array.from({ length: 10 * SCENES_A_DIGIT }, (_, i) => {
    const random = new RandomStream(SEED, i, STREAM);
    const one = drawn(i % 10, random);
    return questionsAbout(one, Math.floor(i / 10), random).map(([kind, text]) => ({
      ...{ kind, text, digit: one.digit, expected: replyTo(QUESTIONS.get(text)!, one.scene)! },
      picture: one.picture,
    }));
  }).flat();
