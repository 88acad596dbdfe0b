/** The first run: how seconds are shared, what becomes of parts that fail, what the table says. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linear, openGpu, empty, noGrad } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { opTable } from '@curio/engine/check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { choicesOf, compiles, AS_CALLED } from '../src/first-run/choices.ts';
import type { Choice, Families } from '../src/first-run/choices.ts';
import { timesOf } from '../src/first-run/device-times.ts';
import { goalsTable } from '../src/first-run/goals.ts';
import { knownEntry } from '../src/first-run/known.ts';
import { PARTS, secondsFor } from '../src/first-run/plan.ts';
import { finding } from '../src/first-run/report.ts';
import type { Report } from '../src/first-run/report.ts';
import { ResultsFolder } from '../src/first-run/results-file.ts';
import type { PartResult } from '../src/first-run/results-file.ts';
import { runWatched } from '../src/first-run/watchdog.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const rehearse = (dry: Gpu): void =>
  dry.scope(() => void noGrad(() => linear(empty(dry, [64, 32]), empty(dry, [48, 32]))));

const watch = async (script: string, limitSeconds = 20, attemptSeconds?: number) => {
  const [reports, lines]: [Report[], string[]] = [[], []];
  const ended = await runWatched({
    command: process.execPath,
    args: ['-e', script],
    limitSeconds,
    attemptSeconds,
    onLine: (line) => lines.push(line),
    onReport: (report) => reports.push(report),
  });
  return { ...ended, reports, lines };
};

test('a part gets its limit plus what earlier ones left over, and PyTorch keeps its share', () => {
  const total = PARTS.reduce((sum, { limit }) => sum + limit, 0);
  expect(total).toBe(435);
  expect(secondsFor(PARTS[0]!, PARTS.slice(1), total)).toBe(PARTS[0]!.limit);
  expect(secondsFor(PARTS[3]!, PARTS.slice(4), total)).toBeGreaterThan(PARTS[3]!.limit);
  const pytorch = PARTS.findIndex(({ name }) => name === 'pytorch');
  const { limit } = PARTS[pytorch]!;
  expect(secondsFor(PARTS[4]!, PARTS.slice(5), limit + 10)).toBe(10);
  expect(secondsFor(PARTS[pytorch]!, PARTS.slice(pytorch + 1), limit)).toBe(limit);
});

test('a part reports, and a line that it did not finish is skipped', async () => {
  const { failed, reports, lines } = await watch(
    `const { writeSync } = require('fs'); console.log('hello'); writeSync(3, '{"fact":"a","value":1}\\n{"fact":'); process.stdout.write('end')`,
  );
  expect({ failed, reports, lines }).toEqual({
    failed: null,
    reports: [{ fact: 'a', value: 1 }],
    lines: ['hello', 'end'],
  });
});

test('a part that takes too long is ended with its child processes, and reports what it was doing', async () => {
  const script = `require('fs').writeSync(3, '{"ifItEnds":{"fact":"failed: x","value":"over it"}}\\n');
    const child = require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']); console.log(child.pid); setTimeout(() => {}, 60000)`;
  const { failed, crashed, unfinished, lines, seconds } = await watch(script, 1);
  expect({ failed, crashed, unfinished }).toEqual({
    failed: 'it was ended after 1 s',
    crashed: false,
    unfinished: { fact: 'failed: x', value: 'over it' },
  });
  expect(seconds).toBeLessThan(10);
  await expect.poll(() => readState(Number(lines[0]))).toMatch(/^(gone|Z)$/);
});

/** Of a process: gone, or the letter that the kernel has for it. */
function readState(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0]!;
  } catch {
    return 'gone';
  }
}

