/** The next word from one row of scores. */
import { RandomStream } from '@curio/engine';
import { expect, test } from 'vitest';
import { sample } from '../src/decoding/sample.ts';

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

test.each(OPTIONS)('words masked out with -∞ are not drawn: %o', (options) => {
  for (let i = 0; i < 20; i++)
    expect(sample(Float32Array.of(-Infinity, 1, -Infinity), options, new RandomStream(i, 0, 0))).toBe(1);
});

test.each(OPTIONS)('an infinite score is drawn, and if all are -∞ any word may be: %o', (options) => {
  expect(sample(Float32Array.of(1, Infinity, 2), options, random())).toBe(1);
  expect([0, 1]).toContain(sample(Float32Array.of(-Infinity, -Infinity), options, random()));
});

/** Shares of 4,000 draws from scores of 2, 1, 0 and -1. */
function shares(options: object): number[] {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) counts[sample(Float32Array.of(2, 1, 0, -1), options, new RandomStream(i, 0, 0))]!++;
  return counts.map((n) => n / 4000);
}
const weights = (temperature: number, kept: number): number[] => {
  const e = [2, 1, 0, -1].map((x, i) => (i < kept ? Math.exp(x / temperature) : 0));
  return e.map((x) => x / e.reduce((a, b) => a + b));
};

test.each([
  [{}, [1, 0, 0, 0]],
  [{ temperature: 1 }, weights(1, 4)],
  [{ temperature: 2 }, weights(2, 4)],
  [{ temperature: 2, topK: 3 }, weights(2, 3)],
  // At temperature 1 the first two words have 0.88: the third is what reaches 0.9.
  [{ temperature: 1, topP: 0.9 }, weights(1, 3)],
  // Top-p counts what top-k left: of two words the first has 0.73.
  [{ temperature: 1, topK: 2, topP: 0.7 }, [1, 0, 0, 0]],
])('%o draws as transformers does: temperature, then top-k, then top-p', (options, wanted) => {
  shares(options).forEach((share, i) =>
    expect(Math.abs(share - wanted[i]!)).toBeLessThan(wanted[i] === 0 ? 1e-9 : 0.03),
  );
});
