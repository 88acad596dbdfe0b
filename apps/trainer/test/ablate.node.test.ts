/**
 * The ablation: its test and spread by hand, its tables from runs made up here, and the command as a user runs it,
 * killed in the middle.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PRESETS } from '@curio/model';
import { expect, test } from 'vitest';
import { cellName, cellsOf, TABLES } from '../src/ablate/cells.ts';
import { compareAll } from '../src/ablate/compare.ts';
import { differenceText, shareText } from '../src/ablate/markdown.ts';
import { holm, pairedTest, spreadOf } from '../src/ablate/paired-test.ts';
import { writeReport } from '../src/ablate/report.ts';
import { loadConfig } from '../src/config/load.ts';
import { answerSets } from '../src/eval/scene-sets.ts';
import type { Opened } from '../src/train/evaluate.ts';
import { writeAtomic } from '../src/run/files.ts';
import { line, readLines } from '../src/run/log.ts';
import { runCurio, stepsOf, TINY, whenever } from './curio.ts';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'curio-ablate-'));

test('the paired test is McNemar’s for right and wrong answers', () => {
  const pairs = (better: number, worse: number): number[] => [
    ...Array(better).fill(1),
    ...Array(worse).fill(-1),
    ...Array(20).fill(0),
  ];
  // 2 · (C(12, 0) + C(12, 1) + C(12, 2)) / 2^12
  expect(pairedTest(pairs(10, 2))).toBeCloseTo((2 * (1 + 12 + 66)) / 4096, 14);
  expect(pairedTest(pairs(2, 10))).toBe(pairedTest(pairs(10, 2)));
  expect(pairedTest(pairs(5, 5))).toBe(1);
  expect(pairedTest([])).toBe(1);
  // 2 · Σ C(1000, k) / 2^1000 for k ≤ 450, as scipy.stats.binomtest(450, 1000).pvalue has it
  expect(pairedTest(pairs(550, 450))).toBeCloseTo(0.0017305360849, 10);
});

test('the paired test counts all assignments of signs', () => {
  const differences = [3, -1, 2, 2, 0, -3, 1, 2, 1];
  const observed = Math.abs(differences.reduce((a, b) => a + b, 0));
  let far = 0;
  for (let signs = 0; signs < 2 ** differences.length; signs++) {
    const sum = differences.reduce((total, x, i) => total + ((signs >> i) & 1 ? x : -x), 0);
    if (Math.abs(sum) >= observed) far++;
  }
  expect(pairedTest(differences)).toBeCloseTo(far / 2 ** differences.length, 14);
});

test('spread over seeds and Holm’s method', () => {
  expect(spreadOf([2, 4, 9])).toEqual({ mean: 5, deviation: Math.sqrt(13) });
  expect(spreadOf([2])).toEqual({ mean: 2, deviation: null });
  const raised = holm([0.01, 0.04, 0.03, 0.005]);
  [0.03, 0.06, 0.06, 0.02].forEach((p, i) => expect(raised[i]).toBeCloseTo(p, 12));
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
});

test('rows differ only in what they name, and tables share cells', () => {
  const cells = cellsOf(TABLES, [1, 2]);
  // Baseline, three alone, three pairs, all; sq_r 0 is a pair and .5 all, 16 prototypes are all.
  expect(cells.length).toBe(2 * (8 + 2 + 2));
  expect(cells.slice(0, 12).every(({ seed }) => seed === 1)).toBe(true);
  const of = (name: string) => {
    const { overrides } = cells.find((cell) => cell.name === name)!;
    const { seed, model, train } = loadConfig({ preset: 'small', overrides });
    const trained = train.stage2.trainable.map(([pattern]) => pattern);
    return {
      seed,
      projector: model.projector,
      visionLora: model.visionLora?.r ?? null,
      sqR: train.stage2.sqR,
      trained,
    };
  };
  const baseline = of('mlp-sq-0-seed-2');
  expect(baseline).toMatchObject({ seed: 2, projector: { kind: 'mlp2x_gelu' }, visionLora: null, sqR: 0 });
  const all = of('prototypes-16-lora-sq-0.5-seed-1');
  const { seed, model, train } = loadConfig({ preset: 'small' });
  expect(all).toMatchObject({ seed, projector: model.projector, visionLora: model.visionLora!.r, sqR: 0.5 });
  expect(all.trained).toEqual(train.stage2.trainable.map(([pattern]) => pattern));
  expect(baseline.trained.length).toBeLessThan(all.trained.length);
});

/** A finished run with an answer to each question: 1 right, 0 wrong; and questions about a picture of two pictures. */
function finish(runs: string, table: number, row: number, seed: number, right: string, about: [number, number]): void {
  const folder = join(runs, cellName(TABLES[table]!.rows[row]!.setting, seed));
  const answers = [...right].map((one, i) => ({ id: `q${i}`, kind: i % 2 ? 'color' : 'sum', right: one === '1' }));
  const verdict = (good: boolean) => ({ wellFormed: true, aboutPicture: good, answeredRight: false });
  const asked = about.map((n, i) => ({
    id: `p${i}`,
    truth: null,
    description: '',
    asked: [0, 1, 2].map((k) => ({ question: '', answer: '', verdict: verdict(k < n) })),
  }));
  writeAtomic(join(folder, 'answers.jsonl'), answers.map(line).join(''));
  writeAtomic(join(folder, 'asked.jsonl'), asked.map(line).join(''));
  writeAtomic(join(folder, 'summary.json'), '{}');
}

