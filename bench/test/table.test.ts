import { expect, test } from 'vitest';
import type { Row } from '../src/cell.ts';
import { markdownTable, short, terminalTable } from '../src/table.ts';

const row: Row = {
  op: 'matmul',
  shape: '8x8x8',
  library: 'curio',
  variant: 'nn',
  bestMs: 1.2345,
  medianMs: 12.345,
  gflops: 123.45,
  gbps: null,
  percentOfRoof: 4.5678,
};
const skipped: Row = {
  op: 'matmul',
  shape: '8x8x8',
  library: 'curio',
  variant: 'nn naive',
  bestMs: null,
  medianMs: null,
  gflops: null,
  gbps: null,
  percentOfRoof: null,
  skipped: 'skipped: predicted 4.0 s a run',
};

test('three significant digits', () => {
  expect([0.00012, 0.0123, 1.2345, 12.345, 123.45, 1234.5, 0].map((v) => short(v))).toEqual([
    '0.000',
    '0.012',
    '1.23',
    '12.3',
    '123',
    '1235',
    '0.000',
  ]);
  expect(short(null)).toBe('');
});

test('a table for the terminal is aligned and ends skipped rows with the reason', () => {
  expect(terminalTable([row, skipped]).split('\n')).toEqual([
    '  library  variant   best ms  median ms  GFLOP/s  GB/s  % of roof',
    '  curio    nn           1.23       12.3      123             4.57',
    '  curio    nn naive  skipped: predicted 4.0 s a run',
  ]);
});

test('a table for the page has op and shape in front', () => {
  expect(markdownTable([row]).split('\n')).toEqual([
    '| op | shape | library | variant | best ms | median ms | GFLOP/s | GB/s | % of roof |',
    '| --- | --- | --- | --- | --: | --: | --: | --: | --: |',
    '| matmul | 8x8x8 | curio | nn | 1.23 | 12.3 | 123 |  | 4.57 |',
  ]);
});

test('a row of ours is compared with the fastest other library at its op and shape', () => {
  const peer = (library: string, bestMs: number): Row => ({
    ...row,
    library,
    variant: '1.0',
    bestMs,
    percentOfRoof: null,
  });
  const lines = terminalTable([
    { ...row, bestMs: 2 },
    peer('slow', 30),
    peer('fast', 9),
    { ...peer('other shape', 1), shape: '4x4x4' },
  ]).split('\n');
  expect(lines.map((line) => /([\d.]+ ×)$/.exec(line)?.[1])).toEqual([
    undefined,
    '4.50 ×',
    undefined,
    undefined,
    undefined,
  ]);
});

test('PyTorch on the CPU has a column of its own, only where it was measured, and is no peer', () => {
  const other = (library: string, bestMs: number): Row => ({
    ...row,
    library,
    variant: '1.0',
    bestMs,
    percentOfRoof: null,
  });
  const ours = { ...row, bestMs: 2 };
  expect(markdownTable([ours, other('pytorch-cpu', 1)]).split('\n')).toEqual([
    '| op | shape | library | variant | best ms | median ms | GFLOP/s | GB/s | % of roof | PyTorch on the CPU |',
    '| --- | --- | --- | --- | --: | --: | --: | --: | --: | --: |',
    '| matmul | 8x8x8 | curio | nn | 2.00 | 12.3 | 123 |  | 4.57 | 0.500 × |',
    '| matmul | 8x8x8 | pytorch-cpu | 1.0 | 1.00 | 12.3 | 123 |  |  |  |',
  ]);
  const [head, first] = markdownTable([ours, other('pytorch-cpu', 1), other('tfjs', 9)])
    .split('\n')
    .filter((_, i) => i !== 1);
  expect(head).toContain('| best peer | PyTorch on the CPU |');
  expect(first).toContain('| 4.50 × | 0.500 × |');
  expect(markdownTable([ours, other('tfjs', 9)])).not.toContain('PyTorch');
});
