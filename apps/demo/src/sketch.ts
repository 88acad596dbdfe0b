/**
 * @file What stands on the easel, as plain data: a scene of handwritten digits, and strokes over it. Drawing is pure,
 * in the 72×72 pixels that the model sees, so the page shows exactly what the model gets.
 */
import { CELL, drawLines, PEN, renderScene, RGB } from '@curio/scenes';
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
}

/** An empty canvas with the middling grey and the noise of the scenes' paper. */
export const blankSketch = (noise: number): Sketch => ({
  scene: { objects: [], background: 0.09, noise },
  strokes: [],
});

/** The sketch as the model sees it. */
export function renderSketch({ scene, strokes }: Sketch, glyphs: GlyphSource): Picture {
  const picture = renderScene(scene, glyphs);
  for (const { color, pen, points } of strokes) drawLines(picture, [points], PEN[pen], RGB[color]);
  return picture;
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
