import { existsSync, mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accuracyOf, judgeAsked, summariseAsked, type Scene } from '@curio/scenes';
import { encodeSafetensors, openSafetensors } from '@curio/nn';
import { expect, test } from 'vitest';
import { RUN_PRESETS } from '../src/config/presets.ts';
import { fileSource, folderSource, writeFolderAtomic, writeAtomic } from '../src/run/files.ts';
import { readLines, RunLog, type StepMetrics } from '../src/run/log.ts';
import { lossChart, niceTicks, smoothed } from '../src/run/loss-chart.ts';
import { writeOutcome } from '../src/run/outcome.ts';
import { RunFolder } from '../src/run/run-folder.ts';
import { evaluationPage, pictureLines, stageSummary } from '../src/run/summary.ts';
import { openTerminal, type Terminal } from '../src/run/terminal.ts';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'curio-run-'));
const metrics = (stage: string, step: number, loss = 1) => ({
  stage,
  step,
  loss,
  lr: 1e-3,
  gradNorm: 2,
  tokens: 900,
  images: 16,
  seconds: 0.5,
  bytes: 1e6,
});
const environment = {
  adapter: 'an adapter',
  node: '20',
  webgpu: '0',
  platform: 'here',
  processor: 'one',
  cores: 2,
  commit: 'abc',
};

test('a file is complete or unchanged', () => {
  const path = join(temporary(), 'deep', 'a.txt');
  writeAtomic(path, 'first');
  const broken = [new Uint8Array(3), null as unknown as Uint8Array];
  expect(() => writeAtomic(path, broken)).toThrow();
  expect(readFileSync(path, 'utf8')).toBe('first');
  expect(readdirSync(join(path, '..'))).toEqual(['a.txt']);
});

test('a folder is complete or unchanged', () => {
  const root = temporary();
  const path = join(root, 'adapter');
  writeFolderAtomic(path, { 'a.txt': 'one', 'deep/b.txt': 'two' });
  expect(() => writeFolderAtomic(path, { 'a.txt': 'new', 'c.txt': null as unknown as string })).toThrow();
  expect([readFileSync(join(path, 'a.txt'), 'utf8'), existsSync(join(path, 'deep/b.txt'))]).toEqual(['one', true]);
  writeFolderAtomic(path, { 'a.txt': 'new' });
  expect([readdirSync(path), readdirSync(root)]).toEqual([['a.txt'], ['adapter']]);
});

test('a safetensors file that shrinks while it is read gives an error, not zeros', async () => {
  const path = join(temporary(), 'x.safetensors');
  writeAtomic(path, encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [4], data: Float32Array.of(1, 2, 3, 4) }]));
  const { tensors } = await openSafetensors(fileSource(path));
  expect([...(await tensors.get('w')!.read())].length).toBe(16);
  truncateSync(path, readFileSync(path).length - 4);
  await expect(tensors.get('w')!.read()).rejects.toThrow('it was truncated while being read.');
  await expect(openSafetensors(fileSource(path))).rejects.toThrow(
    "safetensors: x.safetensors: tensor 'w' ends at byte 16 of the data and the file has 12; the file is truncated.",
  );
  expect(await folderSource(join(path, '..')).open('y')).toBeUndefined();
});

test('a run folder is created once, keeps the newest checkpoints, and returns its configuration', () => {
  const root = temporary();
  const folder = RunFolder.create({ root, name: 'a', preset: 'small' });
  folder.writeConfig(RUN_PRESETS.small, environment);
  folder.unlock();
  expect(() => RunFolder.create({ root, name: 'a', preset: 'small' })).toThrow(
    `run: ${join(root, 'a')} already has a run; resume it with --resume ${join(root, 'a')}, or choose another --name.`,
  );
  expect(() => RunFolder.open(join(root, 'b'))).toThrow(
    `run: there is no run in ${join(root, 'b')}; the folder of a run has a config.json.`,
  );
  writeFileSync(join(root, 'a file'), '');
  expect(() => RunFolder.open(join(root, 'a file'))).toThrow(`run: there is no run in ${join(root, 'a file')};`);
  for (const [stage, step] of [
    ['stage1', 200],
    ['stage1', 300],
    ['stage2', 100],
  ] as const)
    folder.saveCheckpoint({ stage, step }, { 'state.json': `${step}` }, 2);
  expect(
    RunFolder.open(folder.path)
      .checkpoints()
      .map(({ stage, step }) => [stage, step]),
  ).toEqual([
    ['stage1', 300],
    ['stage2', 100],
  ]);
  expect(RunFolder.newest(root)!.readConfig()).toEqual(JSON.parse(JSON.stringify(RUN_PRESETS.small)));
  expect(RunFolder.create({ root, preset: 'quick', now: new Date('2026-01-02T03:04:05Z') }).path).toBe(
    join(root, 'quick-2026-01-02-030405'),
  );
});

