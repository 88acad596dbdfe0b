/**
 * @file The words of the embedded toy world: what a scene can contain, and every word of its small language.
 * The order of these lists fixes token ids, so new words go to the end of their list and need a new base.
 */

export const COLORS = ['red', 'green', 'blue', 'yellow', 'purple', 'white'] as const;
export const SIZES = ['small', 'large'] as const;
/** The 3×3 cells in raster order. */
export const PLACES = [
  'top left',
  'top',
  'top right',
  'left',
  'center',
  'right',
  'bottom left',
  'bottom',
  'bottom right',
] as const;
export const NUMBERS = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
] as const;

export type Color = (typeof COLORS)[number];
export type Size = (typeof SIZES)[number];
export type Place = (typeof PLACES)[number];
export type NumberWord = (typeof NUMBERS)[number];

export const digitWord = (digit: number): NumberWord => NUMBERS[digit];

/** Words that are neither numbers nor colours. */
export const FUNCTION_WORDS = [
  '.',
  ',',
  '?',
  'a',
  'above',
  'and',
  'are',
  'at',
  'below',
  'bottom',
  'center',
  'color',
  'describe',
  'detail',
  'digit',
  'digits',
  'greater',
  'how',
  'image',
  'in',
  'is',
  'large',
  'left',
  'lower',
  'many',
  'no',
  'of',
  'or',
  'right',
  'small',
  'sum',
  'the',
  'there',
  'top',
  'what',
  'where',
  'which',
  'yes',
] as const;

/** Request that opens a conversation and is answered by the caption. */
export const DESCRIBE = 'describe the image in detail .';

/**
 * What one patch shows, as one word of the text pictures on which the language base is pretrained: an object's patch or
 * an empty one, and the cell it lies in. (Cells are part of the word because look-ups from a digit to its place were
 * the ones a base could not learn from the order of the words alone; the features of the image tower carry the place as
 * well.)
 */
export interface PatchWord {
  cell: number;
  object?: { size: Size; color: Color; digit: number };
}

const placeTag = (cell: number): string => PLACES[cell].replace(' ', '-');

/** `<p:large:red:7:top-left>` or `<p:empty:center>`: nothing a person would type. */
export function patchWord({ cell, object }: PatchWord): string {
  if (!object) return `<p:empty:${placeTag(cell)}>`;
  return `<p:${object.size}:${object.color}:${object.digit}:${placeTag(cell)}>`;
}

/** All 9 · (1 + 2 · 6 · 10) = 1,089 patch words, by cell, empty first. */
export const PATCH_WORDS: readonly PatchWord[] = PLACES.flatMap((_, cell) => [
  { cell },
  ...SIZES.flatMap((size) =>
    COLORS.flatMap((color) => Array.from({ length: 10 }, (_, digit) => ({ cell, object: { size, color, digit } }))),
  ),
]);
