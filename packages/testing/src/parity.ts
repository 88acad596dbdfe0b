/**
 * @file Comparisons with an oracle. Each is checked, and measured for the table that `npm run parity` prints: what was
 * compared, with whom, and the greatest difference.
 */
import { expect, TestRunner } from 'vitest';

/** One line of the table; the tests of a file that name the same `what` share it. */
export interface ParityRow {
  readonly what: string;
  readonly oracle: string;
  /** Numbers compared. */
  numbers: number;
  /** Greatest difference, relative to the largest value of its tensor; and what that comparison allows. */
  difference: number;
  allowed: number;
}

declare module 'vitest' {
  interface TaskMeta {
    parity?: ParityRow[];
  }
}

/** What made most golden files, in the versions that make_goldens.py names. */
export const PYTORCH = 'PyTorch, transformers, PEFT';

/**
 * Largest |actual − expected|, divided by the largest |expected| or by `floor` where that is more; ∞ where a number is
 * NaN or a length differs.
 */
export function greatestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>, floor = 1e-3): number {
  if (actual.length !== expected.length) return Infinity;
  let [scale, worst] = [floor, 0];
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!) / scale;
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }
  return worst;
}

/** Expects `greatestDifference` below a tolerance. */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  name: string,
  floor?: number,
): number {
  expect(actual.length, name).toBe(expected.length);
  const difference = greatestDifference(actual, expected, floor);
  expect(difference, `${name}: largest error, relative to the largest value`).toBeLessThan(tolerance);
  return difference;
}

/** Comparisons of the running test that stand in one line of the table. */
export function parity(what: string, oracle: string) {
  const rows = (TestRunner.getCurrentTest()!.meta.parity ??= []);
  const row: ParityRow = { what, oracle, numbers: 0, difference: 0, allowed: 0 };
  rows.push(row);
  const add = (numbers: number, difference: number, allowed: number): void => {
    row.numbers += numbers;
    // The comparison that comes nearest to its limit is the one that is told.
    const near = (of: number, limit: number): number => (limit === 0 ? 0 : of / limit);
    if (row.allowed === 0 || near(difference, allowed) > near(row.difference, row.allowed))
      Object.assign(row, { difference, allowed });
  };
  return {
    /** `close`, noted. */
    close(...args: Parameters<typeof close>): void {
      add(args[1].length, close(...args), args[2]);
    },
    /** Expects the same numbers, such as ids or bytes. */
    same(actual: ArrayLike<number>, expected: ArrayLike<number>, name: string): void {
      expect(Array.from(actual), name).toEqual(Array.from(expected));
      add(expected.length, 0, 0);
    },
  };
}
