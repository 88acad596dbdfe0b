/**
 * @file A hand that draws digits with a mouse or a finger, for training: several ways to write each digit, bent,
 * slanted, stretched and jittered, at any height that fits a cell. The digits of the tests are drawn by a different
 * hand (packages/testing/src/handwriting.ts), whose lines are not among these.
 */
import type { RandomStream } from '@curio/engine';
import { PEN, type Point } from './ink.ts';
import type { Size } from './words.ts';

/** A digit as drawn: half the width of the pen in pixels, and its lines as x, y, x, y, … in pixels of the canvas. */
export interface DrawnDigit {
  readonly pen: number;
  readonly lines: readonly (readonly number[])[];
}

/**
 * Ways to write each digit, in a box 60 wide and 100 high. `|` lifts the pen; a point given twice is a corner;
 * elsewhere the line is smooth.
 */
const WAYS: readonly (readonly string[])[] = [
  [
    '30,0 10,15 2,50 12,85 30,100 50,85 58,50 48,15 30,0',
    '50,12 30,0 8,20 2,55 14,90 34,100 54,78 56,38 42,6',
    '20,4 4,30 4,70 20,98 42,98 57,70 57,30 42,3 20,4',
    '32,2 54,26 57,62 42,97 18,96 3,66 6,28 26,4 38,0',
  ],
  [
    '30,0 30,100',
    '10,24 34,0 34,0 34,100',
    '10,22 32,0 32,0 32,100|8,100 56,100',
    '38,0 24,100',
    '18,14 32,0 32,0 28,100',
  ],
  [
    '4,22 14,4 34,0 52,14 50,36 30,62 4,98 4,98 58,98',
    '6,18 26,0 50,8 54,30 36,56 8,88 2,100 2,100 58,99',
    '6,20 24,2 48,8 50,32 30,62 10,86 6,96 18,88 34,96 58,92',
    '4,4 54,4 54,4 54,48 54,48 4,52 4,52 4,98 4,98 56,98',
    '2,10 30,0 52,16 46,44 24,70 6,95 6,95 30,90 58,97',
  ],
  [
    '6,10 26,0 50,8 50,32 24,46 24,46 52,58 56,82 34,100 6,90',
    '6,2 52,2 52,2 22,40 22,40 48,50 56,76 38,98 6,92',
    '4,2 54,2 54,2 54,48 54,48 16,48 16,48 54,48 54,48 54,98 54,98 4,98',
    '2,14 22,0 48,10 46,36 20,45 20,45 50,56 54,86 28,101 2,86',
  ],
  [
    '36,0 4,64 4,64 58,64|44,34 44,100',
    '10,0 6,52 6,52 54,50|46,0 44,100',
    '44,100 44,0 44,0 4,66 4,66 58,66',
    '16,2 4,56 4,56 57,58|40,30 34,100',
  ],
  [
    '52,2 12,2 12,2 8,44 8,44 30,36 54,52 54,82 32,100 4,90',
    '12,2 8,42 8,42 30,36 54,54 52,84 28,100 4,90|12,2 54,2',
    '52,6 26,0 8,16 14,40 44,54 54,76 36,98 6,92',
    '54,2 6,2 6,2 6,48 6,48 54,48 54,48 54,98 54,98 4,98',
    '50,0 16,4 16,4 10,46 10,46 38,44 56,66 42,96 4,98',
  ],
  [
    '44,0 18,24 4,60 12,92 34,100 54,84 52,60 32,50 8,66',
    '50,8 28,0 8,28 2,66 18,98 44,96 56,74 40,52 14,58 4,76',
    '14,0 6,50 8,88 30,100 52,88 52,62 30,52 8,64',
    '34,0 12,36 4,74 20,100 46,96 54,70 34,54 6,78',
  ],
  [
    '4,2 56,2 56,2 20,100',
    '4,4 56,2 56,2 24,100|12,50 50,48',
    '4,14 6,2 6,2 54,2 54,2 36,44 26,100',
    '2,2 58,2 58,2 40,40 36,100',
    '4,8 54,0 54,0 14,98',
  ],
  [
    '48,14 28,0 10,16 20,40 44,58 52,82 30,100 8,84 18,58 42,38 50,16',
    '30,0 10,12 12,38 30,47 48,38 50,12 30,0|30,47 6,62 6,88 30,100 54,88 54,62 30,47',
    '30,46 8,28 14,4 44,2 52,26 30,46 4,70 10,96 48,98 56,72 30,46',
    '46,10 22,2 12,24 40,52 52,80 26,100 8,78 26,50 48,26 40,4',
  ],
  [
    '52,24 36,2 10,10 8,38 28,50 50,36 54,10 54,10 54,60 46,100',
    '50,26 30,2 6,22 18,48 44,44 52,22|52,4 50,100',
    '50,10 26,0 6,20 14,46 38,48 54,24 54,24 50,64 30,98 8,92',
    '44,4 14,4 6,40 44,44|48,2 44,100',
    '54,6 24,2 6,24 20,46 46,38 54,6 54,6 44,52 22,100',
  ],
];

