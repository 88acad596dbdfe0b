/**
 * @file What the model learns in the tab: conversations about the visitor's drawings, alternating with samples so that
 * it forgets nothing. Pure: drawings and seed determine every lesson.
 */
import { RandomStream } from '@curio/engine';
import type { Sample } from '@curio/model';
import { CANVAS, CELL, converse, messagesOf, pointsOf, sampleScene } from '@curio/scenes';
import type { DrawnDigit, GlyphSource, Point, Scene, SceneObject, Turn } from '@curio/scenes';

/** A digit that the visitor drew alone on the board, and the digit that they say it is. */
export type Drawing = SceneObject & { readonly drawn: DrawnDigit };

/** A scene and a conversation about it. */
export interface Lesson {
  readonly scene: Scene;
  readonly turns: readonly Turn[];
}

export interface LessonOptions {
  /** None: conversations about samples alone. */
  readonly drawings: readonly Drawing[];
  readonly glyphs: GlyphSource;
  readonly count: number;
  readonly seed: number;
}

const STREAM = 0x7465616368;
const TURNS = 6;
/** Every third drawing is held out for the exam. */
const APART = 3;

export const isForExam = (index: number): boolean => index % APART === APART - 1;

/** Drawings and samples alternate, beginning with a drawing; each lesson depends only on the seed and its index. */
export function lessonsOf({ drawings, glyphs, count, seed }: LessonOptions): Lesson[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new RandomStream(seed, i, STREAM);
    const isTaught = drawings.length > 0 && i % 2 === 0;
    const scene = isTaught
      ? sceneWith(drawings[(i / 2) % drawings.length]!, random, glyphs)
      : sampleScene(random, glyphs);
    return { scene, turns: converse(scene, random, { turns: TURNS }) };
  });
}

/** The stage-2 sample of a lesson; its picture is named by the lesson's index. */
export const sampleOf = ({ turns }: Lesson, index: number): Sample => ({
  id: `lesson-${index}`,
  images: [String(index)],
  messages: messagesOf(turns),
});

/** A drawing alone, as the visitor drew it. */
export const sceneOf = (drawing: Drawing): Scene => ({ objects: [drawing], background: 0.09, noise: 1 });

/** A sample with one of its digits replaced by the drawing. */
function sceneWith(drawing: Drawing, random: RandomStream, glyphs: GlyphSource): Scene {
  const scene = sampleScene(random, glyphs);
  const { cell, color } = random.pick(scene.objects);
  const drawn = moved(drawing, cell, random);
  const covered = cellsUnder(drawn);
  const others = scene.objects.filter((other) => other.cell !== cell && !covered.has(other.cell));
  const objects = [...others, { ...drawing, cell, color, drawn }].sort((a, b) => a.cell - b.cell);
  return { ...scene, objects };
}

const middleOf = (cell: number): Point => ({
  x: ((cell % (CANVAS / CELL)) + 0.5) * CELL,
  y: (Math.floor(cell / (CANVAS / CELL)) + 0.5) * CELL,
});

/** The lines in another cell, slightly rotated, scaled and shifted, since nobody draws the same twice. */
function moved({ drawn, cell: from }: Drawing, to: number, random: RandomStream): DrawnDigit {
  const [angle, scale] = [random.uniform(-0.12, 0.12), random.uniform(0.9, 1.1)];
  const [dx, dy] = [random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5)];
  const [a, b] = [middleOf(from), middleOf(to)];
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const tenth = (value: number): number => Math.round(10 * value) / 10;
  const lines = pointsOf(drawn).map((line) =>
    line.flatMap(({ x, y }) => {
      const [u, v] = [x - a.x, y - a.y];
      return [tenth(b.x + dx + u * cos - v * sin), tenth(b.y + dy + u * sin + v * cos)];
    }),
  );
  return { pen: drawn.pen, lines };
}

/** Cells that the ink touches. */
function cellsUnder(drawn: DrawnDigit): Set<number> {
  const side = CANVAS / CELL;
  const at = (value: number): number => Math.min(side - 1, Math.max(0, Math.floor(value / CELL)));
  const cells = new Set<number>();
  for (const { x, y } of pointsOf(drawn).flat())
    for (const [u, v] of [
      [x - 2, y - 2],
      [x + 2, y - 2],
      [x - 2, y + 2],
      [x + 2, y + 2],
    ] as const)
      cells.add(side * at(v) + at(u));
  return cells;
}
