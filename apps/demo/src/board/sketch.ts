/**
 * @file What is on the board, as plain data: a scene of handwritten digits or a picture of the visitor's, with strokes
 * over it. Drawing is pure, in the 72×72 pixels that the model sees, so the page shows exactly what the model gets.
 */
import { CANVAS, CELL, drawLines, PEN, renderScene, RGB } from '@curio/scenes';
import type { Picture } from '@curio/model';
import type { Color, GlyphSource, Point, Scene, SceneObject, Size } from '@curio/scenes';

export interface Stroke {
  readonly color: Color;
  readonly pen: Size;
  readonly points: readonly Point[];
}
export interface Sketch {
  readonly scene: Scene;
  readonly strokes: readonly Stroke[];
  /** A picture that the visitor opened, shown in place of the scene. */
  readonly photo?: Picture;
}

/** An empty canvas with the medium gray and the noise of the scenes' paper. */
export const blankSketch = (noise: number): Sketch => ({
  scene: { objects: [], background: 0.09, noise },
  strokes: [],
});

/** The sketch as the model sees it. */
export function renderSketch({ scene, strokes, photo }: Sketch, glyphs: GlyphSource): Picture {
  const picture = photo ? { ...photo, rgb: photo.rgb.slice() } : renderScene(scene, glyphs);
  for (const { color, pen, points } of strokes) drawLines(picture, [points], PEN[pen], RGB[color]);
  return picture;
}

const within = (at: number, end: number): number => Math.min(end, Math.max(0, at));

/** Cells in a row. */
const GRID = CANVAS / CELL;

/** The nearest point on the board. */
export const clampToBoard = ({ x, y }: Point): Point => ({ x: within(x, CANVAS), y: within(y, CANVAS) });

/** 0…8 in raster order; a point outside the board belongs to the nearest cell. */
export const cellOf = ({ x, y }: Point): number =>
  GRID * within(Math.floor(y / CELL), GRID - 1) + within(Math.floor(x / CELL), GRID - 1);

/** The sketch without the contents of a cell; its strokes are those of the digits whose centre it contains. */
export function clearCell(sketch: Sketch, cell: number, strokesIn: readonly number[]): Sketch {
  const { scene, strokes } = sketch;
  return {
    ...sketch,
    scene: { ...scene, objects: scene.objects.filter((object) => object.cell !== cell) },
    strokes: strokes.filter((_, i) => !strokesIn.includes(i)),
  };
}

/** A handwritten digit in an empty cell. */
export function writeDigit(
  sketch: Sketch,
  { digit, color, size, cell, glyph }: Pick<SceneObject, 'digit' | 'color' | 'size' | 'cell' | 'glyph'>,
): Sketch {
  const offset = size === 'large' ? 1 : 4;
  const objects = [...sketch.scene.objects, { digit, color, size, cell, glyph, dx: offset, dy: offset }].sort(
    (a, b) => a.cell - b.cell,
  );
  return { ...sketch, scene: { ...sketch.scene, objects } };
}
