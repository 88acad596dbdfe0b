/** The table of a profile. */
import type { KernelTime } from '@curio/engine';
import { expect, test } from 'vitest';
import { profileTable } from '../src/run/profile.ts';

const kernel = (op: string | null, label: string, ms: number, gflops: number | null): KernelTime => ({
  op,
  label,
  count: 2,
  ms,
  share: ms / 10,
  gflops,
  gbps: 12.34,
  percentOfRoof: 41.2,
});

test('kernels are listed with their rates', () => {
  const summary = {
    dispatches: 4,
    busyMs: 10,
    gapMs: 0.25,
    kernels: [kernel('linear', 'matmul/tile:multiply', 7.5, 55.55), kernel(null, 'accumulate:add', 2.5, null)],
  };
  expect(profileTable(summary).split('\n')).toEqual([
    '  op      kernel                count    ms  % of busy  GFLOP/s  GB/s  % of roof',
    '  linear  matmul/tile:multiply      2  7.50       75.0     55.5  12.3         41',
    '          accumulate:add            2  2.50       25.0           12.3         41',
    '  4 dispatches, busy 10.0 ms, 0.3 ms between them',
  ]);
});

test('beyond 24 kernels the rest is one row', () => {
  const summary = {
    dispatches: 60,
    busyMs: 10,
    gapMs: 0,
    kernels: Array.from({ length: 30 }, (_, i) => kernel('op', `k${i}`, 0.1, null)),
  };
  const lines = profileTable(summary).split('\n');
  expect(lines).toHaveLength(1 + 24 + 1 + 1);
  expect(lines.at(-2)).toMatch(/6 others +12 +0\.60 +6\.0$/);
});
