/**
 * @file Ten digits as a hand writes them: strokes as lists of points in a box 20 high, with a little of the unevenness
 * of a hand. Nothing is trained on them: packages/scenes draws its own.
 */
import type { RandomStream } from '@curio/engine';

type Place = readonly [x: number, y: number];
export type Strokes = readonly (readonly Place[])[];

/** Points that a smooth curve passes through, in a box 20 high; strokes are drawn one after the other. */
const DIGITS: readonly Strokes[] = [
  [
    [
      [8, 0.5],
      [4, 2],
      [1.2, 6.5],
      [1, 12],
      [3, 17.5],
      [6.5, 19.5],
      [10.5, 17.5],
      [12.8, 12],
      [12.6, 6.5],
      [10.5, 2],
      [7.5, 0.5],
    ],
  ],
  [
    [
      [5, 0],
      [3.6, 10],
      [2, 20],
    ],
  ],
  [
    [
      [1.5, 4],
      [3.5, 1],
      [7.5, 0.5],
      [10.8, 3],
      [10.3, 7.5],
      [7, 12],
      [3.5, 16],
      [0.8, 19],
      [3, 18.3],
      [7, 18.6],
      [13, 18.6],
    ],
  ],
  [
    [
      [1.8, 2],
      [5.5, 0.3],
      [9.8, 1.6],
      [10.6, 5],
      [8.5, 8],
      [5, 9.3],
      [8.8, 10.2],
      [11.6, 13],
      [10.8, 17],
      [7, 19.6],
      [2.8, 19.2],
      [0.5, 17.5],
    ],
  ],
  [
    [
      [2.6, 1],
      [1.4, 6],
      [1, 10.4],
      [5, 10.6],
      [11.5, 9.8],
    ],
    [
      [11.2, 1],
      [10.6, 8],
      [9.6, 14],
      [9, 20],
    ],
  ],
  [
    [
      [11.5, 0.6],
      [4, 1],
      [3.4, 4],
      [2.6, 8.4],
      [6, 7.6],
      [9.8, 9],
      [11.3, 12.6],
      [10, 17],
      [6, 19.6],
      [2.4, 19],
      [0.6, 17.4],
    ],
  ],
  [
    [
      [8.6, 0.4],
      [5, 4],
      [2.2, 9],
      [1.2, 14],
      [3, 18.6],
      [6.6, 19.6],
      [10, 17.6],
      [10.6, 14],
      [8.4, 11.2],
      [5, 11.6],
      [2.2, 14.4],
    ],
  ],
  [
    [
      [0.8, 2.2],
      [5, 1.6],
      [11.4, 1.4],
      [10, 6],
      [7.4, 12],
      [5.4, 19.8],
    ],
  ],
  [
    [
      [10, 2.6],
      [6.6, 0.6],
      [3, 2.4],
      [3.2, 6],
      [6.6, 9.4],
      [9.8, 13],
      [9.8, 17],
      [6.4, 19.4],
      [3, 17.2],
      [3.4, 13.2],
      [7, 9.4],
      [10, 5.8],
      [10, 2.6],
    ],
  ],
  [
    [
      [10.4, 4],
      [7.4, 1],
      [3.4, 1.8],
      [1.6, 5.4],
      [3, 9],
      [6.6, 9.6],
      [9.8, 7],
      [10.6, 3.4],
      [10.4, 9],
      [9.4, 15],
      [8.4, 20],
    ],
  ],
];

/** A point of the Catmull-Rom curve between b and c. */
function between(a: Place, b: Place, c: Place, d: Place, t: number): Place {
  const at = (i: 0 | 1): number =>
    0.5 *
    (2 * b[i] +
      (c[i] - a[i]) * t +
      (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i]) * t * t +
      (3 * b[i] - a[i] - 3 * c[i] + d[i]) * t ** 3);
  return [at(0), at(1)];
}

function smooth(points: readonly Place[]): Place[] {
  const out: Place[] = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    for (let t = 1; t <= 4; t++)
      out.push(
        between(
          points[Math.max(0, i - 1)],
          points[i],
          points[i + 1],
          points[Math.min(points.length - 1, i + 2)],
          t / 4,
        ),
      );
  }
  return out;
}

/** The strokes of a digit `height` pixels high about the centre (x, y): slanted, stretched and wavering by a little. */
export function handwrite(
  digit: number,
  { x, y, height }: { x: number; y: number; height: number },
  random: RandomStream,
): Strokes {
  const [slant, stretch] = [random.uniform(-0.06, 0.1), random.uniform(0.95, 1.08)];
  const strokes = DIGITS[digit].map((stroke) =>
    smooth(stroke.map(([u, v]): Place => [u + random.uniform(-0.25, 0.25), v + random.uniform(-0.25, 0.25)])),
  );
  const all = strokes.flat().map(([u, v]): Place => [u * stretch - slant * (v - 10), v]);
  const middle = (i: 0 | 1): number => (Math.min(...all.map((p) => p[i])) + Math.max(...all.map((p) => p[i]))) / 2;
  const [u0, v0, scale] = [middle(0), middle(1), height / 20];
  return strokes.map((stroke) =>
    stroke.map(([u, v]): Place => [x + (u * stretch - slant * (v - 10) - u0) * scale, y + (v - v0) * scale]),
  );
}
