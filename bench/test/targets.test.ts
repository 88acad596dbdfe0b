/** What a run reached is held against what was due. */
import { expect, test } from 'vitest';
import type { Row } from '../src/cell.ts';
import { targetsTable } from '../src/targets.ts';

const row = (
  op: string,
  shape: string,
  library: string,
  variant: string,
  bestMs: number,
  percentOfRoof: number | null = null,
): Row => ({ op, shape, library, variant, bestMs, medianMs: bestMs, gflops: null, gbps: null, percentOfRoof });
const lineOf = (rows: readonly Row[], what: string): string =>
  targetsTable(rows)
    .split('\n')
    .find((line) => line.startsWith(`| ${what}`))!;

test('a percentage has a minimum target, a ratio a maximum', () => {
  const rows = [
    row('softmax forward', '4096x1024', 'curio', 'default', 4, 24.5),
    row('decode', '1x4096x4096', 'curio', 'f32', 4, 41),
    row('decode', '1x4096x4096', 'curio', 'int4', 2),
  ];
  expect(lineOf(rows, 'softmax 4096×1024 forward')).toBe(
    '| softmax 4096×1024 forward | ≥ 25 (35) % of copy | 24.5 | missed |',
  );
  expect(lineOf(rows, 'decode 1×4096×4096 f32')).toBe('| decode 1×4096×4096 f32 | ≥ 40 % of copy | 41.0 | met |');
  expect(lineOf(rows, 'decode int4')).toBe('| decode int4, of f32 | ≤ 0.55 × | 0.500 | met |');
  expect(lineOf(rows, 'decode NF4')).toBe('| decode NF4, of f32 | ≤ 0.55 × | – |  |');
});

test('of several sizes the worst counts, of layouts the best, of peers the fastest', () => {
  const sizes = ['512x512x512', '1024x1024x1024', '2048x2048x2048'];
  const rows = sizes.flatMap((shape, i) => [
    row('matmul', shape, 'curio', 'nn', 10, 30 - i),
    row('matmul', shape, 'curio', 'nt', 12, 25),
    row('matmul', shape, 'curio', 'tn', 8, 33 + i),
    row('matmul', shape, 'a', '1', 80),
    row('matmul', shape, 'b', '1', 64 + i),
    row('matmul', shape, 'pytorch-cpu', '1', 1),
  ]);
  expect(lineOf(rows, 'matmul 512³, 1024³, 2048³')).toContain('| 33.0 | met |');
  expect(lineOf(rows, 'matmul as called')).toContain('| 28.0 | met |');
  expect(lineOf(rows, 'matmul 512³ and 1024³')).toContain('| 8.00 | met |');
});
