/**
 * @file A small set of scenes with just the handwriting they use, as one JSON file: samples for the page, drawn there
 * by `renderScene`.
 */

import type { GlyphSource, Scene } from './scene.ts';

/**
 * What the file holds: `glyphs[digit]` are 28×28 bytes each in base64, and the scenes' glyph numbers point into these
 * lists.
 */
export interface SceneSamples {
  scenes: Scene[];
  glyphs: string[][];
}

/** Packs scenes with the glyphs that they use, and `spare` more of each digit for new drawings. */
export function packSamples(scenes: readonly Scene[], source: GlyphSource, spare: number): SceneSamples {
  const used = Array.from({ length: 10 }, (_, digit) =>
    Array.from({ length: spare }, (_, i) => i % source.count(digit)),
  );
  const number = (digit: number, glyph: number): number => {
    if (!used[digit].includes(glyph)) used[digit].push(glyph);
    return used[digit].indexOf(glyph);
  };
  const packed = scenes.map((scene) => ({
    ...scene,
    objects: scene.objects.map((object) => ({ ...object, glyph: number(object.digit, object.glyph) })),
  }));
  return {
    scenes: packed,
    glyphs: used.map((list, digit) => list.map((glyph) => btoa(String.fromCharCode(...source.pixels(digit, glyph))))),
  };
}

/** The handwriting of a packed file. */
export function openGlyphs({ glyphs }: SceneSamples): GlyphSource {
  const bytes = glyphs.map((list) => list.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))));
  return { count: (digit) => bytes[digit].length, pixels: (digit, index) => bytes[digit][index] };
}