const parsed = WAYS.map((ways) =>
  ways.map((way) =>
    way.split('|').map((line) =>
      line.split(' ').map((place): Point => {
        const [x, y] = place.split(',').map(Number);
        return { x, y };
      }),
    ),
  ),
);

/** How high digits are drawn, in pixels; between the two a digit is neither small nor large. */
const HEIGHT: Readonly<Record<Size, readonly [number, number]>> = { small: [8.5, 14], large: [17, 23] };

export interface DrawnOptions {
  digit: number;
  size: Size;
  /** Corner of the cell in pixels, and its side. */
  left: number;
  top: number;
  side: number;
}

/** Draws a digit; its centre is in the cell, its ink may cross the border by a pixel and a half. */
export function drawDigit(random: RandomStream, { digit, size, left, top, side }: DrawnOptions): DrawnDigit {
  const straight = random.chance(0.2);
  const shake = random.uniform(0, 3.5);
  const shaken = random.pick(parsed[digit]).map((line) =>
    line.map(({ x, y }, i): Point => {
      const corner = i > 0 && line[i - 1].x === x && line[i - 1].y === y; // both of a corner move as one
      return corner ? { x: NaN, y: NaN } : { x: x + shake * random.normal(), y: y + shake * random.normal() };
    }),
  );
  const angle = random.uniform(-0.18, 0.18);
  const slant = random.uniform(-0.2, 0.25);
  const stretch = random.uniform(0.75, 1.4);
  const turn = ({ x, y }: Point): Point => {
    const [u, v] = [(x - 30) * stretch - slant * (y - 50), y - 50];
    return { x: u * Math.cos(angle) - v * Math.sin(angle), y: u * Math.sin(angle) + v * Math.cos(angle) };
  };
  const lines = shaken.map((line) => {
    const whole = line.map((point, i) => turn(Number.isNaN(point.x) ? line[i - 1] : point));
    return straight ? whole : smooth(whole);
  });
  const all = lines.flat();
  const span = (of: (point: Point) => number): [low: number, length: number] => {
    const low = all.reduce((least, point) => Math.min(least, of(point)), Infinity);
    return [low, all.reduce((most, point) => Math.max(most, of(point)), -Infinity) - low];
  };
  const [x0, wide] = span(({ x }) => x);
  const [y0, high] = span(({ y }) => y);
  const pen = PEN[size] * random.uniform(0.7, 1.6);
  const scale = Math.min((random.uniform(...HEIGHT[size]) - 2 * pen) / high, (side + 2 - 2 * pen) / Math.max(1, wide));
  const place = (length: number): number => {
    const free = Math.max(0, (side - length * scale) / 2 - pen + 1.5);
    return side / 2 + random.uniform(-free, free);
  };
  const [cx, cy] = [left + place(wide), top + place(high)];
  const round = (value: number): number => Math.round(value * 10) / 10;
  return {
    pen: Math.round(pen * 100) / 100,
    lines: lines.map((line) =>
      line.flatMap(({ x, y }) => [round(cx + (x - x0 - wide / 2) * scale), round(cy + (y - y0 - high / 2) * scale)]),
    ),
  };
}

/** Catmull-Rom through the points, four steps between each two. A point given twice is a corner. */
function smooth(points: readonly Point[]): Point[] {
  const at = (i: number): Point => points[Math.min(points.length - 1, Math.max(0, i))];
  const same = (a: Point, b: Point): boolean => a.x === b.x && a.y === b.y;
  const out: Point[] = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const [b, c] = [at(i), at(i + 1)];
    if (same(b, c)) continue;
    const [a, d] = [at(i - 1), at(i + 2)];
    for (let step = 1; step <= 4; step++) {
      const t = step / 4;
      const blend = (of: (point: Point) => number): number =>
        0.5 *
        (2 * of(b) +
          (of(c) - of(a)) * t +
          (2 * of(a) - 5 * of(b) + 4 * of(c) - of(d)) * t * t +
          (3 * of(b) - of(a) - 3 * of(c) + of(d)) * t ** 3);
      out.push({ x: blend(({ x }) => x), y: blend(({ y }) => y) });
    }
  }
  return out;
}