test('a part that is stuck is ended so that another process can continue', async () => {
  const script = `const say = (text) => require('fs').writeSync(3, text + '\\n'); say('{"ifItEnds":{"fact":"failed: a","value":""}}'); say('{"fact":"done: a","value":true}');
    setTimeout(() => { say('{"ifItEnds":{"fact":"failed: b","value":""}}'); setTimeout(() => {}, 60000); }, 800)`;
  const { failed, crashed, unfinished, seconds } = await watch(script, 30, 0.5);
  expect({ failed, crashed, unfinished }).toEqual({
    failed: 'it was ended since one thing that it tried took 0.5 s',
    crashed: true,
    unfinished: { fact: 'failed: b', value: '' },
  });
  expect(seconds).toBeGreaterThan(1);
});

test('a part that crashes, fails or does not start gives the reason', async () => {
  expect(
    await watch(
      `require('fs').writeSync(3, '{"ifItEnds":{"fact":"failed: y","value":"over it"}}\\n{"fact":"done: y","value":true}\\n'); process.kill(process.pid, 'SIGSEGV')`,
    ),
  ).toMatchObject({ failed: 'it was ended by SIGSEGV', crashed: true, unfinished: null });
  expect(await watch(`console.error('torch is missing'); process.exit(2)`)).toMatchObject({
    failed: 'it ended with code 2: torch is missing',
    crashed: false,
  });
  const none = await runWatched({
    command: '/no/such/python3',
    args: [],
    limitSeconds: 5,
    onLine: () => {},
    onReport: () => {},
  });
  expect(none.failed).toMatch(/^it did not start: /);
});

test('results are saved completely, part by part', () => {
  const folder = mkdtempSync(join(tmpdir(), 'curio-results-'));
  const results = new ResultsFolder(folder);
  const read = () =>
    JSON.parse(readFileSync(results.file, 'utf8')) as {
      parts: { name: string; failed: string | null; reports: Report[] }[];
    };
  results.begin('roofs');
  results.add({ fact: 'a', value: 1 });
  results.write();
  expect(read().parts).toMatchObject([
    { name: 'roofs', failed: 'it was running when this was written', reports: [{ fact: 'a' }] },
  ]);
  results.end(3, null);
  results.close('table');
  expect(read().parts).toMatchObject([{ name: 'roofs', failed: null, reports: [{ fact: 'a' }] }]);
  expect(readdirSync(folder).sort()).toEqual(['log.txt', 'results.json', 'table.txt']);
});

test("every variant that fits is a choice, with its table's default tuning", async () => {
  const choices = choicesOf(gpu, { 'matmul nt': (opTable('linear').families as Families)['matmul nt']! }, rehearse);
  const blocks = choices.filter(({ forced }) => forced['matmul nt'] === 'block');
  expect(blocks[0]).toEqual({ name: 'block', forced: { 'matmul nt': 'block' }, tuned: {}, halves: false, changes: [] });
  expect(blocks.length).toBeGreaterThan(1);
  expect(choices.some(({ forced }) => ['naive', 'gemv'].includes(forced['matmul nt']!))).toBe(false);
  for (const choice of [AS_CALLED, ...choices.slice(0, 3), ...blocks.slice(0, 2)])
    expect(await compiles(gpu, choice, rehearse)).toBeNull();
});

test('a kernel that does not compile gives a sentence, and the device stays usable', async () => {
  const { kernel } = (opTable('linear').families as Families)['matmul nt']!.tile!;
  const broken = (dry: Gpu): void => {
    dry.kernels.replacements.useKernel(kernel, {
      ...kernel,
      code: kernel.code.replace('fn multiply(', 'fn multiply(nonsense '),
    });
    rehearse(dry);
  };
  expect(await compiles(gpu, { ...AS_CALLED, forced: { 'matmul nt': 'tile' } }, broken)).toMatch(
    /^does not compile: kernels\/matmul\/tile\.wgsl:\d+:\d+ /,
  );
  const [x, w] = [empty(gpu, [64, 32]), empty(gpu, [48, 32])];
  const { bestMs, medianMs } = await timesOf(gpu, () => noGrad(() => linear(x, w)));
  expect(bestMs).toBeGreaterThan(0);
  expect(medianMs).toBeGreaterThanOrEqual(bestMs);
});

