/**
 * @file Batches for the small CLIP: groups of scenes that differ only in their digits, so that telling captions apart
 * requires reading digits.
 */
import type { HostTensor, HostTensors, RandomStream, Tensor } from '@curio/engine';
import { IGNORE, preprocessImage, textInputs, textRows } from '@curio/model';
import type { ImageConfig, TextRows, Tokens } from '@curio/model';
import { caption } from '../grammar.ts';
import { CANVAS, CELL, drawInCell, GRID, PATCH, renderScene, sampleScene } from '../scene.ts';
import type { GlyphSource, Scene, SceneOptions } from '../scene.ts';
import { COLORS, digitWord, PLACES, SIZES } from '../words.ts';
import type { PatchTargets } from './clip-pair.ts';

export interface ClipBatch {
  readonly count: number;
  /** Normalised, [B, 3, S, S]. */
  readonly pixels: Float32Array;
  readonly captions: TextRows;
  readonly patches: PatchTargets;
  readonly scenes: readonly Scene[];
}

/** The properties that distinguish patches, each as words: digit, colour, size, place. */
export const WORD_SETS: readonly (readonly string[])[] = [
  Array.from({ length: 10 }, (_, digit) => digitWord(digit)),
  COLORS,
  SIZES,
  PLACES,
];

/** Ids of a text between `<s>` and `</s>`. */
export const textIds = (tokens: Tokens, text: string): number[] => [tokens.bos, ...tokens.encode(text), tokens.eos];

/** The word sets as rows for the text tower. */
export const wordRows = (tokens: Tokens): TextRows[] =>
  WORD_SETS.map((words) => textRows(words.map((word) => textIds(tokens, word))));

/**
 * Captions are padded to a multiple of this, and patches to a multiple of that many objects, to limit the number of
 * shapes.
 */
const CAPTION_MULTIPLE = 8;
const OBJECT_MULTIPLE = 64;

export interface ClipBatchOptions {
  readonly groups: number;
  /** Scenes of a group: same cells, colours and sizes, different digits. At most 10. */
  readonly groupSize: number;
  /** Share of groups whose strokes are varied. */
  readonly augment: number;
  /** Share of groups whose digits are drawn with a pen. Default 0. */
  readonly drawn?: number;
  readonly image: ImageConfig;
}

export function clipBatch(
  tokens: Tokens,
  glyphs: GlyphSource,
  random: RandomStream,
  { groups, groupSize, augment, drawn = 0, image }: ClipBatchOptions,
): ClipBatch {
  const scenes = Array.from({ length: groups }, () =>
    group(glyphs, random, groupSize, {
      augment: random.chance(augment),
      drawn: drawn > 0 && random.chance(drawn) ? 1 : 0,
    }),
  ).flat();
  const area = 3 * image.size ** 2;
  const pixels = new Float32Array(scenes.length * area);
  scenes.forEach((scene, i) => pixels.set(preprocessImage(renderScene(scene, glyphs), image), i * area));
  return {
    count: scenes.length,
    pixels,
    captions: textRows(
      scenes.map((scene) => textIds(tokens, caption(scene))),
      CAPTION_MULTIPLE,
    ),
    patches: patchTargets(scenes),
    scenes,
  };
}

/** What the losses of a pair read; captions as `Texts`. */
export type ClipInputs = {
  /** float[B, 3, S, S] */
  readonly pixels: Tensor;
  readonly ids: Tensor;
  readonly ends: Tensor;
  /** i32[R] patches; i32[sets, R] their words; i32[sets, R / patches of an object] those of the objects. */
  readonly rows: Tensor;
  readonly patchWords: Tensor;
  readonly objectWords: Tensor;
};

/** A batch as arrays of shapes that depend on padded sizes alone. */
export function clipInputs({
  count,
  pixels,
  captions,
  patches: { rows, words, perObject },
}: ClipBatch): HostTensors<ClipInputs> {
  const side = Math.sqrt(pixels.length / count / 3);
  const step = OBJECT_MULTIPLE * perObject;
  const padded = Math.ceil(rows.length / step) * step;
  const chosen = new Int32Array(padded);
  chosen.set(rows);
  const wordsOf = (every: number): HostTensor => {
    const values = new Int32Array((words.length * padded) / every).fill(IGNORE);
    words.forEach((list, k) =>
      values.set(
        list.filter((_, i) => i % every === 0),
        (k * padded) / every,
      ),
    );
    return { values, shape: [words.length, padded / every] };
  };
  return {
    pixels: { values: pixels as Float32Array<ArrayBuffer>, shape: [count, 3, side, side] },
    ...textInputs(captions),
    rows: { values: chosen, shape: [padded] },
    patchWords: wordsOf(1),
    objectWords: wordsOf(perObject),
  };
}

/** One layout with different digits: scenes whose captions all differ. */
function group(
  glyphs: GlyphSource,
  random: RandomStream,
  size: number,
  options: Pick<SceneOptions, 'augment' | 'drawn'>,
): Scene[] {
  const first = sampleScene(random, glyphs, options);
  const seen = new Set([caption(first)]);
  const scenes = [first];
  while (scenes.length < size) {
    const other = sampleScene(random, glyphs, { ...options, objects: first.objects.length });
    const scene: Scene = {
      ...other,
      objects: other.objects.map(({ drawn, ...object }, i) => {
        const { cell, color, size, dx, dy } = first.objects[i]!;
        return {
          ...object,
          ...{ cell, color, size, dx, dy },
          ...(drawn ? { drawn: drawInCell(random, object.digit, size, cell) } : {}),
        };
      }),
    };
    if (seen.has(caption(scene))) continue;
    seen.add(caption(scene));
    scenes.push(scene);
  }
  return scenes;
}

/** Every patch of every object, with the index of its word in each set. */
export function patchTargets(scenes: readonly Scene[]): PatchTargets {
  const side = CANVAS / PATCH;
  const perCell = CELL / PATCH;
  const rows: number[] = [];
  const words: number[][] = WORD_SETS.map(() => []);
  scenes.forEach(({ objects }, b) => {
    for (const { digit, color, size, cell } of objects) {
      for (let k = 0; k < perCell ** 2; k++) {
        const y = Math.floor(cell / GRID) * perCell + Math.floor(k / perCell);
        const x = (cell % GRID) * perCell + (k % perCell);
        rows.push(b * side ** 2 + y * side + x);
        [digit, COLORS.indexOf(color), SIZES.indexOf(size), cell].forEach((word, i) => words[i]!.push(word));
      }
    }
  });
  return { rows: Int32Array.from(rows), perObject: perCell ** 2, words: words.map((list) => Int32Array.from(list)) };
}
