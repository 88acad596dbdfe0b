/** The workbench on kernels that are broken on purpose. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { atPiece, checkText, compileText, targetsOf, timedShapes } from '@curio/engine/check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { otherTunings } from '../src/kernel/judge.ts';
import { kernelsNamed } from '../src/kernel/named.ts';
import { timingTable, tuningLine } from '../src/kernel/report.ts';
import { readKernel, readText } from '../src/kernel/source.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

test('a folder, a kernel and an op name their kernels', () => {
  expect(kernelsNamed('softmax')).toEqual([
    'rows/softmax_naive',
    'rows/softmax_shared',
    'rows/softmax_subgroup',
    'rows/softmax_subgroup_scalar',
  ]);
  expect(kernelsNamed('rows/softmax_naive')).toEqual(['rows/softmax_naive']);
  expect(kernelsNamed('rmsNorm')).toEqual([
    'rows/norm_columns',
    'rows/norm_columns_shared',
    'rows/norm_rms_naive',
    'rows/norm_rms_registers',
    'rows/norm_rms_shared',
    'rows/norm_rms_subgroup',
  ]);
  expect(kernelsNamed('nonsense')).toEqual([]);
});

test('a kernel is judged where it is forced, first in the op that it is named after', () => {
  const [first, ...others] = targetsOf(gpu, 'matmul/naive');
  expect(first!.table.op).toBe('matmul');
  expect([first!, ...others].every(({ choice }) => choice?.[1] === 'naive')).toBe(true);
  expect(others.some(({ table }) => table.op === 'linear')).toBe(true);
  expect(timedShapes(gpu, first!).map(({ shape }) => shape.label)).toContain('512 cubed');
});

test('a broken kernel: a word that does not compile, a wrong forward, a wrong backward', async () => {
  const [target] = targetsOf(gpu, 'rows/softmax_naive');
  const committed = readKernel('rows/softmax_naive');
  const broken = (from: string, to: string) => ({ ...committed, code: committed.code.replace(from, to) });
  const line = committed.code.split('\n').findIndex((text) => text.includes('total += exp_of(')) + 1;
  expect(await compileText(gpu, target!, broken('total += exp_of(', 'total += exq_of('), readText)).toMatch(
    new RegExp(`^kernels/rows/softmax_naive\\.wgsl:${line}:\\d+ .*exq`),
  );

  const judged = async (from: string, to: string) => {
    const now = broken(from, to);
    expect(await compileText(gpu, target!, now, readText)).toBeNull();
    return (
      await checkText(gpu, target!, target!.cases[0]!.cases, {
        choice: target!.choice,
        edited: { original: target!.kernel, now },
      })
    ).wrong;
  };
  expect(await judged('* scale + level', '* (0.5 * scale) + level')).toMatch(/: y\[0\] is 0\.5, expected 1 /);
  expect(await judged('(dy[i] - dot)', 'dy[i]')).toMatch(/: gradient of input 0\[\d+\] is /);
  expect(await judged('var top', 'var  top')).toBeNull();
  // Afterwards the committed text runs again.
  expect((await checkText(gpu, target!, target!.cases[0]!.cases, { choice: target!.choice })).wrong).toBeNull();
});

test('the other tunings are those that can run here and are not already chosen', () => {
  const [target] = targetsOf(gpu, 'matmul/block_scalar');
  expect(otherTunings(gpu, target!, target!.kernel)).toEqual([
    { ROWS: '64u', COLUMNS: '128u' },
    { ROWS: '128u', COLUMNS: '64u' },
    { ROWS: '128u', COLUMNS: '128u' },
  ]);
});

test('an error in a shared piece is named by its own file and line', () => {
  const kernel = { file: 'kernels/a/b.wgsl', code: '// uses: lib/one.wgsl, lib/two.wgsl\nline 2\n' };
  const pieces: Record<string, string> = { 'lib/one.wgsl': 'a\nb\n', 'lib/two.wgsl': 'c\nd\n' };
  // The text is the file's three lines, then both pieces with an empty line after each.
  const at = (line: number) => atPiece(`kernels/a/b.wgsl:${line}:5 wrong`, kernel, (piece) => pieces[piece] ?? null);
  expect(at(2)).toBe('kernels/a/b.wgsl:2:5 wrong');
  expect(at(4)).toBe('kernels/lib/one.wgsl:1:5 wrong');
  expect(at(7)).toBe('kernels/lib/two.wgsl:1:5 wrong');
  expect(atPiece('something else', kernel, readText)).toBe('something else');
});

test('the table compares all with the first row and leaves out empty columns', () => {
  const row = (variant: string, bestMs: number, gflops: number | null) => ({
    op: 'o',
    shape: 's',
    library: 'curio',
    variant,
    bestMs,
    medianMs: bestMs,
    gflops,
    gbps: null,
    percentOfRoof: null,
  });
  const timing = (what: string, forward: number, backward: number) => ({
    what,
    forward: row(what, forward, 10),
    backward: row(what, backward, null),
  });
  expect(timingTable('512 cubed', [timing('committed', 10, 20), timing('now', 8, 25)]).split('\n')).toEqual([
    '  512 cubed  forward ms  GFLOP/s  backward ms  against committed',
    '  committed        10.0     10.0         20.0',
    '  now              8.00     10.0         25.0    1.25 × / 0.80 ×',
  ]);
  expect(tuningLine('WG=32u', '512 cubed', timing('now', 10, 20), timing('WG=32u', 5, 20))).toBe(
    'WG=32u   5.00 ms / 20.0 ms at 512 cubed, 2.00 × / 1.00 × against the tuning that is chosen',
  );
});
