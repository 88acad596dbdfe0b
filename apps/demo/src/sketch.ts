/**
 * @file What stands on the easel, as plain data: a scene of handwritten digits, and strokes over it. Drawing is pure,
 * in the 72×72 pixels that the model sees, so the page shows exactly what the model gets.
 */
import { CANVAS, CELL, renderScene, RGB } from '@curio/scenes';
import type { Picture } from '@curio/model';
import type { Color, GlyphSource, Scene, SceneObject, Size } from '@curio/scenes';

/** Pixels of the picture; (0, 0) is the corner of the first. */
export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Stroke {
  readonly color: Color;
  readonly pen: Size;
  readonly points: readonly Point[];
}
export interface Sketch {
  readonly scene: Scene;
  readonly strokes: readonly Stroke[];
}

/**
 * Half the width of a line in pixels: large digits of the scenes are the handwriting at its own 20 pixels, small ones
 * two thirds of it.
 */
export const PEN: Readonly<Record<Size, number>> = { small: 0.85, large: 1.25 };
/** Over how many pixels the edge of a line fades. */
const EDGE = 1.4;

/** An empty canvas with the middling grey and the noise of the scenes' paper. */
export const blankSketch = (noise: number): Sketch => ({
  scene: { objects: [], background: 0.09, noise },
  strokes: [],
});

/** The sketch as the model sees it. */
export function renderSketch({ scene, strokes }: Sketch, glyphs: GlyphSource): Picture {
  const picture = renderScene(scene, glyphs);
  for (const stroke of strokes) drawStroke(picture.rgb, stroke);
  return picture;
}

/**
 * Blends one line over the picture. The whole line has one layer of ink: it does not darken where it crosses itself.
 */
function drawStroke(rgb: Uint8Array, { color, pen, points }: Stroke): void {
  const ink = new Float32Array(CANVAS * CANVAS);
  const reach = PEN[pen] + EDGE / 2;
  points.forEach((to, i) => {
    const from = points[Math.max(0, i - 1)];
    const clamp = (at: number): number => Math.min(CANVAS - 1, Math.max(0, Math.floor(at)));
    for (let y = clamp(Math.min(from.y, to.y) - reach); y <= clamp(Math.max(from.y, to.y) + reach); y++) {
      for (let x = clamp(Math.min(from.x, to.x) - reach); x <= clamp(Math.max(from.x, to.x) + reach); x++) {
        const covered = Math.min(1, (reach - distance({ x: x + 0.5, y: y + 0.5 }, from, to)) / EDGE);
        const at = y * CANVAS + x;
        if (covered > ink[at]) ink[at] = covered;
      }
    }
  });
  ink.forEach((alpha, at) => {
    for (let c = 0; c < 3 && alpha > 0; c++)
      rgb[3 * at + c] = Math.round(rgb[3 * at + c] * (1 - alpha) + RGB[color][c] * alpha);
  });
}

/** From a point to the nearest of the line from a to b. */
function distance(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, ((point.x - a.x) * dx + (point.y - a.y) * dy) / length));
  return Math.hypot(point.x - a.x - share * dx, point.y - a.y - share * dy);
}

/** 0…8 in raster order. */
export const cellOf = ({ x, y }: Point): number => 3 * Math.floor(y / CELL) + Math.floor(x / CELL);

/** Middle of a line: the cell that it belongs to is the one below this point. */
export const strokeCentre = (points: readonly Point[]): Point => ({
  x: points.reduce((sum, { x }) => sum + x, 0) / points.length,
  y: points.reduce((sum, { y }) => sum + y, 0) / points.length,
});

/** Without what stands in a cell. */
export function clearCell({ scene, strokes }: Sketch, cell: number): Sketch {
  return {
    scene: { ...scene, objects: scene.objects.filter((object) => object.cell !== cell) },
    strokes: strokes.filter(({ points }) => cellOf(strokeCentre(points)) !== cell),
  };
}

/** A digit of real handwriting in a cell, instead of what stands there. */
export function writeDigit(
  sketch: Sketch,
  { digit, color, size, cell, glyph }: Pick<SceneObject, 'digit' | 'color' | 'size' | 'cell' | 'glyph'>,
): Sketch {
  const { scene, strokes } = clearCell(sketch, cell);
  const offset = size === 'large' ? 1 : 4;
  const objects = [...scene.objects, { digit, color, size, cell, glyph, dx: offset, dy: offset }].sort(
    (a, b) => a.cell - b.cell,
  );
  return { scene: { ...scene, objects }, strokes };
}
