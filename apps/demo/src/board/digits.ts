/** @file Which digits are on the board, and the caption that follows from them. */
import { digitWord, PLACES } from '@curio/scenes';
import type { Color, Point, Size } from '@curio/scenes';
import { cellOf, clearCell } from './sketch.ts';
import type { Sketch, Stroke } from './sketch.ts';

/** The model has only seen pictures of one to three digits. */
export const MOST_DIGITS = 3;

export interface BoardDigit {
  readonly cell: number;
  readonly color: Color;
  /** Null if it was drawn by hand: only the model can tell. */
  readonly digit: number | null;
  readonly size: Size;
  /** Indices of its strokes. */
  readonly strokes: readonly number[];
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
const boxOf = (points: readonly Point[]): Box => ({
  left: Math.min(...points.map(({ x }) => x)),
  top: Math.min(...points.map(({ y }) => y)),
  right: Math.max(...points.map(({ x }) => x)),
  bottom: Math.max(...points.map(({ y }) => y)),
});
const union = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});
const extent = ({ left, top, right, bottom }: Box): number => Math.max(right - left, bottom - top);
const cellOfBox = ({ left, top, right, bottom }: Box): number =>
  cellOf({ x: (left + right) / 2, y: (top + bottom) / 2 });

/**
 * In pixels: the largest distance between strokes of one digit, their largest extent together, and the extent from
 * which a digit spans cells.
 */
const NEAR = 2;
const REACH = 30;
const WIDE = 24;

/** Whether a stroke continues what was drawn before in its color. */
function joins(a: Box, b: Box): boolean {
  if (cellOfBox(a) === cellOfBox(b)) return true;
  const touch =
    a.left <= b.right + NEAR && b.left <= a.right + NEAR && a.top <= b.bottom + NEAR && b.top <= a.bottom + NEAR;
  return touch && (Math.max(extent(a), extent(b)) > WIDE || extent(union(a, b)) <= REACH);
}

/**
 * The digits in raster order: strokes of one color that touch or share a cell are one digit, which belongs to the cell
 * that contains its centre; strokes in the color of a written digit and in its cell belong to that digit.
 */
export function digitsOn({ scene, strokes }: Sketch): BoardDigit[] {
  const drawn: { color: Color; pen: Size; box: Box; strokes: number[] }[] = [];
  strokes.forEach(({ color, pen, points }: Stroke, i) => {
    let box = boxOf(points);
    const group = { color, pen, box, strokes: [i] };
    // A stroke may join two that were apart, like the bar of an eight.
    for (const other of drawn.filter((one) => one.color === color)) {
      if (!joins(other.box, box)) continue;
      box = union(other.box, box);
      group.strokes.unshift(...other.strokes);
      drawn.splice(drawn.indexOf(other), 1);
    }
    drawn.push({ ...group, box });
  });
  const written = scene.objects.map(({ cell, color, digit, size }) => ({
    cell,
    color,
    digit,
    size,
    strokes: [] as number[],
  }));
  const digits: BoardDigit[] = [...written];
  for (const { color, pen, box, strokes: parts } of drawn) {
    const cell = cellOfBox(box);
    const under = written.find((one) => one.cell === cell && one.color === color);
    if (under) under.strokes.push(...parts);
    else digits.push({ cell, color, digit: null, size: pen, strokes: parts });
  }
  return digits.sort((a, b) => a.cell - b.cell);
}

/** Why the model cannot know this drawing, or null; `{ what }` is the change that is undone. */
export function troubleWith(sketch: Sketch, what: string): string | null {
  if (sketch.photo) return null;
  const digits = digitsOn(sketch);
  const twice = digits.find(({ cell }, i) => digits.findIndex((other) => other.cell === cell) !== i);
  if (twice) return `One digit per cell: there is one at ${PLACES[twice.cell]} already, so ${what} was taken back.`;
  return digits.length > MOST_DIGITS ? `I know one to three digits: clear one first; ${what} was taken back.` : null;
}

const phrase = ({ cell, color, digit, size }: BoardDigit): string =>
  digit === null ? `a ${color} digit at ${PLACES[cell]}` : `a ${size} ${color} ${digitWord(digit)} at ${PLACES[cell]}`;

/** The board in words. */
export function captionOf(sketch: Sketch): string {
  if (sketch.photo) return sketch.strokes.length > 0 ? 'Your picture, drawn over.' : 'Your picture.';
  const digits = digitsOn(sketch);
  if (digits.length === 0) return 'Nothing yet: draw a digit, 0 to 9, in a cell.';
  const text = digits.map(phrase).join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The sketch without the digit of a cell. */
export function withoutDigitAt(sketch: Sketch, cell: number): Sketch {
  const there = digitsOn(sketch).filter((one) => one.cell === cell);
  return clearCell(
    sketch,
    cell,
    there.flatMap(({ strokes }) => strokes),
  );
}
