/** The table of `npm run parity`: what is measured, and how rows are joined. */
import { expect, test, TestRunner } from 'vitest';
import { close, greatestDifference, parity } from '../src/parity.ts';
import { joinRows, parityTable } from '../src/parity-reporter.ts';

test('a difference is relative to the largest value, or to the floor, and infinite for NaN', () => {
  expect(greatestDifference([1, 2.5, -4], [1, 2, -4])).toBe(0.125);
  expect(greatestDifference([0.5], [0], 2)).toBe(0.25);
  expect(greatestDifference([Number.NaN], [1])).toBe(Infinity);
  expect(greatestDifference([1], [1, 2])).toBe(Infinity);
  expect(() => close([1, 2.5], [1, 2], 0.25, 'x')).toThrow('x: largest error, relative to the largest value');
  expect(close([1, 2.5], [1, 2], 0.26, 'x')).toBe(0.25);
});

test('a test’s comparisons are in its row, even if the last one is closest to its limit', () => {
  const rows = parity('numbers', 'us');
  rows.close([1, 2], [1, 2], 1e-3, 'equal');
  rows.close([1, 2.5], [1, 2], 0.5, 'near');
  rows.close([1, 2.25], [1, 2], 10, 'far');
  parity('ids', 'us').same(Int32Array.of(1, 2, 3), [1, 2, 3], 'ids');
  expect(TestRunner.getCurrentTest()!.meta.parity).toEqual([
    { what: 'numbers', oracle: 'us', numbers: 6, difference: 0.25, allowed: 0.5 },
    { what: 'ids', oracle: 'us', numbers: 3, difference: 0, allowed: 0 },
  ]);
  expect(() => parity('ids', 'us').same([1], [2], 'ids')).toThrow();
  delete TestRunner.getCurrentTest()!.meta.parity; // nothing of the product was compared
});

test('rows of one comparison are joined, others are not', () => {
  const row = { what: 'a', oracle: 'o', file: 'f', numbers: 1000, difference: 1e-6, allowed: 1e-5 };
  const joined = joinRows([
    row,
    { ...row, numbers: 234, difference: 2e-6, allowed: 1e-4 },
    { ...row, oracle: 'p' },
    { ...row, what: 'b', difference: 0, allowed: 0 },
  ]);
  expect(parityTable(joined).split('\n').slice(2)).toEqual([
    '| a | o | 1,234 | 1.0e-6 | 1.0e-5 | `f` |',
    '| a | p | 1,000 | 1.0e-6 | 1.0e-5 | `f` |',
    '| b | o | 1,000 | equal | equal | `f` |',
  ]);
});
