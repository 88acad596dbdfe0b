/** @file A training run in the tab for tests: ten steps on fives that the tests draw, in mirror image. */
import { RandomStream } from '@curio/engine';
import { COLORS, PEN } from '@curio/scenes';
import type { SceneSamples } from '@curio/scenes';
import type { Drawing } from '../src/learning/lessons.ts';
import type { Plan } from '../src/learning/messages.ts';
import { handwrite } from '@curio/testing/handwriting';

const STEPS = 10;

export function mirrored(digit: number, random: RandomStream): Drawing {
  const cell = random.integer(9);
  const middle = { x: (cell % 3) * 24 + 12, y: Math.floor(cell / 3) * 24 + 12, height: 18 };
  const lines = handwrite(digit, middle, random).map((line) => line.flatMap(([x, y]) => [2 * middle.x - x, y]));
  const color = random.pick(COLORS);
  return { digit, color, size: 'large', cell, glyph: 0, dx: 0, dy: 0, drawn: { pen: PEN.large, lines } };
}

export function taughtPlan(samples: SceneSamples): Plan {
  const random = new RandomStream(7);
  const drawings = Array.from({ length: 8 }, () => mirrored(5, random));
  return {
    source: 'drawings',
    drawings: drawings.slice(2),
    apart: drawings.slice(0, 2),
    samples,
    seed: 11,
    steps: STEPS,
  };
}
