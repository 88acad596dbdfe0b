/**
 * The command `curio train` as a user runs it, on a few scenes and steps: what it leaves behind, ctrl-C and going on, a
 * loss that explodes, data of one's own.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySource, openSafetensors } from '@curio/nn';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { ADAPTER, runCurio, TINY, whenever, type During } from './curio.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-train-'));
const curio = (args: readonly string[], during?: During) => runCurio(folder, args, during);

const read = (...path: string[]): Buffer => readFileSync(join(folder, 'runs', ...path));
const steps = (name: string): { stage: string; step: number; loss: number; gradNorm: number }[] =>
  read(name, 'metrics.jsonl')
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ loss }) => loss !== undefined);
test('a run leaves all the files that it promises', async () => {
  const { code, stdout, stderr } = await curio(['train', '--preset', 'small', '--name', 'whole', ...TINY]);
  expect(code, stderr).toBe(0);
  expect(stdout).not.toContain('\u001b[');
  expect(stdout).toContain('questions about held-out pictures');
  expect(readdirSync(join(folder, 'runs', 'whole')).sort()).toEqual(
    expect.arrayContaining([
      'adapter',
      'answers.jsonl',
      'asked.jsonl',
      'checkpoints',
      'config.json',
      'environment.json',
      'events',
      'loss.svg',
      'metrics.jsonl',
      'report.html',
      'summary.json',
    ]),
  );
  expect(steps('whole').map(({ stage, step }) => `${stage} ${step}`)).toEqual(
    [1, 2, 3].map((i) => `stage1 ${i}`).concat([1, 2, 3, 4, 5, 6].map((i) => `stage2 ${i}`)),
  );
  const summary = JSON.parse(read('whole', 'summary.json').toString());
  for (const key of ['answers', 'blind', 'beforeTraining', 'afterStage1'])
    expect(summary[key]).toMatchObject({ overall: expect.any(Number), kinds: expect.any(Object) });
  expect(summary.selfAsked).toMatchObject({
    count: 6,
    wellFormed: expect.any(Number),
    aboutPicture: expect.any(Number),
    shuffled: expect.any(Number),
    answeredRight: expect.any(Number),
    kinds: expect.any(Object),
    distinct: expect.any(Number),
  });
  expect(summary).toMatchObject({
    seed: 1,
    adapter: expect.any(String),
    peakBytes: expect.any(Number),
    rssBytes: expect.any(Number),
    seconds: {
      setup: expect.any(Number),
      train: expect.any(Number),
      waiting: expect.any(Number),
      total: expect.any(Number),
    },
  });
  const report = read('whole', 'report.html').toString();
  expect(report).toContain('data:image/png;base64,');
  expect(report).not.toMatch(/(src|href)="https?:/);
  const { node, commit } = JSON.parse(read('whole', 'environment.json').toString());
  expect(node).toBe(process.versions.node);
  expect(commit ?? 'outside of git').toMatch(/^[0-9a-f]{12}(\+changes)?$|^outside of git$/);
});

test('curio eval scenes reproduces what the run reported at its end', async () => {
  const run = join('runs', 'whole');
  const { code, stdout, stderr } = await curio(['eval', 'scenes', '--run', run, '--json']);
  expect(code, stderr).toBe(0);
  const { answers, blind, selfAsked } = JSON.parse(read('whole', 'summary.json').toString());
  expect(JSON.parse(stdout)).toMatchObject({ answers, blind, selfAsked, settings: { model: 'whole', seed: 1 } });
  expect(await curio(['eval', 'scenes', '--run', run, '--limit', '3'])).toMatchObject({
    ...{ code: 2, sentence: 'eval: --limit is given, but scenes does not use it; leave it out.' },
  });
});

test('ctrl-C saves and stops; resuming ends with the bytes of a run that was never stopped', async () => {
  const metrics = join(folder, 'runs', 'cut', 'metrics.jsonl');
  let giveUp = (): void => {};
  const cut = await curio(['train', '--preset', 'small', '--name', 'cut', ...TINY], (kill) => {
    giveUp = whenever(
      () => existsSync(metrics) && readFileSync(metrics, 'utf8').includes('"stage2"'),
      () => kill('SIGINT'),
    );
  });
  giveUp();
  expect(cut.code, cut.stderr).toBe(130);
  expect(cut.stdout).toContain('Saved. Continue with: curio train --resume');
  expect(existsSync(join(folder, 'runs', 'cut', 'summary.json'))).toBe(false);
  // As earlier versions wrote it: with a pattern for the word [vusr], which this model does not have.
  const saved = JSON.parse(read('cut', 'config.json').toString());
  saved.train.stage2.trainable.splice(1, 0, ['extra_', 1]);
  writeFileSync(join(folder, 'runs', 'cut', 'config.json'), JSON.stringify(saved));
  const resumed = await curio(['train', '--resume', 'runs/cut']);
  expect(resumed.code, resumed.stderr).toBe(0);
  const numbers = (name: string) =>
    steps(name).map(({ stage, step, loss, gradNorm }) => ({ stage, step, loss, gradNorm }));
  expect(numbers('cut')).toEqual(numbers('whole'));
  for (const file of ADAPTER)
    expect(read('cut', 'adapter', file).equals(read('whole', 'adapter', file)), file).toBe(true);
});

test("a pattern of stage 2 that matches no parameter stops the run before stage 1's first step", async () => {
  const { code, stderr } = await curio([
    'train',
    '--preset',
    'small',
    '--name',
    'typo',
    ...TINY,
    '--train.stage2.trainable=[["language.*lora_", 1], ["projectr", 1]]',
  ]);
  expect(code).toBe(2);
  expect(stderr.trim().split('\n').at(-1)).toMatch(
    /^config: train\.stage2\.trainable: pattern 'projectr' matches none of \d+ parameters \(nearest: 'projector\.\S+', .*\); it must be a part of a parameter's name, with \* for any characters\.$/,
  );
  expect(existsSync(join(folder, 'runs', 'typo')), 'a start that failed frees its name').toBe(false);
});

test('a loss that is not a number stops the run, names the first bad tensor and keeps the last checkpoint', async () => {
  const { code, stderr } = await curio([
    'train',
    '--preset',
    'small',
    '--name',
    'wild',
    ...TINY,
    '--train.lr=1e25',
    '--train.clip=null',
    '--train.stage1.warmup=0',
    '--run.checkpointEvery=1',
  ]);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n').at(-1)).toMatch(
    /^train: the (loss|gradient norm) is \S+ at step \d+; first non-finite tensor: .+ The last checkpoint is stage 1, step \d+, in runs\/wild\/checkpoints\/.+\.$/,
  );
  expect(existsSync(join(folder, 'runs', 'wild', 'summary.json'))).toBe(false);
});

test('it trains on any LLaVA JSON and folder of images, including JPEG and text alone, with [vusr] as a learned word, and asks itself afterwards', async () => {
  expect((await curio(['data', 'mine', '--stage1', '4', '--stage2', '8', '--heldout', '0', '--ask', '0'])).code).toBe(
    0,
  );
  const own = join(folder, 'mine', 'train-stage2.json');
  const entries = JSON.parse(readFileSync(own, 'utf8'));
  entries.push({
    id: 'text',
    conversations: [
      { from: 'human', value: 'which digit is red ?' },
      { from: 'gpt', value: 'seven .' },
    ],
  });
  await sharp(join(folder, 'mine', 'images', entries[1].image))
    .jpeg()
    .toFile(join(folder, 'mine', 'images', 'photo.jpg'));
  entries[1].image = 'photo.jpg';
  writeFileSync(own, JSON.stringify(entries));
  const files = [
    '--data.scenes=null',
    '--data.stage1=mine/train-stage1.json',
    '--data.stage2=mine/train-stage2.json',
    '--data.images=mine/images',
  ];
  const { code, stderr, stdout } = await curio([
    'train',
    '--preset',
    'small',
    '--name',
    'own',
    '--model.vusr=token',
    ...TINY.filter((arg) => !arg.startsWith('--data')),
    ...files,
  ]);
  expect(code, stderr + stdout).toBe(0);
  expect(steps('own').length).toBe(9);
  const { tensors } = await openSafetensors(
    memorySource('own', read('own', 'adapter', 'non_lora_trainables.safetensors')),
  );
  for (const name of ['extra_embedding', 'extra_head'])
    expect(tensors.get(`base_model.model.${name}`)?.shape).toEqual([1, 128]);
  const asked = await curio(['ask', 'mine/images/photo.jpg', '--self', '2', '--run', 'runs/own']);
  expect(asked.code, asked.stderr).toBe(0);
  expect(asked.stdout.match(/^\? /gm)).toHaveLength(2);

  entries[2].image = 'gone.png';
  writeFileSync(own, JSON.stringify(entries));
  const missing = await curio([
    'train',
    '--preset',
    'small',
    '--name',
    'missing',
    ...TINY.filter((arg) => !arg.startsWith('--data')),
    ...files,
  ]);
  expect(missing.code).not.toBe(0);
  expect(missing.stderr.trim().split('\n').at(-1)).toContain(
    "data: mine/train-stage2.json: entry 2: image 'gone.png' not found under mine/images; fix it, or skip such entries with --on-bad-entry skip.",
  );
});