test('the table compares ours, as called and at best, with the target', () => {
  const ms = (library: 'curio' | 'pytorch', op: string, variant: string, bestMs: number): Report => ({
    ...finding(op, '4096x4096x4096', variant, { flops: 2 * 4096 ** 3 }, { bestMs, medianMs: bestMs }),
    library,
  });
  const table = goalsTable([
    ms('curio', 'matmul nn', 'as called', 10),
    ms('curio', 'matmul nn', 'tile T=4', 4),
    ms('curio', 'matmul nn', 'f16 matrix units', 1),
    ms('pytorch', 'matmul nn', 'f32', 3),
    ms('pytorch', 'matmul nn', 'f16', 0.1),
  ]);
  const line = (goal: string): string =>
    table
      .split('\n')
      .find((each) => each.startsWith(goal))!
      .replace(/ {2,}/g, ' | ');
  expect(line('f32 matmul nn 4096³')).toBe(
    'f32 matmul nn 4096³ of cuBLAS f32 | 13.7 | 34.4 | 45.8 | TFLOP/s | 30.0 % | 75.0 % | ≥ 60 % | met by another choice',
  );
  expect(line('f16 matrix units nn')).toMatch(/10\.0 % \| 10\.0 % \| ≥ 20 % \| missed$/);
  expect(line('neg of the fastest copy')).toMatch(/not measured$/);
});

test('the entry of a known GPU has what was 5 % faster than the op itself, and nothing else', () => {
  const tuned = { 'matmul/block': { GROUP: '1u' } };
  const block = { ...AS_CALLED, forced: { 'matmul nt': 'block' } };
  const ms = (op: string, shape: string, choice: Choice, bestMs: number): Report =>
    finding(op, shape, choice.name, {}, { bestMs, medianMs: bestMs }, choice);
  const reports: Report[] = [
    { fact: 'adapter', value: { vendor: 'amd', architecture: 'rdna-3', device: '' } },
    ms('matmul nt', '4096x4096x100', AS_CALLED, 2),
    ms('matmul nt', '4096x4096x100', { ...block, name: 'block' }, 2.01),
    ms('matmul nt', '4096x4096x100', { ...block, name: 'block GROUP=1', changes: ['GROUP=1'], tuned }, 1.6),
    ms('matmul nt', '64x64x64', AS_CALLED, 1),
    ms('matmul nt', '64x64x64', { ...block, name: 'block' }, 0.97),
    ms('attention forward', '8x512x64', AS_CALLED, 1),
    ms('attention forward', '8x512x64', { ...AS_CALLED, name: 'shared', forced: { attention: 'shared' } }, 0.5),
    {
      fact: 'measured choices: a step',
      value: {
        times: [
          { key: 'rmsNorm forward | rows9 cols12', ms: { shared: 2, subgroup: 1.5 } },
          { key: 'rmsNorm backward | rows9 cols12', ms: { shared: 2, subgroup: 1.95 } },
        ],
      },
    },
  ];
  expect(knownEntry({ began: '', parts: [{ name: 'all', reports } as unknown as PartResult] })).toBe(
    `{
  vendor: 'amd',
  architecture: 'rdna-3',
  variants: {
    'attention forward': [
      // attention forward 8x512x64, shared: 0.5000 ms instead of 1.0000, 100.0 %
      {"when":"batch0 heads3 tokens9 width6","variant":"shared"},
    ],
    'rmsNorm forward': [
      // subgroup: 1.5000 ms instead of 2.0000 by shared, 33.3 %
      {"when":"rows9 cols12","variant":"subgroup"},
    ],
  },
  tunings: {
    'matmul/block multiply': [
      // matmul nt 4096x4096x100, block GROUP=1: 1.6000 ms instead of 2.0000, 25.0 %
      {"when":"layout=nt M12 N12 K7 batches0 format=F32","tuning":{"GROUP":"1u"}},
    ],
  },
},`,
  );
});
