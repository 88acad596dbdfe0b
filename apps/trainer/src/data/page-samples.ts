/** @file The page's sample scenes, from handwriting held out of training. */

import { packSamples, type SceneSamples } from '@curio/scenes';
import { openHandwriting } from './digits.ts';
import { generatePart } from './generate.ts';

/** `count` held-out scenes and `spare` glyphs of each digit to draw with. */
export function pageSamples(seed = 1, count = 12, spare = 4): SceneSamples {
  const glyphs = openHandwriting('heldOut');
  return packSamples(
    generatePart('heldout-ask', { seed, count }, glyphs).map(({ scene }) => scene),
    glyphs,
    spare,
  );
}