test('a run of an earlier version is read: patterns that matched nothing are left out, newer settings are off', () => {
  // Written by the version before gradient checkpointing.
  const written = JSON.parse(readFileSync(new URL('old-run-config.json', import.meta.url), 'utf8'));
  expect(written.train.stage2.trainable.map(([pattern]: [string]) => pattern)).toContain('extra_');
  const readAs = (config: unknown) => {
    const folder = RunFolder.create({ root: temporary(), name: 'old', preset: 'small' });
    folder.write('config.json', JSON.stringify(config));
    return folder.readConfig();
  };
  const { ask, ...others } = RUN_PRESETS.small;
  expect(readAs(written)).toEqual(
    JSON.parse(JSON.stringify({ ...others, ask: { ...ask, temperature: 1, candidates: 1 } })),
  );
  const token = { ...written, model: { ...written.model, vusr: 'token' } };
  expect(readAs(token).train.stage2.trainable).toEqual(written.train.stage2.trainable);
  const own = {
    ...written,
    train: { ...written.train, stage2: { ...written.train.stage2, trainable: [['langage', 1]] } },
  };
  expect(readAs(own).train.stage2.trainable).toEqual([['langage', 1]]);
  for (const broken of [
    3,
    null,
    {},
    { ...written, train: { ...written.train, stage1: null } },
    { ...written, model: null },
  ])
    expect(() => readAs(broken)).toThrow(/^config: /);
});

test('metrics are a line per step; a resumed run drops what will run again, and a line truncated by a crash', () => {
  const folder = RunFolder.create({ root: temporary(), name: 'a', preset: 'small' });
  const log = new RunLog(folder);
  for (const step of [1, 2, 3]) log.step(metrics('stage1', step));
  log.step(metrics('stage2', 1));
  log.close();
  writeFileSync(folder.file('metrics.jsonl'), '{"stage":"st', { flag: 'a' });
  const resumed = new RunLog(folder, { stage: 'stage1', step: 2 });
  resumed.step(metrics('stage1', 3, 9));
  expect(resumed.steps('stage1').map(({ loss }) => loss)).toEqual([1, 1, 9]);
  expect(readLines<StepMetrics>(folder.file('metrics.jsonl')).map(({ stage, step }) => `${stage} ${step}`)).toEqual([
    'stage1 1',
    'stage1 2',
    'stage1 3',
  ]);
  resumed.close();
});

test('curves are smoothed without a bias at the start, and ticks are round numbers', () => {
  expect(smoothed([4, 4, 4])).toEqual([4, 4, 4]);
  expect(smoothed(Array.from({ length: 400 }, (_, i) => (i < 200 ? 2 : 0))).at(-1)).toBeLessThan(0.01);
  expect(niceTicks(0, 4.7, 4)).toEqual([0, 2, 4, 6]);
  expect(niceTicks(1, 300, 4)).toEqual([100, 200, 300]);
  expect(lossChart([])).toContain('no steps yet');
});

test("a picture becomes half blocks in the terminal's colours", () => {
  const picture = { width: 2, height: 2, rgb: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255) };
  expect(pictureLines(picture, 2, true)).toEqual([
    '\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[38;2;0;255;0;48;2;255;255;255m▀\x1b[0m',
  ]);
  expect(pictureLines(picture, 2, false)[0]).toContain('\x1b[38;5;196;48;5;21m');
  expect(pictureLines({ width: 1, height: 1, rgb: new Uint8Array(3) }, 4, true).length).toBe(2);
});

