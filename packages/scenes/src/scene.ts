/**
 * @file Scenes: up to three digits, handwritten or drawn with a pen, in colours and sizes on a dark 72×72 canvas of 3×3
 * cells. A scene is plain data (its truth), drawn by a pure function; cells of 24 px cover patches of 12 px exactly
 * (2×2 each).
 */

import type { RandomStream } from '@curio/engine';
import type { Picture } from '@curio/model';
import { drawDigit, type DrawnDigit } from './hand.ts';
import { drawLines, pointsOf } from './ink.ts';
import { COLORS, SIZES, type Color, type Size } from './words.ts';

export const CANVAS = 72;
export const CELL = 24;
export const GRID = 3;
/** Side of a patch in pixels; the image tower sees CANVAS / PATCH patches a side. */
export const PATCH = 12;

/**
 * Handwriting: `pixels` is 28×28, 0 (paper) … 255 (ink). One source holds training digits or held-out digits, never
 * both.
 */
export interface GlyphSource {
  count(digit: number): number;
  pixels(digit: number, index: number): Uint8Array;
}

/** Small change of the strokes, for pretraining: angle in radians, scale factors, shear, shift in glyph pixels. */
export interface Pose {
  angle: number;
  scaleX: number;
  scaleY: number;
  shear: number;
  shiftX: number;
  shiftY: number;
}

export interface SceneObject {
  digit: number;
  color: Color;
  size: Size;
  /** 0…8 in raster order. */
  cell: number;
  /** Index of the digit's handwriting sample. */
  glyph: number;
  /** Offset of the drawn square inside its cell, in pixels. */
  dx: number;
  dy: number;
  pose?: Pose;
  /** Side of the drawn square in pixels; default: that of the size. */
  side?: number;
  /** Drawn with a pen, instead of a sample of handwriting. */
  drawn?: DrawnDigit;
}

/** Objects are in raster order of their cells. */
export interface Scene {
  objects: SceneObject[];
  /** Grey of the background, 0…1. */
  background: number;
  /** Key of the background noise. */
  noise: number;
  /** Opacity of the ink, 0…1; default 1. */
  opacity?: number;
}

/** Ink of each colour. */
export const RGB: Record<Color, readonly [number, number, number]> = {
  red: [235, 50, 50],
  green: [50, 190, 70],
  blue: [70, 110, 255],
  yellow: [245, 225, 60],
  purple: [170, 70, 215],
  white: [245, 245, 245],
};
/** Side of the drawn square. */
const SIDE: Record<Size, number> = { small: 15, large: 22 };
/** Smallest and largest offset in the cell: a small digit is offset by up to two pixels from the centre. */
const OFFSET: Record<Size, readonly [number, number]> = { small: [2, 6], large: [0, 2] };
/** The handwriting fills the inner 22 of 28 pixels. */
const INK = 22;

export interface SceneOptions {
  /** Number of objects, 0 to 9; 1, 2, 3 with odds 1 : 2 : 2 when left out. */
  objects?: number;
  /** Probability of a scene of digits that are drawn with a pen; one in seven of these is handwriting. Default 0. */
  drawn?: number;
  /** Probability of a scene without digits, where `objects` is left out. Default 0. */
  empty?: number;
  /** Which pairs of digit and colour are drawn; all where left out. */
  pairs?: (digit: number, color: Color) => boolean;
  /** Vary the strokes (shift, rotation, scale); for pretraining only. */
  augment?: boolean;
}

/**
 * Draws a scene. Digits, and colours, are all different with probability 0.7, else independent, so that most things can
 * be named.
 */
export function sampleScene(random: RandomStream, glyphs: GlyphSource, options: SceneOptions = {}): Scene {
  const { drawn = 0, empty = 0 } = options;
  const count = options.objects ?? (empty > 0 && random.chance(empty) ? 0 : 1 + random.weighted([1, 2, 2]));
  const isDrawn = drawn > 0 && random.chance(drawn);
  const cells = random
    .shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8])
    .slice(0, count)
    .sort((a, b) => a - b);
  const { digits, colors } = samplePairs(random, count, options.pairs);
  const objects = cells.map((cell, i): SceneObject => {
    const size = random.pick(SIZES);
    return {
      digit: digits[i],
      color: colors[i],
      size,
      cell,
      glyph: random.integer(glyphs.count(digits[i])),
      dx: random.between(...OFFSET[size]),
      dy: random.between(...OFFSET[size]),
      ...(options.augment ? { pose: samplePose(random) } : {}),
      ...(isDrawn && !random.chance(1 / 7) ? { drawn: drawInCell(random, digits[i], size, cell) } : {}),
    };
  });
  return { objects, background: Math.round(random.uniform(0, 0.18) * 1000) / 1000, noise: random.bits() };
}

