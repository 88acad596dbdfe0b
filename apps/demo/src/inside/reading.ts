/** @file Attention and prototypes as numbers to draw, and in words. */
import type { PrototypeTrace } from '@curio/model';
import { PLACES } from '@curio/scenes';
import type { SeenWord } from './messages.ts';

/** Attention of one layer, or the mean over all of them. */
export function attentionOf({ attention }: SeenWord, layer: number | null): Float32Array {
  if (layer !== null) return attention[layer]!;
  return attention[0]!.map((_, patch) => attention.reduce((sum, each) => sum + each[patch]!, 0) / attention.length);
}

/** Cells in a row of the board. */
const CELLS = 3;

/** The sum over the patches of each of the nine cells, in raster order; a patch belongs to the cell of its centre. */
export function shareOfCells(patches: ArrayLike<number>): number[] {
  const side = Math.sqrt(patches.length);
  const cellOf = (at: number): number => Math.floor(((at + 0.5) / side) * CELLS);
  const sums = Array<number>(CELLS * CELLS).fill(0);
  for (let i = 0; i < patches.length; i++)
    sums[CELLS * cellOf(Math.floor(i / side)) + cellOf(i % side)]! += patches[i]!;
  return sums;
}

/** Rounded down, so that it never claims more certainty than there is; without line breaks. */
export function percent(share: number): string {
  const whole =
    share > 0 && share < 0.005 ? '< 1' : share < 1 && share >= 0.995 ? '> 99' : `${Math.round(100 * share)}`;
  return `${whole} %`.replaceAll(' ', '\u00a0');
}

/** How a word is named; the end of a text has no word of its own. */
export const nameOf = (text: string): string => (text === '' ? 'the end' : `“${text}”`);

/** How many cells are named. */
const NAMED = 2;

/** Where the model looked for a word. */
export function attentionSaid(word: SeenWord, layer: number | null): string {
  const cells = shareOfCells(attentionOf(word, layer));
  const total = cells.reduce((sum, share) => sum + share, 0);
  const order = cells.map((_, i) => i).sort((a, b) => cells[b]! - cells[a]! || a - b);
  const named = order.slice(0, NAMED).map((cell) => `${PLACES[cell]} ${percent(cells[cell]!)}`);
  const of = layer === null ? 'the mean over all layers' : `layer ${layer + 1}`;
  return `For ${nameOf(word.text)} it looked at the picture with ${percent(total)} of its attention (${of}): most at ${named.join(', then ')}.`;
}

/** What other words the model considered. */
export const wordsSaid = ({ words }: SeenWord): string =>
  `It chose among ${words.map(({ text, probability }) => `${nameOf(text)} ${percent(probability)}`).join(', ')}.`;

/** Which prototype each patch belongs to, and how strongly, 0…1: in an iteration, or at the end. */
export function belonging(
  { numPrototypes, iterations, centre, weight }: PrototypeTrace,
  iteration: number | null,
): { readonly centre: ArrayLike<number>; readonly weight: ArrayLike<number> } {
  if (iteration === null) return { centre, weight };
  const shares = iterations[iteration]!;
  const best = Array.from(centre, (_, patch) => {
    const row = shares.subarray(patch * numPrototypes, (patch + 1) * numPrototypes);
    return row.reduce((top, share, k) => (share > row[top]! ? k : top), 0);
  });
  return { centre: best, weight: best.map((k, patch) => shares[patch * numPrototypes + k]!) };
}

/** A hue in degrees for each prototype that a patch belongs to in any iteration, spaced as far apart as possible. */
export function huesOf(prototypes: PrototypeTrace): ReadonlyMap<number, number> {
  const stops = [...prototypes.iterations.keys(), null].map((at) => Array.from(belonging(prototypes, at).centre));
  const used = [...new Set(stops.flat())].sort((a, b) => a - b);
  return new Map(used.map((centre, i) => [centre, (360 * i) / used.length]));
}

export function prototypesSaid(prototypes: PrototypeTrace, iteration: number | null): string {
  const { centre, weight } = belonging(prototypes, iteration);
  const mean = Array.from(weight).reduce((sum, each) => sum + each, 0) / weight.length;
  const sizes = new Map<number, number>();
  for (let i = 0; i < centre.length; i++) sizes.set(centre[i]!, (sizes.get(centre[i]!) ?? 0) + 1);
  const largest = Math.max(...sizes.values());
  const when = iteration === null ? 'In the end' : `In iteration ${iteration + 1} of ${prototypes.iterations.length}`;
  return `${when} the ${centre.length} patches belong to ${sizes.size} of ${prototypes.numPrototypes} prototypes, by ${percent(mean)} on average; the largest group has ${largest}.`;
}