function outcome(terminal: Terminal) {
  const folder = RunFolder.create({ root: temporary(), name: 'a <b>', preset: 'small' });
  const log = new RunLog(folder);
  for (let step = 1; step <= 300; step++)
    log.step(
      metrics(step <= 200 ? 'stage1' : 'stage2', step <= 200 ? step : step - 200, 3 * Math.exp(-step / 100) + 0.2),
    );
  log.close();
  const scene: Scene = {
    objects: [{ digit: 7, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 0, dy: 0 }],
    background: 0,
    noise: 0,
  };
  const other: Scene = { ...scene, objects: [{ ...scene.objects[0], digit: 2, color: 'blue' }] };
  const asked = [
    ['which digit is red ?', 'seven .'],
    ['which digit is red ?', 'two .'],
    ['is <it> so', 'yes .'],
    ['which digit is blue ?', 'two .'],
  ].map(([question, answer]) => ({ question, answer, verdict: judgeAsked(question, answer, scene, other) }));
  const answers = accuracyOf([
    { kind: 'color', answer: 'red .', expected: 'red .' },
    { kind: 'sum', answer: 'one .', expected: 'two .' },
  ]);
  const losses = (stage: string) => log.steps(stage).map(({ loss }) => loss);
  const summary = {
    name: 'a <b>',
    preset: 'small',
    seed: 5,
    adapter: 'an adapter',
    commit: 'abc',
    answers,
    blind: answers,
    beforeTraining: null,
    afterStage1: null,
    selfAsked: summariseAsked(
      asked.map(({ question }) => question),
      asked.map(({ verdict }) => verdict),
    ),
    stages: { stage1: stageSummary('stage 1', losses('stage1')), stage2: stageSummary('stage 2', losses('stage2')) },
    skipped: 2,
    seconds: { setup: 2, train: 100, waiting: 1.25, total: 125 },
    peakBytes: 4e8,
    rssBytes: 9e8,
  };
  const scenes = [
    {
      id: 'x',
      picture: { width: 2, height: 2, rgb: new Uint8Array(12).fill(200) },
      truth: 'a large red seven at top left .',
      description: 'a seven .',
      asked,
    },
  ];
  const question = { image: 'a.png', question: 'where is the two ?', expected: 'top .' };
  const answered = [
    { ...question, id: 'a', kind: 'where', answer: ' top .' },
    { ...question, id: 'b', kind: 'where', answer: 'left .' },
  ];
  const page = writeOutcome(
    folder,
    log,
    { summary, config: RUN_PRESETS.small, environment, answered, scenes },
    terminal,
  );
  return { folder, page, summary };
}

test('the outcome: a summary, a chart, a page that needs nothing else, and text without escapes for a pipe', () => {
  const { folder, page, summary } = outcome(openTerminal({ write: () => {} }, {}));
  expect(JSON.parse(readFileSync(folder.file('summary.json'), 'utf8'))).toEqual(summary);
  const where = { kind: 'where', question: 'where is the two ?', expected: 'top .' };
  expect(readLines(folder.file('answers.jsonl'))).toEqual([
    { ...where, id: 'a', answer: ' top .', right: true },
    { ...where, id: 'b', answer: 'left .', right: false },
  ]);
  const [asked] = readLines<{ asked: object[] }>(folder.file('asked.jsonl'));
  expect(asked).toMatchObject({ id: 'x', truth: 'a large red seven at top left .', description: 'a seven .' });
  expect(asked).not.toHaveProperty('picture');
  expect(asked!.asked[0]).toHaveProperty('verdict.wellFormed');
  expect(readFileSync(folder.file('loss.svg'), 'utf8')).toMatch(
    /^<svg [\s\S]*<path class="smooth" d="M[\s\S]*<\/svg>\n$/,
  );
  const html = readFileSync(folder.file('report.html'), 'utf8');
  expect(html).toContain('src="data:image/png;base64,iVBOR');
  expect(html).toContain('a &lt;b&gt;');
  expect(html).not.toContain('<it>');
  expect(html.replace(/xmlns="[^"]*"/g, '')).not.toMatch(/https?:|<script|<link|src="(?!data:)/);
  for (const word of [
    'all on its own. Each was chosen from 3 candidates: the one it answers with most confidence.</p>',
    '<span class="chip good">right</span>',
    'it is: seven .',
    'not a question',
    'not about this picture',
  ])
    expect(html).toContain(word);
  expect(page).not.toContain('\x1b');
  for (const word of [
    'answered right',
    '50.0 %',
    'loss 3.0',
    'skipped               2 entries, listed in skipped.jsonl',
    '\n  Each was chosen from 3 candidates: the one it answers with most confidence.\n',
    '✓ which digit is red ?',
    '✗ is <it> so',
    'total 2:05',
    '1.3 % of the training waited for data',
    'report.html',
  ])
    expect(page).toContain(word);
  for (const line of page.split('\n')) expect([...line].length).toBeLessThanOrEqual(100);
});

test('if each question is the first one drawn, no choice is reported', () => {
  const found = { answers: null, blind: null, selfAsked: summariseAsked(['where'], []) };
  const page = (candidates: number) =>
    evaluationPage(found, { scenes: [], candidates }, openTerminal({ write: () => {} }, {}));
  expect(page(3)).toContain('Each was chosen from 3 candidates: the one it answers with most confidence.');
  expect(page(1)).not.toContain('Each is');
});

test('on a terminal with colours the picture is beside its questions', () => {
  const { page } = outcome(openTerminal({ write: () => {}, isTTY: true, columns: 100 }, { COLORTERM: 'truecolor' }));
  expect(page).toMatch(/\x1b\[38;2;200;200;200;48;2;200;200;200m▀[^\n]*there is: a large red seven/);
});