/** A digit drawn with a pen in a cell. */
export const drawInCell = (random: RandomStream, digit: number, size: Size, cell: number): DrawnDigit =>
  drawDigit(random, { digit, size, left: (cell % GRID) * CELL, top: Math.floor(cell / GRID) * CELL, side: CELL });

function samplePairs(
  random: RandomStream,
  count: number,
  pairs: SceneOptions['pairs'],
): { digits: number[]; colors: Color[] } {
  for (;;) {
    const digits = mostlyDifferent(random, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], count);
    const colors = mostlyDifferent(random, COLORS, count);
    if (!pairs || digits.every((digit, i) => pairs(digit, colors[i]))) return { digits, colors };
  }
}

/** More than there are cannot all be different, and are independent. */
function mostlyDifferent<T>(random: RandomStream, items: readonly T[], count: number): T[] {
  if (random.chance(0.7) && count <= items.length) return random.shuffle(items).slice(0, count);
  return Array.from({ length: count }, () => random.pick(items));
}

function samplePose(random: RandomStream): Pose {
  return {
    angle: random.uniform(-0.18, 0.18),
    scaleX: random.uniform(0.88, 1.12),
    scaleY: random.uniform(0.88, 1.12),
    shear: random.uniform(-0.12, 0.12),
    shiftX: random.uniform(-1, 1),
    shiftY: random.uniform(-1, 1),
  };
}

/**
 * Draws a scene: background with noise, then each digit's ink blended in its colour. Pure: the same scene gives the
 * same bytes.
 */
export function renderScene(scene: Scene, glyphs: GlyphSource): Picture {
  const rgb = drawBackground(scene);
  const picture: Picture = { width: CANVAS, height: CANVAS, rgb };
  const { opacity = 1 } = scene;
  for (const object of scene.objects) {
    if (object.drawn) {
      drawLines(picture, pointsOf(object.drawn), object.drawn.pen, RGB[object.color], opacity);
      continue;
    }
    const side = object.side ?? SIDE[object.size];
    const ink = resizeGlyph(glyphs.pixels(object.digit, object.glyph), side, object.pose);
    const left = (object.cell % GRID) * CELL + object.dx;
    const top = Math.floor(object.cell / GRID) * CELL + object.dy;
    const color = RGB[object.color];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const alpha = opacity * ink[y * side + x];
        const at = ((top + y) * CANVAS + left + x) * 3;
        if (alpha === 0) continue;
        for (let c = 0; c < 3; c++) rgb[at + c] = Math.round(rgb[at + c] * (1 - alpha) + color[c] * alpha);
      }
    }
  }
  return picture;
}

/**
 * Grey plus noise of standard deviation 0.03: the sum of two bytes of a small integer hash, which is quick and the same
 * everywhere.
 */
function drawBackground({ background, noise }: Scene): Uint8Array {
  const rgb = new Uint8Array(CANVAS * CANVAS * 3);
  const level = Uint8Array.from({ length: 511 }, (_, sum) =>
    Math.max(0, Math.round(255 * (background + 0.0735 * (sum / 255 - 1)))),
  );
  let state = noise | 0 || 1;
  for (let i = 0; i < rgb.length; i++) {
    // xorshift32 (Marsaglia 2003): only the texture depends on it.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    rgb[i] = level[((state >>> 8) & 255) + ((state >>> 16) & 255)];
  }
  return rgb;
}

/**
 * The inner 22×22 of a glyph drawn on `side`×`side`, 0…1: bilinear with 2×2 samples per pixel, rotated about the
 * centre.
 */
function resizeGlyph(pixels: Uint8Array, side: number, pose?: Pose): Float32Array {
  const out = new Float32Array(side * side);
  const cos = Math.cos(pose?.angle ?? 0);
  const sin = Math.sin(pose?.angle ?? 0);
  const { scaleX = 1, scaleY = 1, shear = 0, shiftX = 0, shiftY = 0 } = pose ?? {};
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let sample = 0; sample < 4; sample++) {
        const u = ((x + 0.25 + 0.5 * (sample & 1)) / side - 0.5) * INK;
        const v = ((y + 0.25 + 0.5 * (sample >> 1)) / side - 0.5) * INK;
        const sourceX = (cos * u + sin * v) / scaleX + shear * v - shiftX;
        const sourceY = (cos * v - sin * u) / scaleY - shiftY;
        sum += bilinear(pixels, sourceX + 13.5, sourceY + 13.5);
      }
      out[y * side + x] = sum / (4 * 255);
    }
  }
  return out;
}

/** Value between the four neighbours of (x, y) on 28×28, zero outside. */
function bilinear(pixels: Uint8Array, x: number, y: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  if (x0 < 0 || y0 < 0 || x0 > 26 || y0 > 26) return 0;
  const at = y0 * 28 + x0;
  const fx = x - x0;
  const top = pixels[at] * (1 - fx) + pixels[at + 1] * fx;
  const bottom = pixels[at + 28] * (1 - fx) + pixels[at + 29] * fx;
  return top + (bottom - top) * (y - y0);
}