test('tables have mean, spread and the paired test over all questions of all seeds', () => {
  const runs = temporary();
  finish(runs, 0, 0, 1, '11110000', [0, 1]);
  finish(runs, 0, 0, 2, '11000000', [0, 0]);
  finish(runs, 0, 3, 1, '11111100', [3, 3]);
  finish(runs, 0, 3, 2, '01111000', [3, 2]);
  finish(runs, 0, 4, 1, '11111111', [3, 3]);
  const [table, ...rest] = compareAll(runs, [1, 2]);
  expect(rest).toEqual([]);
  expect(table!.rows.map(({ label, seeds }) => `${label} ${seeds}`)).toEqual([
    'baseline 1,2',
    '+ self-questioning 1,2',
    'all 1',
  ]);
  const figure = (row: number, measure: string) => table!.rows[row]!.figures.get(measure)!;
  expect(shareText(figure(0, 'answers'))).toBe('37.5 ± 17.7');
  expect(differenceText(figure(0, 'answers'))).toBe('');
  // Better on two and three questions, worse on one: 2 · (C(6, 0) + C(6, 1)) / 2^6.
  expect(figure(1, 'answers').against!.p).toBeCloseTo(14 / 64, 14);
  // Four for nothing: 2 / 2^4, the least of two rows and so doubled.
  expect(figure(2, 'answers').against).toMatchObject({ p: 0.125, adjusted: 0.25 });
  expect(differenceText(figure(1, 'answers'))).toBe('+25.0 ± 0.0, p 0.22');
  expect(differenceText(figure(2, 'answers'))).toBe('+50.0, p 0.13');
  // Kinds are compared by the questions of theirs.
  expect(shareText(figure(2, 'color'))).toBe('100.0');
  // Pictures: differences 3, 2, 3, 2, of which only all signs alike reach 10.
  expect(figure(1, 'aboutPicture').against!.p).toBeCloseTo(2 / 16, 14);
  expect(figure(1, 'answeredRight').against).toBeNull();
  finish(runs, 0, 4, 2, '111', [3, 3]);
  expect(() => compareAll(runs, [1, 2])).toThrow(
    "ablate: seed 2: only one of 'baseline' and 'all' answered q3; both must have the same questions, so retrain them with one configuration.",
  );
});

