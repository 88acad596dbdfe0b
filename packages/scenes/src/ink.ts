/** @file Lines as a pen draws them, on the 72×72 pixels that the model sees. Pure. */
import type { Picture } from '@curio/model';
import type { Size } from './words.ts';

/** Pixels of the picture; (0, 0) is the corner of the first. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Half the width of a line in pixels: large digits of the scenes are the handwriting at its own 20 pixels, small ones
 * two thirds of it.
 */
export const PEN: Readonly<Record<Size, number>> = { small: 0.85, large: 1.25 };
/** Lines written as x, y, x, y, … as points. */
export const pointsOf = ({ lines }: { readonly lines: readonly (readonly number[])[] }): Point[][] =>
  lines.map((line) => Array.from({ length: line.length / 2 }, (_, i) => ({ x: line[2 * i], y: line[2 * i + 1] })));

/** Width in pixels over which the edge of a line fades. */
const EDGE = 1.4;

/**
 * Blends lines of one pen over the image. They form one layer of ink, which does not darken where they cross.
 *
 * @param half half the width of the pen in pixels
 * @param color red, green, blue, 0…255
 * @param opacity of the ink, 0…1
 */
export function drawLines(
  { width, height, rgb }: Picture,
  lines: readonly (readonly Point[])[],
  half: number,
  color: readonly [number, number, number],
  opacity = 1,
): void {
  const ink = new Float32Array(width * height);
  const reach = half + EDGE / 2;
  const within = (at: number, end: number): number => Math.min(end - 1, Math.max(0, Math.floor(at)));
  for (const points of lines) {
    points.forEach((to, i) => {
      const from = points[Math.max(0, i - 1)];
      const last = {
        x: within(Math.max(from.x, to.x) + reach, width),
        y: within(Math.max(from.y, to.y) + reach, height),
      };
      for (let y = within(Math.min(from.y, to.y) - reach, height); y <= last.y; y++) {
        for (let x = within(Math.min(from.x, to.x) - reach, width); x <= last.x; x++) {
          const covered = Math.min(1, (reach - distance({ x: x + 0.5, y: y + 0.5 }, from, to)) / EDGE);
          const at = y * width + x;
          if (covered > ink[at]) ink[at] = covered;
        }
      }
    });
  }
  ink.forEach((covered, at) => {
    const alpha = opacity * covered;
    for (let c = 0; c < 3 && alpha > 0; c++)
      rgb[3 * at + c] = Math.round(rgb[3 * at + c] * (1 - alpha) + color[c] * alpha);
  });
}

/** Distance from a point to the segment from a to b. */
function distance(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((point.x - a.x) * dx + (point.y - a.y) * dy) / length));
  return Math.hypot(point.x - a.x - share * dx, point.y - a.y - share * dy);
}
