/**
 * @file A drawing as text in a URL, in characters that need no escaping: `1.GRAY.NOISE.OBJECTS.STROKES`. Gray is in
 * thousandths; noise in base 36; an object is its digit, color, size, cell, dx, dy and glyph (base 36, one character
 * each but the last); a stroke is its color and pen, then two characters for each coordinate in quarter pixels. `_`
 * separates objects and strokes.
 */
import { CANVAS, COLORS, SIZES } from '@curio/scenes';
import type { Point, SceneObject } from '@curio/scenes';
import { digitsOn, MOST_DIGITS } from './digits.ts';
import type { Sketch, Stroke } from './sketch.ts';

const QUARTERS = 4;
/** Points nearer than this to the last point kept make no visible difference, in pixels. */
const THIN = 0.6;
/** In characters: browsers and messengers accept no more. */
const LONGEST = 16_000;
const WRITTEN = /^[0-9][0-5][01][0-8][0-9a-z]{3,5}$/;
const STROKE = /^[0-5][01](?:[0-9a-z]{4})+$/;

const letters = (at: number): string =>
  Math.round(at * QUARTERS)
    .toString(36)
    .padStart(2, '0');

function thinned(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  points.forEach((point, i) => {
    const last = kept.at(-1);
    if (!last || i === points.length - 1 || Math.hypot(point.x - last.x, point.y - last.y) >= THIN) kept.push(point);
  });
  return kept;
}

const writeObject = ({ digit, color, size, cell, dx, dy, glyph }: SceneObject): string =>
  `${digit}${COLORS.indexOf(color)}${SIZES.indexOf(size)}${cell}${[dx, dy, glyph].map((n) => n.toString(36)).join('')}`;
const writeStroke = ({ color, pen, points }: Stroke): string =>
  `${COLORS.indexOf(color)}${SIZES.indexOf(pen)}${thinned(points)
    .map(({ x, y }) => letters(x) + letters(y))
    .join('')}`;

/** The drawing as text; null if a URL cannot hold it, as with the visitor's own picture or too many strokes. */
export function writeSketch({ scene, strokes, photo }: Sketch): string | null {
  if (photo) return null;
  const text = [
    '1',
    Math.round(1000 * scene.background),
    scene.noise.toString(36),
    scene.objects.map(writeObject).join('_'),
    strokes.map(writeStroke).join('_'),
  ].join('.');
  return text.length <= LONGEST ? text : null;
}

function readObject(text: string): SceneObject {
  const [digit, color, size, cell, dx, dy] = [...text].map((letter) => Number.parseInt(letter, 36)) as number[];
  const glyph = Number.parseInt(text.slice(6), 36);
  return { digit: digit!, color: COLORS[color!]!, size: SIZES[size!]!, cell: cell!, glyph, dx: dx!, dy: dy! };
}

function readStroke(text: string): Stroke {
  const at = (text.slice(2).match(/../g) ?? []).map((two) => Number.parseInt(two, 36) / QUARTERS);
  const points = Array.from({ length: at.length / 2 }, (_, i) => ({ x: at[2 * i]!, y: at[2 * i + 1]! }));
  return { color: COLORS[Number(text[0])]!, pen: SIZES[Number(text[1])]!, points };
}

/** The drawing in a URL, or null if the page did not write that text. */
export function readSketch(text: string): Sketch | null {
  const [version, gray, noise, written, drawn, ...more] = text.split('.');
  if (text.length > LONGEST || version !== '1' || more.length > 0) return null;
  if (!/^\d{1,4}$/.test(gray ?? '') || !/^[0-9a-z]{1,7}$/.test(noise ?? '')) return null;
  if (written === undefined || drawn === undefined) return null;
  const parts = (list: string): string[] => (list === '' ? [] : list.split('_'));
  if (!parts(written).every((one) => WRITTEN.test(one)) || !parts(drawn).every((one) => STROKE.test(one))) return null;
  const sketch = {
    scene: {
      objects: parts(written).map(readObject),
      background: Number(gray) / 1000,
      noise: Number.parseInt(noise!, 36),
    },
    strokes: parts(drawn).map(readStroke),
  };
  const isOff = ({ x, y }: Point): boolean => x > CANVAS || y > CANVAS;
  const cells = digitsOn(sketch).map(({ cell }) => cell);
  const holds =
    sketch.scene.background <= 1 &&
    sketch.scene.objects.every(({ dx, dy }) => dx < 24 && dy < 24) &&
    !sketch.strokes.some(({ points }) => points.some(isOff)) &&
    cells.length <= MOST_DIGITS &&
    new Set(cells).size === cells.length;
  return holds ? sketch : null;
}
