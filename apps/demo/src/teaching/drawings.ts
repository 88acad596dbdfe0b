/** @file The visitor's drawings and the digits they stand for: taken from the board, stored on this device. */
import { RandomStream } from '@curio/engine';
import { CANVAS, CELL, COLORS, digitWord, drawDigit, PEN, SIZES } from '@curio/scenes';
import type { SceneObject } from '@curio/scenes';
import { signal } from '@preact/signals';
import { clear, sketch } from '../board/drawing.ts';
import { digitsOn } from '../board/digits.ts';
import type { Sketch } from '../board/sketch.ts';
import type { Drawing } from '../learning/lessons.ts';
import { storeDrawings, storedDrawings } from '../learning/store.ts';

export const drawings = signal<readonly Drawing[]>([]);
/** What just happened, or why it did not. */
export const said = signal<{ readonly text: string; readonly isRefusal: boolean }>({ text: '', isRefusal: false });

export const FEWEST = 5;
export const GOAL = 10;
const MOST = 60;

const tenth = (value: number): number => Math.round(10 * value) / 10;

/** The hand-drawn digit that is alone on the board; or why there is none to learn from. */
export function drawingOf(sketch: Sketch, digit: number): Drawing | string {
  if (sketch.photo) return 'It learns from drawings: clear the picture and draw a digit.';
  const found = digitsOn(sketch);
  const [one] = found;
  if (!one) return `Draw your ${digitWord(digit)} on the board first.`;
  if (found.length > 1) return 'One at a time: leave only the digit that you mean on the board.';
  if (one.digit !== null) return 'This one is from the samples: clear the board and draw yours.';
  const lines = one.strokes.map((i) => sketch.strokes[i]!.points.flatMap(({ x, y }) => [tenth(x), tenth(y)]));
  const { color, size, cell } = one;
  return { digit, color, size, cell, glyph: 0, dx: 0, dy: 0, drawn: { pen: PEN[size], lines } };
}

function add(more: readonly Drawing[]): boolean {
  if (drawings.value.length + more.length > MOST) {
    said.value = { text: `${MOST} drawings are enough: remove some first.`, isRefusal: true };
    return false;
  }
  change([...drawings.value, ...more]);
  return true;
}

/** Takes the drawing on the board as an example of a digit, and clears the board for the next. */
export function takeDrawing(digit: number): void {
  const drawing = drawingOf(sketch.value, digit);
  if (typeof drawing === 'string') said.value = { text: drawing, isRefusal: true };
  else if (add([drawing])) {
    clear();
    said.value = { text: `Got it: a ${digitWord(digit)}. Draw the next one.`, isRefusal: false };
  }
}

/** Ten examples of a digit drawn by the page, for those who cannot draw here. */
export function drawForMe(digit: number): void {
  const random = new RandomStream(Math.floor(Math.random() * 2 ** 31));
  const drawn = Array.from({ length: GOAL }, (): Drawing => {
    const [cell, size] = [random.integer(9), random.pick(SIZES)];
    const object = { digit, color: random.pick(COLORS), size, cell, glyph: 0, dx: 0, dy: 0 };
    const [left, top] = [(cell % 3) * CELL, Math.floor(cell / 3) * CELL];
    return { ...object, drawn: drawDigit(random, { digit, size, left, top, side: CELL }) };
  });
  if (add(drawn)) said.value = { text: `The page drew ten of ${digitWord(digit)}.`, isRefusal: false };
}

export function removeDrawing(index: number): void {
  change(drawings.value.filter((_, i) => i !== index));
  said.value = { text: 'Removed.', isRefusal: false };
}

export const removeDrawings = (): void => change([]);

/** One write at a time. */
let storing: Promise<void> = Promise.resolve();

function change(next: readonly Drawing[]): void {
  drawings.value = next;
  storing = storing
    .then(() => storeDrawings(next))
    .catch((error: Error) => {
      const isFull = error.name === 'QuotaExceededError';
      const why = isFull ? 'The disk has no room for your drawings' : 'This browser does not store drawings';
      said.value = { text: `${why}: a reload would lose them.`, isRefusal: true };
    });
}

const isNumber = (value: unknown, most: number): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= most;

/** Whether a stored value is a drawing that this page can show. */
function isDrawing(value: unknown): value is Drawing {
  const { digit, color, size, cell, drawn } = (value ?? {}) as Partial<SceneObject>;
  return (
    [isNumber(digit, 9), isNumber(cell, 8), COLORS.includes(color!), SIZES.includes(size!)].every(Boolean) &&
    isNumber(drawn?.pen, 10) &&
    Array.isArray(drawn?.lines) &&
    drawn.lines.every((line) => Array.isArray(line) && line.every((at) => isNumber(Math.abs(Number(at)), 2 * CANVAS)))
  );
}

/** Restores the drawings of an earlier visit, ahead of those of this one. */
export async function restoreDrawings(): Promise<void> {
  const kept = (await storedDrawings()).filter(isDrawing);
  if (kept.length > 0) drawings.value = [...kept, ...drawings.value];
}
