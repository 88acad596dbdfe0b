/** @jsxImportSource preact */
/** @file Scenes as small pictures; each is drawn once. */
import { openGlyphs, pointsOf, renderScene } from '@curio/scenes';
import type { Picture } from '@curio/model';
import type { GlyphSource, Scene } from '@curio/scenes';
import { computed } from '@preact/signals';
import { Pixels } from '../board/board.tsx';
import { samples } from '../board/drawing.ts';
import { sceneOf } from '../learning/lessons.ts';
import type { Drawing } from '../learning/lessons.ts';

/** Null until the handwriting is here. */
const glyphs = computed<GlyphSource | null>(() =>
  typeof samples.value === 'string' ? null : openGlyphs(samples.value),
);
/** Drawings need no handwriting. */
const NONE: GlyphSource = { count: () => 0, pixels: () => new Uint8Array(784) };
const drawn = new WeakMap<object, Picture>();

function once(key: object, draw: () => Picture): Picture {
  const known = drawn.get(key) ?? draw();
  drawn.set(key, known);
  return known;
}

/** Pixels around a drawing that is shown alone. */
const MARGIN = 5;

/** The square part of the board around a drawing, so that it is recognisable at a small size. */
function around({ drawn }: Drawing, { width, rgb }: Picture): Picture {
  const points = pointsOf(drawn).flat();
  const range = (at: readonly number[]): [low: number, high: number] => [Math.min(...at), Math.max(...at)];
  const [left, right] = range(points.map(({ x }) => x));
  const [top, bottom] = range(points.map(({ y }) => y));
  const side = Math.min(width, Math.ceil(Math.max(right - left, bottom - top)) + 2 * MARGIN);
  const start = (middle: number): number => Math.min(width - side, Math.max(0, Math.round(middle - side / 2)));
  const [x, y] = [start((left + right) / 2), start((top + bottom) / 2)];
  const part = new Uint8Array(3 * side * side);
  for (let row = 0; row < side; row++) {
    const from = 3 * ((y + row) * width + x);
    part.set(rgb.subarray(from, from + 3 * side), 3 * row * side);
  }
  return { width: side, height: side, rgb: part };
}

export function DrawingPicture({ of }: { of: Drawing }) {
  return <Pixels of={once(of, () => around(of, renderScene(sceneOf(of), NONE)))} aria-hidden="true" />;
}

export function ScenePicture({ of }: { of: Scene }) {
  const source = glyphs.value;
  return source && <Pixels of={once(of, () => renderScene(of, source))} aria-hidden="true" />;
}
