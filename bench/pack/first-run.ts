/**
 * @file ./pack first-run: measures in a few minutes everything that matters on a GPU, in parts by importance, saves
 * results as they come, and prints one table against the goals.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { adapterPart } from '../src/first-run/parts/adapter-part.ts';
import { attentionPart } from '../src/first-run/parts/attention-part.ts';
import { goalsTable } from '../src/first-run/goals.ts';
import type { PartOptions } from '../src/first-run/parts/part-options.ts';
import { LEAST_SECONDS, PARTS, secondsFor } from '../src/first-run/plan.ts';
import type { PartPlan } from '../src/first-run/plan.ts';
import { productsPart, togglePart } from '../src/first-run/parts/products-part.ts';
import { ResultsFolder } from '../src/first-run/results-file.ts';
import type { PartResult } from '../src/first-run/results-file.ts';
import { roofsPart } from '../src/first-run/parts/roofs-part.ts';
import { rowsPart } from '../src/first-run/parts/rows-part.ts';
import { stepsPart } from '../src/first-run/parts/steps-part.ts';
import { Deadline } from '../src/first-run/deadline.ts';
import { tuningPart } from '../src/first-run/parts/tuning-part.ts';
import { killAll, runWatched } from '../src/first-run/watchdog.ts';
import type { Ended } from '../src/first-run/watchdog.ts';

const HELP = `./pack first-run --out DIR [--budget SECONDS] [--only a,d,j] [--scale small]

  --out DIR          results.json, log.txt, table.txt and train.tar.gz go there; results.json is whole after every part
  --budget SECONDS   default 420; parts that do not fit are named
  --only LETTERS     ${PARTS.map(({ letter, name }) => `${letter} ${name}`).join(', ')}
  --scale small      tiny sizes, to rehearse on a software adapter
  CURIO_PYTHON       the python3 with torch
`;

/** Parts that run in this program, each in a process of its own. */
const RUNS: Readonly<Record<string, (options: PartOptions) => Promise<void>>> = {
  adapter: adapterPart,
  roofs: roofsPart,
  products: productsPart,
  attention: attentionPart,
  rows: rowsPart,
  steps: stepsPart,
  tuning: tuningPart,
  'toggle disable_robustness': togglePart('disable_robustness'),
  'toggle disable_workgroup_init': togglePart('disable_workgroup_init'),
};
/** A part stops itself this many seconds before it would be killed. */
const MARGIN = 4;
/**
 * A choice of kernels, or a job, that takes this long is abandoned, and its part continues with the next: a driver may
 * take minutes to compile a kernel.
 */
const ATTEMPT_SECONDS = 25;
/** How often a part is started if its process crashes. */
const MAX_STARTS = 4;
/** Processes that share the correctness cases, whose float64 reference takes longest. */
const MAX_SHARES = 6;

const here = dirname(resolve(process.argv[1]!));
const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    budget: { type: 'string', default: '420' },
    only: { type: 'string' },
    scale: { type: 'string', default: 'full' },
    part: { type: 'string' },
    seconds: { type: 'string' },
    results: { type: 'string' },
    help: { type: 'boolean' },
  },
});

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/** A program in the pack, or in the repository. */
const program = (file: string, ...args: string[]): Command => ({
  command: process.execPath,
  args: [...process.execArgv, file, ...args],
});

const ownPart = (which: string, seconds: number, file: string): Command =>
  program(
    process.argv[1]!,
    '--part',
    which,
    '--seconds',
    `${Math.max(1, seconds)}`,
    '--scale',
    values.scale,
    '--results',
    file,
  );

/** The processes of the other parts; those of one part run side by side. */
function commandsOf(name: string, seconds: number, folder: string): Command[] {
  const own = Math.max(1, seconds - MARGIN);
  const isSmall = values.scale === 'small';
  if (name === 'correctness') {
    const shares = Math.max(1, Math.min(MAX_SHARES, Math.floor(availableParallelism() / 2)));
    return Array.from({ length: shares }, (_, i) =>
      program(
        join(here, `check${extname(process.argv[1]!)}`),
        '--share',
        `${i + 1}/${shares}`,
        '--matrix-units',
        '--budget',
        `${own}`,
        ...(isSmall ? ['--only', '^(softmax|matmul)$'] : []),
      ),
    );
  }
  if (name === 'training') {
    const cli = [join(here, '../../apps/trainer/dist/cli.js'), join(here, '../../apps/trainer/src/cli.ts')].find(
      existsSync,
    )!;
    return [{ ...program(cli, 'train', '--profile', ...(isSmall ? ['--preset', 'quick'] : [])), cwd: folder }];
  }
  if (name === 'pytorch')
    return [
      {
        command: process.env.CURIO_PYTHON ?? 'python3',
        args: [join(here, 'torch_bench.py'), '--seconds', `${own}`, ...(isSmall ? ['--small', '--device', 'cpu'] : [])],
      },
    ];
  return [];
}

