import { expect, test } from 'vitest';
import { distinct, selfBleu } from '../src/index.ts';

test('distinct n-grams as a share of all', () => {
  // a b a c: 3 of 4 words; a b, b a, a c: all different. Twice the text halves both.
  expect(distinct(['a b a c'], 1)).toBe(3 / 4);
  expect(distinct(['a b a c'], 2)).toBe(1);
  expect(distinct(['a b a c', 'a b a c'], 2)).toBe(1 / 2);
  expect(distinct(['a', ''], 2)).toBe(0);
});

test('self-BLEU is 1 for repetition, and as computed by hand otherwise', () => {
  expect(selfBleu(['a b c d e', 'a b c d e'])).toBeCloseTo(1, 6);
  expect(selfBleu(['a b c d', 'e f g h'])).toBeLessThan(1e-3);
  // Four of five words, three of four pairs, two of three triples, one of two quadruples.
  expect(selfBleu(['a b c d e', 'a b c d f'])).toBeCloseTo(((4 / 5) * (3 / 4) * (2 / 3) * (1 / 2)) ** (1 / 4), 6);
  expect(selfBleu(['a b'])).toBeNull();
});
