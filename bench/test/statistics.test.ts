import { expect, test } from 'vitest';
import { firstWrong, noise, sampledEntries } from '../src/numbers.ts';
import { isEnough, percentOf, predictMs, rates, repeatsFor, samplesFor, summarise } from '../src/statistics.ts';

test('best and median, of odd and even numbers of samples', () => {
  expect(summarise([3, 1, 2])).toEqual({ bestMs: 1, medianMs: 2 });
  expect(summarise([4, 1, 2, 9])).toEqual({ bestMs: 1, medianMs: 3 });
  expect(summarise([7])).toEqual({ bestMs: 7, medianMs: 7 });
  expect(() => summarise([])).toThrow('summarise: no samples; a cell needs at least one round.');
});

test('rates are in 10⁹ per second', () => {
  expect(rates({ flops: 2e9 }, 1000)).toEqual({ gflops: 2, gbps: null });
  expect(rates({ flops: 1e9, bytes: 4e9 }, 500)).toEqual({ gflops: 2, gbps: 8 });
});

test('percent of a roof, null without one', () => {
  expect(percentOf(25, 50)).toBe(50);
  expect(percentOf(25, undefined)).toBeNull();
  expect(percentOf(null, 50)).toBeNull();
  expect(percentOf(25, 0)).toBeNull();
});

test('time is predicted from a smaller run of the same kind', () => {
  expect(predictMs({ flops: 800 }, { work: { flops: 100 }, ms: 2 })).toBe(16);
  expect(predictMs({ bytes: 30 }, { work: { bytes: 10 }, ms: 2 })).toBe(6);
  expect(predictMs({ flops: 800 }, { work: { bytes: 10 }, ms: 2 })).toBeNull();
  expect(predictMs({ flops: 800 }, undefined)).toBeNull();
});

test('a sample lasts long enough to be timed, a cell ends after 5 rounds or 3 seconds', () => {
  expect(repeatsFor(100)).toBe(1);
  expect(repeatsFor(5)).toBe(3);
  expect(repeatsFor(0)).toBe(200);
  expect(samplesFor(20, 100)).toBe(5);
  expect(samplesFor(1e-6, 100)).toBe(8);
  expect(samplesFor(200, 100)).toBe(1);
  expect(isEnough(0, 9999)).toBe(false);
  expect(isEnough(1, 3000)).toBe(true);
  expect(isEnough(4, 100)).toBe(false);
  expect(isEnough(5, 100)).toBe(true);
});

test('at least 256 entries are checked, corners included', () => {
  const at = sampledEntries([2, 100, 50]);
  expect(at.length).toBeGreaterThanOrEqual(256);
  for (const corner of [0, 49, 4950, 4999, 5000, 5049, 9950, 9999]) expect(at).toContain(corner);
  expect(at.every((i) => Number.isInteger(i) && i >= 0 && i < 10000)).toBe(true);
  expect(sampledEntries([3, 4])).toHaveLength(12);
});

test('noise is the same for the same seed, spread over ±0.5', () => {
  expect(noise(5, 1)).toEqual(noise(5, 1));
  expect(noise(5, 1)).not.toEqual(noise(5, 2));
  const many = noise(10000, 3);
  expect(Math.min(...many)).toBeGreaterThanOrEqual(-0.5);
  expect(Math.max(...many)).toBeLessThan(0.5);
  expect(Math.abs(many.reduce((a, b) => a + b, 0) / many.length)).toBeLessThan(0.02);
});

test('the first wrong entry is named with both values', () => {
  const expected = (i: number): number => 10 * i;
  expect(firstWrong('y', [0, 2], [0, 99, 20.0001], expected, 1e-5)).toBeNull();
  expect(firstWrong('y', [0, 2], [0, 99, 21], expected, 1e-5)).toBe('y[2] is 21, float64 says 20');
  expect(firstWrong('y', [0, 2], [0, 99, NaN], expected, 1e-5)).toBe('y[2] is NaN, float64 says 20');
});