async function runPart(results: ResultsFolder, plan: PartPlan, seconds: number): Promise<void> {
  const say = (line: string): void => (console.log(line), results.log(line));
  const folder = mkdtempSync(join(tmpdir(), 'curio-first-run-'));
  say(`\n=== ${plan.letter} ${plan.name}, at most ${Math.round(seconds)} s`);
  results.begin(plan.name);
  const began = performance.now();
  const watch = (command: Command, limitSeconds: number, attemptSeconds?: number): Promise<Ended> =>
    runWatched({ ...command, limitSeconds, attemptSeconds, onLine: say, onReport: (report) => results.add(report) });
  /** A part that crashes is restarted without what it crashed on. */
  const watchOwn = async (which: string, limit: number): Promise<Ended> => {
    const end = performance.now() + 1000 * limit;
    for (let starts = 1; ; starts++) {
      const left = (end - performance.now()) / 1000;
      const ended = await watch(ownPart(which, left - MARGIN, results.file), left, ATTEMPT_SECONDS);
      if (ended.unfinished) results.add(ended.unfinished);
      if (!ended.crashed || starts === MAX_STARTS || end - performance.now() < 1000 * LEAST_SECONDS) return ended;
      say(`=== ${which}: ${ended.failed}; it is started again`);
      results.write();
    }
  };
  const ended: Ended[] = [];
  const toggles = plan.name === 'toggles' ? Object.keys(RUNS).filter((name) => name.startsWith('toggle ')) : [];
  for (const toggle of toggles) ended.push(await watchOwn(toggle, seconds / toggles.length));
  if (plan.name in RUNS) ended.push(await watchOwn(plan.name, seconds));
  else
    ended.push(
      ...(await Promise.all(commandsOf(plan.name, seconds, folder).map((command) => watch(command, seconds)))),
    );
  const took = (performance.now() - began) / 1000;
  const failed = ended.flatMap((each) => each.failed ?? []).join('; ') || null;
  if (plan.name === 'training') keepTraining(results, folder, took, failed);
  rmSync(folder, { recursive: true, force: true });
  results.end(took, failed);
  say(`=== ${plan.name}: ${failed ?? 'done'}, ${took.toFixed(1)} s`);
}

/** The files of the training run, and how long it took in total. */
function keepTraining(results: ResultsFolder, folder: string, seconds: number, failed: string | null): void {
  if (failed === null) results.add({ fact: 'training seconds', value: seconds });
  const runs = join(folder, 'runs');
  for (const run of existsSync(runs) ? readdirSync(runs) : []) {
    const summary = join(runs, run, 'summary.json');
    if (existsSync(summary))
      results.add({ fact: 'training summary', value: JSON.parse(readFileSync(summary, 'utf8')) });
  }
  if (!existsSync(runs)) return;
  const packed = spawnSync(
    'tar',
    ['-czf', join(results.folder, 'train.tar.gz'), '--exclude=*.safetensors', '--exclude=*.png', '-C', folder, 'runs'],
    { encoding: 'utf8' },
  );
  if (packed.status !== 0)
    results.log(`first-run: what the training wrote was not kept: ${packed.stderr || packed.error?.message}`);
}

async function orchestrate(out: string): Promise<number> {
  const wanted = values.only?.split(',').map((each) => each.trim());
  const unknown = wanted?.find((each) => !PARTS.some(({ letter, name }) => each === letter || each === name));
  if (unknown !== undefined)
    throw new Error(
      `first-run: there is no part '${unknown}'; --only takes ${PARTS.map(({ letter }) => letter).join(', ')}.`,
    );
  const parts = PARTS.filter(({ letter, name }) => !wanted || wanted.includes(letter) || wanted.includes(name));
  const end = performance.now() + 1000 * Number(values.budget);
  const results = new ResultsFolder(resolve(out));
  const finish = (): void => {
    const table = `${goalsTable(results.reports)}\n\n${endings(results.parts)}`;
    results.close(table);
    console.log(`\n${table}`);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      killAll();
      finish();
      process.exit(130);
    });
  }
  for (const [i, plan] of parts.entries()) {
    const seconds = secondsFor(plan, parts.slice(i + 1), (end - performance.now()) / 1000);
    if (seconds >= LEAST_SECONDS) await runPart(results, plan, seconds);
    else {
      results.begin(plan.name);
      results.end(0, `it was not begun: ${Math.max(0, Math.round(seconds))} s were left for it`);
    }
  }
  finish();
  return results.parts.some(({ failed }) => failed) ? 1 : 0;
}

/** How each part ended, and what failed inside. */
function endings(parts: readonly PartResult[]): string {
  return parts
    .map(({ name, seconds, failed, reports }) => {
      const inside = reports.flatMap((report) =>
        'fact' in report
          ? report.fact.startsWith('failed: ')
            ? [`    ${report.fact}: ${String(report.value)}`]
            : []
          : report.failed
            ? [`    ${report.op} ${report.shape} ${report.variant}: ${report.failed}`]
            : [],
      );
      return [
        `${name.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s  ${failed ?? 'done'}`,
        ...inside.slice(0, 12),
        ...(inside.length > 12 ? [`    and ${inside.length - 12} more in results.json`] : []),
      ].join('\n');
    })
    .join('\n');
}

if (values.help || (!values.out && !values.part)) {
  console.log(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  try {
    if (values.part) {
      const known = values.results
        ? (JSON.parse(readFileSync(values.results, 'utf8')) as { parts: PartResult[] }).parts.flatMap(
            ({ reports }) => reports,
          )
        : [];
      await RUNS[values.part]!({
        scale: values.scale === 'small' ? 'small' : 'full',
        deadline: new Deadline(Number(values.seconds ?? '1e6')),
        known,
      });
    } else process.exitCode = await orchestrate(values.out!);
  } catch (error) {
    console.error(error instanceof Error ? error.message.split('\n')[0] : String(error));
    process.exitCode = 3;
  }
}