test('a report names the command that makes it', () => {
  const out = temporary();
  const runs = join(out, 'runs');
  const facts = {
    seconds: { total: 61 },
    adapter: 'an adapter',
    commit: 'abc',
    answers: { count: 2 },
    selfAsked: null,
  };
  for (const [row, seed] of [
    [0, 1],
    [4, 1],
    [0, 5],
    [4, 5],
  ] as const) {
    finish(runs, 0, row, seed, '10', [1, 2]);
    writeAtomic(join(runs, cellName(TABLES[0]!.rows[row]!.setting, seed), 'summary.json'), JSON.stringify(facts));
  }
  const settings = { preset: 'quick', overrides: { 'data.withheldPairs': '12' } };
  writeAtomic(join(out, 'settings.json'), JSON.stringify(settings));
  const { markdown } = writeReport(out)!;
  expect(markdown).toContain(
    'Made by `npm run curio -- ablate --only rows --seeds 1,5 --preset quick --data.withheldPairs=12`.',
  );
  expect(readFileSync(join(out, 'ablation.html'), 'utf8')).toContain('ablate --only rows --seeds 1,5');
});

test('the command resumes after kill -9, trains no finished cell again, and makes its tables', {
  timeout: 900_000,
}, async () => {
  const folder = temporary();
  const sets = ['--sets', 'four'];
  const args = ['ablate', '--only', 'prototypes', '--seeds', '7', ...sets, ...TINY, '--run.checkpointEvery=1'];
  const run = (k: number): string => join(folder, 'ablation', 'runs', `prototypes-${k}-lora-sq-0.5-seed-7`);
  const stages = (k: number): string[] =>
    existsSync(join(run(k), 'checkpoints')) ? readdirSync(join(run(k), 'checkpoints')) : [];
  const killed = await runCurio(folder, args, (kill) =>
    whenever(
      () => stages(16).includes('stage2-000002'),
      () => kill('SIGKILL'),
    ),
  );
  expect(killed.code, killed.stderr).toBeNull();
  expect(killed.stdout).toMatch(/cell 1 of 3 is finished: 4 prototypes, seed 7 · ETA \d+:\d\d/);
  const finished = join(run(4), 'summary.json');
  const before = statSync(finished).mtimeMs;
  expect(existsSync(join(run(16), 'summary.json'))).toBe(false);

  const whole = await runCurio(folder, args);
  expect(whole.code, whole.stderr).toBe(0);
  expect(statSync(finished).mtimeMs).toBe(before);
  for (const k of [4, 16, 36]) expect(stepsOf(run(k)).length).toBe(9);
  expect(readFileSync(join(folder, 'ablation', 'logs', 'prototypes-16-lora-sq-0.5-seed-7.txt'), 'utf8')).toContain(
    'questions about held-out pictures',
  );
  const markdown = readFileSync(join(folder, 'ablation', 'ablation.md'), 'utf8');
  expect(markdown).toContain('## Number of prototypes');
  expect(markdown).toContain('| % | 4 prototypes | 16 prototypes | 36 prototypes |');
  for (const title of ['answered right', 'asked: about the picture', 'four digits'])
    expect(markdown).toMatch(new RegExp(`\\| ${title} \\| [\\d.]+( \\*)? \\| `));
  expect(readLines(join(run(36), 'sets', 'answers-four.jsonl')).length).toBe(220);
  expect(whole.stdout).toContain(markdown.trim());
  const html = readFileSync(join(folder, 'ablation', 'ablation.html'), 'utf8');
  expect(html).toContain('36 prototypes');
  expect(html).not.toMatch(/https?:|<script|<link|src="(?!data:)/);

  const again = await runCurio(folder, ['ablate', '--report', 'ablation']);
  expect(again.stdout).toContain(markdown.trim());
  // A set that comes later is asked of the trained cells, and it alone.
  const kept = ['summary.json', 'adapter', 'sets/answers-four.jsonl'].map((name) => join(run(4), name));
  const times = (): number[] => kept.map((path) => statSync(path).mtimeMs);
  const earlier = times();
  const later = await runCurio(folder, [...args, '--sets', 'four,faint']);
  expect(later.code, later.stderr).toBe(0);
  expect(times()).toEqual(earlier);
  expect(readLines(join(run(4), 'sets', 'answers-faint.jsonl')).length).toBe(220);
  expect(later.stdout).toMatch(/\| faint ink \| [\d.]+( \*)? \| /);
  const other = await runCurio(folder, [...args, '--train.lr=1e-3']);
  expect(other.code).toBe(2);
  expect(other.sentence).toMatch(
    /^ablate: ablation\/settings\.json says overrides \{.*\} and this is \{.*\}; go on with the same model, data and options, or give another --out\.$/,
  );
});

test('hallucination is what is claimed or described but absent', () => {
  const runs = temporary();
  finish(runs, 0, 0, 1, '11', [0, 0]);
  finish(runs, 0, 4, 1, '11', [0, 0]);
  const folder = (row: number): string => join(runs, cellName(TABLES[0]!.rows[row]!.setting, 1));
  const set = (row: number, answers: string[]): void =>
    writeAtomic(
      join(folder(row), 'sets', 'answers-hallucination.jsonl'),
      answers
        .map((answer, i) => ({ id: `h${i}`, kind: 'x', expected: i % 2 ? 'no .' : 'yes .', answer, right: false }))
        .map(line)
        .join(''),
    );
  set(0, ['no .', 'yes .', 'yes .', 'yes .', 'no .', 'no .']);
  set(4, ['no .', 'no .', 'no .', 'no .', 'no .', 'red .']);
  const described = (row: number, description: string): void => {
    const truth = 'a large red seven at top .';
    writeAtomic(join(folder(row), 'asked.jsonl'), line({ id: 'p0', truth, description, asked: [] }));
  };
  described(0, 'a large red seven at top , a small blue one at left .');
  described(4, 'a small white seven at top .');
  const [table] = compareAll(runs, [1]);
  const shares = (name: string) => table!.rows.map(({ figures }) => figures.get(name)!.share!.mean);
  expect(shares('saidYes')).toEqual([2 / 3, 1 / 3]); // what is not no counts as yes, as in POPE
  expect(shares('describedAbsent')).toEqual([0.5, 0]);
});

test('a model that was trained on all pairs is not asked about new ones', async () => {
  const options = { ask: PRESETS.small.ask, seed: 1, signal: new AbortController().signal, onPart: () => {} };
  await expect(
    answerSets({} as Opened, ['four', 'combinations'], temporary(), { ...options, withheldPairs: 0 }),
  ).rejects.toThrow(
    'eval: the set combinations asks about pairs of digit and colour withheld from training, but this run withheld none; train with --data.withheldPairs=12, or leave the set out.',
  );
});

test('settings of the rows cannot be overridden', async () => {
  const folder = temporary();
  const sentence = async (...args: string[]): Promise<string> => (await runCurio(folder, ['ablate', ...args])).sentence;
  expect(await sentence('--train.stage2.sqR=0.2')).toBe(
    'ablate: --train.stage2.sqR=0.2 is given, but the rows set train.stage2.sqR themselves; leave it out.',
  );
  expect(await sentence('--seed=3')).toBe(
    'ablate: --seed=3 is given, but the rows set seed themselves; leave it out and give --seeds.',
  );
  const ownData = ['--data.scenes=null', '--data.withheldPairs=0', '--data.stage1=a.json', '--data.stage2=b.json'];
  expect(await sentence(...ownData)).toBe(
    'ablate: data.scenes is null, but rows are compared on the embedded scenes; leave it out.',
  );
  expect(await sentence('--data.withheldPairs=0')).toBe(
    'ablate: --data.withheldPairs is 0, but the set combinations asks about pairs withheld from training; give at least 1, or leave combinations out of --sets.',
  );
  expect(await sentence('--sets', 'five')).toBe(
    "ablate: there is no set 'five'; there are four, sizes, combinations, hallucination, premises, crowd, faint.",
  );
  expect(await sentence('--report', 'nothing')).toBe(
    'ablate: nothing does not have two finished rows to compare; train them with curio ablate --out nothing.',
  );
});
