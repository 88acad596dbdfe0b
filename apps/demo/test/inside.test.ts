/** Attention and prototypes as numbers to draw, and in words. */
import { describe, expect, test } from 'vitest';
import type { SeenWord } from '../src/inside/messages.ts';
import {
  attentionOf,
  attentionSaid,
  belonging,
  huesOf,
  percent,
  prototypesSaid,
  shareOfCells,
  wordsSaid,
} from '../src/inside/reading.ts';

/** With visible spaces. */
const seen = (text: string): string => text.replaceAll('\u00a0', ' ');

/** Zero except at some of 36 patches. */
const patches = (at: Readonly<Record<number, number>>): Float32Array =>
  Float32Array.from({ length: 36 }, (_, i) => at[i] ?? 0);
const word: SeenWord = {
  text: 'seven',
  attention: [patches({ 0: 0.5, 7: 0.25, 14: 0.125 }), patches({ 35: 0.75 })],
  words: [
    { text: 'seven', probability: 0.9 },
    { text: '', probability: 0.004 },
  ],
};

test('attention of one layer, or the mean of all', () => {
  expect(attentionOf(word, 1)).toEqual(patches({ 35: 0.75 }));
  expect(attentionOf(word, null)).toEqual(patches({ 0: 0.25, 7: 0.125, 14: 0.0625, 35: 0.375 }));
});

test('cells sum their patches, whatever the patches of a row', () => {
  expect(shareOfCells(attentionOf(word, 0))).toEqual([0.75, 0, 0, 0, 0.125, 0, 0, 0, 0]);
  expect(shareOfCells(patches({ 35: 0.75 }))).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0.75]);
  expect(shareOfCells(Float32Array.from({ length: 16 }, () => 1))).toEqual([1, 2, 1, 2, 4, 2, 1, 2, 1]);
});

test('shares are never shown as more certain than they are', () => {
  expect([0, 0.004, 0.005, 0.5, 0.994, 0.996, 1].map((share) => seen(percent(share)))).toEqual([
    ...['0 %', '< 1 %', '1 %', '50 %', '99 %', '> 99 %', '100 %'],
  ]);
});

test('a word is described in a sentence', () => {
  expect(seen(attentionSaid(word, 0))).toBe(
    'For “seven” it looked at the picture with 88 % of its attention (layer 1): most at top left 75 %, then center 13 %.',
  );
  expect(seen(attentionSaid({ ...word, text: '' }, null))).toBe(
    'For the end it looked at the picture with 81 % of its attention (the mean over all layers): most at top left 38 %, then bottom right 38 %.',
  );
  expect(seen(wordsSaid(word))).toBe('It chose among “seven” 90 %, the end < 1 %.');
});

describe('prototypes', () => {
  const prototypes = {
    numPrototypes: 3,
    // Three patches of [0.5, 0.25, 0.25] and one of [0, 0.5, 0.5], where the first of equals counts.
    iterations: [Float32Array.from([0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 0, 0.5, 0.5])],
    centre: Uint32Array.from([2, 2, 0, 1]),
    weight: Float32Array.from([1, 1, 0.5, 0.5]),
  };
  test('of an iteration are the likeliest, at the end those chosen', () => {
    const { centre, weight } = belonging(prototypes, 0);
    expect([Array.from(centre), Array.from(weight)]).toEqual([
      [0, 0, 0, 1],
      [0.5, 0.5, 0.5, 0.5],
    ]);
    expect(belonging(prototypes, null)).toEqual({ centre: prototypes.centre, weight: prototypes.weight });
  });
  test('have distinct hues, the same in all iterations', () => {
    expect([...huesOf(prototypes)]).toEqual([
      [0, 0],
      [1, 120],
      [2, 240],
    ]);
    const one = { ...prototypes, centre: Uint32Array.from([1, 1, 1, 1]) };
    expect([...huesOf(one)]).toEqual([
      [0, 0],
      [1, 180],
    ]);
  });
  test('are described in a sentence', () => {
    expect(seen(prototypesSaid(prototypes, 0))).toBe(
      'In iteration 1 of 1 the 4 patches belong to 2 of 3 prototypes, by 50 % on average; the largest group has 3.',
    );
    expect(seen(prototypesSaid(prototypes, null))).toBe(
      'In the end the 4 patches belong to 3 of 3 prototypes, by 75 % on average; the largest group has 2.',
    );
  });
});
