/** @file What the visitor draws with and on: the sketch and its history, the pen, the samples. */
import { COLORS, digitWord, openGlyphs, PLACES, renderScene } from '@curio/scenes';
import type { Picture } from '@curio/model';
import type { Color, GlyphSource, Point, SceneSamples, Size } from '@curio/scenes';
import { computed, signal } from '@preact/signals';
import { captionOf, digitsOn, MOST_DIGITS, troubleWith, withoutDigitAt } from './digits.ts';
import { openPhoto } from './photo.ts';
import { blankSketch, renderSketch, writeDigit } from './sketch.ts';
import type { Sketch } from './sketch.ts';

export const samples = signal<SceneSamples | 'loading' | 'failed'>('loading');
const glyphs = computed<GlyphSource>(() => {
  if (typeof samples.value === 'string') return { count: () => 0, pixels: () => new Uint8Array(784) };
  const { count, pixels } = openGlyphs(samples.value);
  // A URL may refer to handwriting that a later page no longer has.
  return { count, pixels: (digit, index) => pixels(digit, index % count(digit)) };
});
/** The samples that the page offers, drawn. */
export const offered = computed(() =>
  typeof samples.value === 'string'
    ? []
    : samples.value.scenes.slice(0, 8).map((scene) => ({ scene, picture: renderScene(scene, glyphs.value) })),
);
export const past = signal<readonly Sketch[]>([]);
export const sketch = signal<Sketch>(blankSketch(1));
export const color = signal<Color>(COLORS[0]);
export const pen = signal<Size>('large');
/** A stroke is being drawn; it may yet be taken back. */
export const isDrawing = signal(false);
/** Why the last change was refused; until the next change. */
export const notice = signal('');
export const caption = computed(() => captionOf(sketch.value));
export const isEmpty = computed(() => !sketch.value.photo && digitsOn(sketch.value).length === 0);

export const picture = computed((): Picture => renderSketch(sketch.value, glyphs.value));
/** What the picture shows, if known; null as soon as something is drawn by hand. */
export const truth = computed(() =>
  sketch.value.strokes.length === 0 && !sketch.value.photo ? sketch.value.scene : null,
);

/** Nothing was drawn, chosen or restored yet: the first sample may be put on the board. */
export let isUntouched = true;

/** Restores what was on the board before. */
export function restore(kept: Sketch): void {
  isUntouched = false;
  sketch.value = kept;
  notice.value = '';
}
export function take(next: Sketch): void {
  isUntouched = false;
  past.value = [...past.value, sketch.value].slice(-100);
  sketch.value = next;
  notice.value = '';
}
export function undo(): void {
  sketch.value = past.value.at(-1) ?? sketch.value;
  past.value = past.value.slice(0, -1);
  notice.value = '';
}
export const clear = (): void => take(blankSketch(Math.floor(Math.random() * 2 ** 31)));

export function beginStroke(at: Point): void {
  isDrawing.value = true;
  take({ ...sketch.value, strokes: [...sketch.value.strokes, { color: color.value, pen: pen.value, points: [at] }] });
}

export function extendStroke(points: readonly Point[]): void {
  const { strokes } = sketch.value;
  const stroke = strokes.at(-1)!;
  sketch.value = {
    ...sketch.value,
    strokes: [...strokes.slice(0, -1), { ...stroke, points: [...stroke.points, ...points] }],
  };
}

/** Undoes a stroke that makes a picture unlike any that the model has seen. */
export function endStroke(): void {
  const trouble = troubleWith(sketch.value, 'that stroke');
  if (trouble) {
    undo();
    notice.value = trouble;
  }
  isDrawing.value = false;
}

/** Writes a digit into a cell, replacing what is there; returns what happened. */
export function writeAt(cell: number, digit: number): string {
  const count = glyphs.value.count(digit);
  if (sketch.value.photo) return 'Clear the picture first: digits are written on an empty board.';
  if (count === 0) return 'The handwriting has not loaded yet.';
  const rest = withoutDigitAt(sketch.value, cell);
  if (digitsOn(rest).length >= MOST_DIGITS) return (notice.value = 'I know one to three digits: clear one first.');
  const written = { digit, color: color.value, size: pen.value, cell, glyph: Math.floor(Math.random() * count) };
  take(writeDigit(rest, written));
  return `a ${pen.value} ${color.value} ${digitWord(digit)} at ${PLACES[cell]}`;
}

export function emptyAt(cell: number): string {
  take(withoutDigitAt(sketch.value, cell));
  return `nothing at ${PLACES[cell]}`;
}

/** Puts a picture file of the visitor's on the board. */
export async function takePhoto(file: File): Promise<void> {
  try {
    take({ ...blankSketch(1), photo: await openPhoto(file) });
  } catch (error) {
    notice.value = (error as Error).message;
  }
}

/** Fetches the handwriting, and puts the first sample on the board if it is still empty. */
export async function openSamples(): Promise<void> {
  samples.value = 'loading';
  try {
    const response = await fetch('scene-samples.json');
    if (!response.ok) throw new Error(`page: scene-samples.json could not be fetched (${response.status}).`);
    const { scenes, glyphs: written } = (await response.json()) as SceneSamples;
    samples.value = { scenes, glyphs: written };
    if (isUntouched) sketch.value = { scene: scenes[0]!, strokes: [] };
  } catch {
    samples.value = 'failed';
  }
}
