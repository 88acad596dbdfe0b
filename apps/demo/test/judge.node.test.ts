/** The kernel lab's judging, without the page: broken texts are refused at the fault, right ones are timed. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gallery, textOf } from '../src/lab/gallery.ts';
import { guarded } from '../src/lab/guard.ts';
import { LabBench } from '../src/lab/judge.ts';
import type { Report } from '../src/lab/messages.ts';
import { kernelNames, ownText, texts } from '../src/lab/texts.ts';

let gpu: Gpu;
let bench: LabBench;
beforeAll(async () => {
  gpu = await openGpu();
  bench = new LabBench(gpu, texts);
});
afterAll(() => gpu.close());

async function judged(kernel: string, text: string, sign: () => void = () => {}): Promise<Report[]> {
  const reports: Report[] = [];
  await bench.judge({ kernel, text }, (report) => reports.push(report), sign);
  return reports.filter(({ kind }) => kind !== 'stage');
}
const lineOf = (text: string, part: string): number => text.split('\n').findIndex((line) => line.includes(part)) + 1;

test('has every kernel with its own text', () => {
  expect(kernelNames.length).toBeGreaterThan(80);
  expect(kernelNames).toContain('rows/softmax_naive');
  expect(kernelNames.some((name) => name.startsWith('lib/'))).toBe(false);
  expect(ownText('rows/softmax_naive')).toMatch(/^\/\/ rows\/softmax_naive: over the last axis/);
});

test('names the line of what does not compile, in the text or in a shared piece', async () => {
  const own = ownText('rows/softmax_naive');
  const typo = own.replace('var top = LEAST', 'var top = LAEST');
  expect(await judged('rows/softmax_naive', typo)).toEqual([
    {
      kind: 'fault',
      fault: {
        kind: 'compile',
        at: { file: 'rows/softmax_naive.wgsl', line: lineOf(own, 'var top = LEAST'), column: 13 },
        message: "unresolved value 'LAEST'",
      },
    },
  ]);
  const [unclosed] = await judged('rows/softmax_naive', own.slice(0, own.lastIndexOf('}')));
  expect(unclosed).toMatchObject({ fault: { kind: 'compile', message: "'{' is never closed." } });
  const piece = { ...texts, 'lib/special_values.wgsl': `${texts['lib/special_values.wgsl']}\nfn odd() { let a = b; }` };
  const reports: Report[] = [];
  const odd = new LabBench(gpu, piece);
  await odd.judge(
    { kernel: 'rows/softmax_naive', text: own },
    (report) => reports.push(report),
    () => {},
  );
  const { length } = piece['lib/special_values.wgsl']!.split('\n');
  expect(reports.at(-1)).toMatchObject({ fault: { at: { file: 'lib/special_values.wgsl', line: length } } });
});

test('names the first wrong element, forward and backward', async () => {
  const own = ownText('rows/softmax_naive');
  const wrong = async (from: string, to: string): Promise<string> => {
    const reports = await judged('rows/softmax_naive', own.replace(from, to));
    expect(reports.map(({ kind }) => kind)).toEqual(['fault']);
    const [report] = reports as [Extract<Report, { kind: 'fault' }>];
    expect(report.fault.kind).toBe('wrong');
    return report.fault.message;
  };
  expect(await wrong('* scale + level', '* (0.5 * scale) + level')).toMatch(
    /^softmax, naive, .*: y\[0\] is 0\.5, expected 1 /,
  );
  expect(await wrong('(dy[i] - dot)', 'dy[i]')).toMatch(/^softmax, naive, .*: gradient of input 0\[\d+\] is /);
});

test('checks a right text in every case and times it beside the others and the roof', async () => {
  const kernel = 'rows/norm_rms_naive';
  const reports = await judged(kernel, `${ownText(kernel)}\n// mine`);
  expect(reports.map(({ kind }) => kind)).toEqual(['agrees', 'timed', 'agrees', 'right']);
  const timed = reports.find((report) => report.kind === 'timed')!;
  const [forward, backward] = timed.figures;
  expect(forward!.direction).toBe('forward');
  expect(forward!.figures.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['yours', 'own', 'other', 'roof']));
  expect(forward!.figures.slice(0, 2).map(({ name }) => name)).toEqual(['yours', 'Curio’s own']);
  expect(backward!.direction).toBe('backward');
  for (const { ms } of [...forward!.figures, ...backward!.figures]) expect(ms).toBeGreaterThan(0);
  const right = reports.at(-1) as Extract<Report, { kind: 'right' }>;
  expect(right.swap.choices).toEqual([['rmsNorm', 'naive']]);
  expect(right.swap.kernel.name).toBe(kernel);
  expect(structuredClone(right.swap)).toEqual(right.swap);
});

test('says when nothing runs a kernel, and ends when told to', async () => {
  expect(await judged('roof/multiply_add', ownText('roof/multiply_add'))).toEqual([
    {
      kind: 'fault',
      fault: {
        kind: 'unused',
        at: null,
        message:
          'No op runs roof/multiply_add on this device with the sizes of the checks, so it cannot be judged here.',
      },
    },
  ]);
  let signs = 0;
  const stop = (): void => {
    if (++signs > 3) throw new Error('stopped');
  };
  await expect(judged('matmul/naive', ownText('matmul/naive'), stop)).rejects.toThrow('stopped');
  expect(gpu.kernels.forced.size).toBe(0);
});

const SLOW = `
fn slow(v: f32) -> f32 {
  var sum = 0.0;
  for (var b = 0u; b < 1000000u; b++) { sum += v; }
  return sum;
}`;

test('ends endless loops, and does not affect others', async () => {
  const own = ownText('rows/softmax_naive');
  const endless = own.replace('i++) { top = max(top, x[i]); }', 'i += 0u) { top = max(top, x[i]); }');
  const reports = await judged('rows/softmax_naive', endless);
  expect(reports).toHaveLength(1);
  expect((reports[0] as Extract<Report, { kind: 'fault' }>).fault.message).toMatch(
    /^softmax, naive, .*: y\[0\] is NaN, expected .*; a loop that does not end leaves its results unwritten$/,
  );
  const text =
    'fn f() {\n  for (var i = 0u; i < g(2u); i++) { /* for ( */ a(); }\n}\nfn h() -> u32 { while (true) { } return 1u; }';
  expect(guarded(text, 'each').split('\n')).toEqual([
    'fn f() {',
    '  var lab_rounds_0 = 0u; for (var i = 0u; i < g(2u); i++) { lab_rounds_0++; if (lab_rounds_0 > 1048576u) { return; } /* for ( */ a(); }',
    '}',
    'fn h() -> u32 { var lab_rounds_1 = 0u; while (true) { lab_rounds_1++; if (lab_rounds_1 > 1048576u) { break; } } return 1u; }',
  ]);
  expect(guarded(text, 'loop alone')).not.toContain('return; }');
  expect(guarded(text, 'together').split('\n')).toEqual([
    'fn f() {',
    '  for (var i = 0u; i < g(2u); i++) { lab_rounds++; if (lab_rounds > 1048576u) { return; } /* for ( */ a(); }',
    '}',
    'fn h() -> u32 { while (true) { lab_rounds++; if (lab_rounds > 1048576u) { break; } } return 1u; }',
    'var<private> lab_rounds = 0u;',
    '',
  ]);
  expect(guarded('fn f() { }', 'together')).toBe('fn f() { }');
});

