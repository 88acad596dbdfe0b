/** @file Inputs with special values: infinities, NaN and the lowest finite number. */
import type { InputSpec } from './cases.ts';

/** The lowest finite f32, used by masks that avoid -∞. */
export const LOWEST = -3.4028234663852886e38;

/** Rows of n values by their contents. */
const ROWS: Readonly<Record<string, (c: number, n: number) => number>> = {
  lowest: () => LOWEST,
  'all -∞': () => -Infinity,
  'lowest or -∞': (c, n) => (c < n / 2 ? LOWEST : -Infinity),
  'one finite': (c, n) => (c === n - 1 ? 0.5 : -Infinity),
  'one NaN': (c, n) => (c === Math.floor(n / 2) ? NaN : (c * 7) % 5),
  'NaN last': (c, n) => (c === n - 1 ? NaN : -Infinity),
  'all ∞': () => Infinity,
  'some ∞': (c) => [1, Infinity, -Infinity][c % 3]!,
};

export type SpecialRow = keyof typeof ROWS;

/** float[rows, n] of the named rows; no gradient is measured, since differences of such numbers are meaningless. */
export const special = (n: number, names: readonly string[] = Object.keys(ROWS)): InputSpec => ({
  shape: [names.length, n],
  values: names.flatMap((name) => Array.from({ length: n }, (_, c) => ROWS[name]!(c, n))),
  needsGrad: false,
});

/** The same by columns: float[n, columns]. */
export function specialColumns(n: number, names?: readonly string[]): InputSpec {
  const {
    shape: [columns],
    values,
  } = special(n, names) as { shape: number[]; values: number[] };
  return {
    shape: [n, columns!],
    values: Array.from({ length: n * columns! }, (_, i) => values[(i % columns!) * n + Math.floor(i / columns!)]!),
    needsGrad: false,
  };
}

/** Rows whose squares overflow f32, and one of ordinary numbers. */
const OVERFLOWING: readonly ((c: number, n: number) => number)[] = [
  (c, n) => (c === Math.floor(n / 2) ? 1e38 : (c * 7) % 5),
  (c) => (c % 2 === 0 ? 3e38 : -3e38),
  () => 3e38,
  (c) => -1e20 * (1 + (c % 3)),
  (c) => (c * 7) % 5,
];

/** float[5, n]; no gradient is measured, since no step is right for 1 and for 1e38. */
export const overflowing = (n: number): InputSpec => ({
  shape: [OVERFLOWING.length, n],
  values: OVERFLOWING.flatMap((f) => Array.from({ length: n }, (_, c) => Math.fround(f(c, n)))),
  needsGrad: false,
});
