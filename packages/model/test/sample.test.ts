/** The next word from one row of scores. */
import { RandomStream } from '@curio/engine';
import { expect, test } from 'vitest';
import { sample } from '../src/generate.ts';

const random = (): RandomStream => new RandomStream(1, 0, 0);
const OPTIONS = [{}, { temperature: 0.7 }, { temperature: 1, topK: 2 }, { temperature: 1, topP: 0.5 }];

test.each(OPTIONS)('scores of NaN are refused: %o', (options) => {
  for (const [scores, at] of [
    [[NaN, NaN, NaN], 0],
    [[NaN, 1, 3], 0],
    [[1, 3, NaN], 2],
  ] as const) {
    expect(() => sample(Float32Array.from(scores), options, random())).toThrow(
      `sample: the score of word ${at} of 3 is NaN; scores must be numbers, so the model has diverged or its weights are damaged.`,
    );
  }
});

test.each(OPTIONS)('words that are masked out with -∞ are not drawn: %o', (options) => {
  for (let i = 0; i < 20; i++)
    expect(sample(Float32Array.of(-Infinity, 1, -Infinity), options, new RandomStream(i, 0, 0))).toBe(1);
});

test.each(OPTIONS)('an infinite score is drawn, and of -∞ alone any word may be: %o', (options) => {
  expect(sample(Float32Array.of(1, Infinity, 2), options, random())).toBe(1);
  expect([0, 1]).toContain(sample(Float32Array.of(-Infinity, -Infinity), options, random()));
});