test.each([
  ['in each other', 'for (var a = 0u; a < 1000000u; a++) { for (var b = 0u; b < 1000000u; b++) { top += x[i]; } }', ''],
  ['in a function that a loop calls', 'for (var a = 0u; a < 1000000u; a++) { top += slow(x[i]); }', SLOW],
])('ends loops that end late %s', async (_, loops, more) => {
  const late = `${ownText('rows/softmax_naive').replace('top = max(top, x[i]);', loops)}${more}`;
  const reports = await judged('rows/softmax_naive', late);
  expect(reports).toHaveLength(1);
  expect((reports[0] as Extract<Report, { kind: 'fault' }>).fault.message).toMatch(
    /^softmax, naive, .*: y\[0\] is NaN, expected .*; a loop that does not end leaves its results unwritten$/,
  );
});

test('its gallery is broken where it says so, and nowhere else', async () => {
  for (const { kernel, change } of gallery.flatMap(({ entries }) => entries)) {
    expect(kernelNames).toContain(kernel);
    if (!change) continue;
    expect(ownText(kernel).split(change[0])).toHaveLength(2);
    const reports = await judged(kernel, textOf({ kernel, change }));
    expect(reports.at(-1)).toMatchObject({ kind: 'fault', fault: { kind: 'wrong' } });
  }
  expect(gallery.map(({ entries }) => entries.map(({ title }) => title))).toEqual([
    ['Broken on purpose', 'Naive', 'Fast'],
    ['Broken on purpose', 'Naive', 'Fast'],
  ]);
});
