/** Benchmarks end to end: files as published in, the small model's answers, uploads and scores out. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ConfigError, DataError } from '@curio/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readImage } from '../src/data/decode.ts';
import { encodePng } from '../src/data/png.ts';
import { askEntries } from '../src/eval/ask.ts';
import type { AskOptions } from '../src/eval/ask.ts';
import { AnswerWriter, answersPath, joinShards } from '../src/eval/answers.ts';
import { openDataSet } from '../src/eval/data-set.ts';
import { writeResult } from '../src/eval/result.ts';
import { openTalk } from '../src/talk/open.ts';
import type { Talk } from '../src/talk/open.ts';
import { question } from '../src/talk/options.ts';
import { runCurio } from './curio.ts';

const run = resolve(import.meta.dirname, '../../demo/trained');
const folder = mkdtempSync(join(tmpdir(), 'curio-eval-'));
let talk: Talk;
beforeAll(async () => void (talk = await openTalk('eval', { run, seed: 1 })));
afterAll(() => talk.close());

const lines = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const jsonLines = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** A benchmark's folder from texts by path, with four pictures where its bundle has them. */
function bundle(name: string, images: string, files: Record<string, string>): string {
  const data = join(folder, name);
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(data, path)), { recursive: true });
    writeFileSync(join(data, path), content);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  for (let i = 0; i < 4; i++) {
    const rgb = Uint8Array.from({ length: 3 * 40 * 24 }, (_, k) => (k * (i + 3) + (k % 96)) % 256);
    write(join(images, `${i}.png`), encodePng({ width: 40, height: 24, rgb }));
  }
  return data;
}

const SHORT = 'Answer the question using a single word or phrase.';
const options: AskOptions = { batch: 4, seed: 1 };
const ask = (set: ReturnType<typeof openDataSet>, out: string, changed: Partial<AskOptions> = {}) =>
  askEntries(set, talk, out, { ...options, ...changed }, new AbortController().signal);

/** What the model says by itself, outside of any benchmark. */
async function says(image: string | null, text: string, aspect: 'crop' | 'pad'): Promise<string> {
  const pixels = image === null ? null : talk.prepare(await readImage(image), aspect);
  return (await talk.speaker.reply([question(text, pixels, [])], { maxNewTokens: 128 }))[0]!;
}

const categories = ['adversarial', 'popular', 'random'];
const POPE = Array.from({ length: 12 }, (_, i) => ({
  ...{ question_id: i + 1, image: `${i % 4}.png`, category: categories[i % 3]! },
  text: `is there a ${['red', 'blue', 'small'][i % 3]} ${['one', 'two', 'seven', 'nine'][i % 4]} ?\n${SHORT}`,
}));
const popeLabel = (i: number): string => (i % 2 ? 'yes' : 'no');
const pope = bundle('pope', 'val2014', {
  'llava_pope_test.jsonl': lines(POPE),
  ...Object.fromEntries(
    categories.map((category) => [
      `coco/coco_pope_${category}.json`,
      lines(POPE.flatMap(({ image, category: own }, i) => (own === category ? [{ image, label: popeLabel(i) }] : []))),
    ]),
  ),
});

test('POPE: answers as published, F1 of each category, and their settings', async () => {
  const set = openDataSet('pope', { data: pope });
  const out = join(folder, 'pope-out');
  const { path, answered } = await ask(set, out);
  expect(answered).toBe(12);
  const answers = jsonLines(path);
  for (const [i, { question_id, image, text }] of POPE.entries())
    expect(answers[i]).toEqual({
      ...{ question_id, prompt: text, text: await says(join(pope, 'val2014', image), text, 'pad') },
      ...{ answer_id: expect.stringMatching(/^[\w-]{22}$/), model_id: 'trained', metadata: {} },
    });
  expect(readFileSync(path, 'utf8')).toMatch(/^\{"question_id": 1, "prompt": "is there a red one \?\\nAnswer/);
  const settings = JSON.parse(readFileSync(join(out, 'settings.json'), 'utf8'));
  const result = await writeResult(set, { out, name: 'trained', answers: path, settings });
  const f1 = (category: string): number => {
    const own = POPE.flatMap(({ category: of }, i) =>
      of === category ? [{ yes: !/\b(no|not)\b/i.test(answers[i].text), label: popeLabel(i) === 'yes' }] : [],
    );
    const hits = own.filter(({ yes, label }) => yes && label).length;
    const [said, there] = [own.filter(({ yes }) => yes).length, own.filter(({ label }) => label).length];
    return said + there === 0 ? 0 : (2 * hits) / (said + there);
  };
  expect(result.score!.mainName).toBe('mean F1 of the categories');
  expect(result.score!.main).toBeCloseTo((100 * categories.reduce((sum, each) => sum + f1(each), 0)) / 3, 9);
  expect(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(result)));
  expect(result.settings).toMatchObject({
    ...{ benchmark: 'pope', model: 'trained', from: { run: 'trained' }, temperature: 0, maxNewTokens: 128 },
    ...{ aspect: 'pad', template: 'scenes', entries: 12 },
    firstPrompt: `USER: <image>\n${POPE[0]!.text} ASSISTANT:`,
    data: { questions: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(jsonLines(join(out, 'scores.jsonl')).length).toBe(12);
});

test('a run interrupted within a line resumes to the same bytes; joined shards have them too', async () => {
  const set = openDataSet('pope', { data: pope });
  const whole = readFileSync((await ask(set, join(folder, 'pope-whole'))).path, 'utf8');
  const torn = join(folder, 'pope-torn');
  const path = answersPath(torn, 'trained');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, whole.slice(0, whole.split('\n', 6).join('\n').length - 20));
  expect(await ask(set, torn)).toMatchObject({ before: 5, answered: 7 });
  expect(readFileSync(path, 'utf8')).toBe(whole);

  const out = join(folder, 'pope-shards');
  for (const index of [3, 1]) await ask(set, out, { shard: { index, parts: 3 } });
  const join3 = () => joinShards(out, 'trained', set.benchmark, set.entries, 3);
  const missing = answersPath(out, 'trained', { index: 2, parts: 3 });
  expect(join3).toThrow(new DataError(`eval: ${missing} does not exist; run --shard 2/3 first.`));
  await ask(set, out, { shard: { index: 2, parts: 3 } });
  join3();
  expect(readFileSync(answersPath(out, 'trained'), 'utf8')).toBe(whole);
  writeFileSync(missing, whole.split('\n').slice(4, 6).join('\n'));
  expect(join3).toThrow(
    new DataError(`eval: ${missing} has 1 answers and its shard 4 entries; finish --shard 2/3 first.`),
  );
});

test('two processes never answer one shard: the second is refused, and may take another', async () => {
  const set = openDataSet('pope', { data: pope });
  const out = join(folder, 'pope-at-once');
  const shard = { index: 1, parts: 3 };
  const path = answersPath(out, 'trained', shard);
  const first = AnswerWriter.open(path, set.benchmark, set.entries.slice(0, 4));
  const inUse = `file: ${path} is in use by process ${process.pid} on ${hostname()}; wait for it or stop it, or delete ${path}.lock-1 if it no longer runs.`;
  await expect(ask(set, out, { shard })).rejects.toThrow(inUse);
  for (const index of [2, 3])
    expect(await ask(set, out, { shard: { index, parts: 3 } })).toMatchObject({ answered: 4 });
  first.close();
  expect(await ask(set, out, { shard })).toMatchObject({ before: 0, answered: 4 });
  const again = AnswerWriter.open(path, set.benchmark, set.entries.slice(0, 4));
  const joined = () => joinShards(out, 'trained', set.benchmark, set.entries, 3);
  expect(joined).toThrow(inUse);
  again.close();
  joined();
  expect(readdirSync(dirname(path)).length).toBe(3);
});

test('answers are not continued under other settings or for other entries', async () => {
  const set = openDataSet('pope', { data: pope, limit: 2 });
  const out = join(folder, 'pope-two');
  await ask(set, out);
  await expect(ask(set, out, { aspect: 'crop' })).rejects.toThrow(
    new ConfigError(
      `eval: ${join(out, 'settings.json')} says aspect "pad" and this is "crop"; go on with the same model, data and options, or give another --out.`,
    ),
  );
  const path = answersPath(out, 'trained');
  writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(1).join('\n'));
  await expect(ask(set, out)).rejects.toThrow(
    new ConfigError(
      `eval: ${path}, line 1: answers 2 and entry 1 is 1; give the data that it was begun with, or another --out.`,
    ),
  );
  expect(readdirSync(dirname(path))).toEqual(['trained.jsonl']);
});

const VQA = Array.from({ length: 6 }, (_, i) => ({
  ...{ question_id: 1000 + i, image: `${i % 4}.png` },
  text: `${['which digit is red ?', 'how many digits are there ?', 'what color is the two ?'][i % 3]}\n${SHORT}`,
}));
const annotations = {
  annotations: VQA.map(({ question_id }, i) => ({
    ...{ question_id, question_type: i % 2 ? 'how many' : 'what', answer_type: 'other' },
    answers: Array.from({ length: 10 }, (_, k) => ({ answer: ['the three', 'red', 'two', 'zero'][(i + k) % 4]! })),
  })),
};

test('VQAv2: the upload names every id of the whole test set; val is scored here, test-dev is not', async () => {
  const all = [7, ...VQA.map(({ question_id }) => question_id)].map((question_id) => ({ question_id }));
  const data = bundle('vqav2', 'test2015', {
    'llava_vqav2_mscoco_test-dev2015.jsonl': lines(VQA),
    'llava_vqav2_mscoco_test2015.jsonl': lines(all),
  });
  const set = openDataSet('vqav2', { data });
  const out = join(folder, 'vqav2-out');
  const { path } = await ask(set, out);
  const told = await writeResult(set, { out, name: 'trained', answers: path, settings: {} });
  expect([told.score, told.notScored]).toEqual([
    null,
    [
      'vqav2: the questions have no reference answers; give v2_mscoco_val2014_annotations.json with the questions of val, or upload the answers to EvalAI.',
    ],
  ]);
  const upload = readFileSync(join(out, 'answers_upload/trained.json'), 'utf8');
  expect(upload).toMatch(/^\[\{"question_id": 7, "answer": ""\}, \{"question_id": 1000, "answer": "/);
  expect(JSON.parse(upload).length).toBe(7);

  const file = join(folder, 'annotations.json');
  writeFileSync(file, JSON.stringify(annotations));
  const val = openDataSet('vqav2', { data, file: [`annotations=${file}`] });
  const { score } = await writeResult(val, { out, name: 'trained', answers: path, settings: {} });
  const said = JSON.parse(upload).slice(1) as { answer: string }[];
  const expected = said.map(({ answer }, i) => {
    const votes = annotations.annotations[i]!.answers.map((each) =>
      each.answer.replace('the three', '3').replace('two', '2').replace('zero', '0'),
    );
    const matches = votes.filter((vote) => vote === answer).length;
    // The mean over ten sets of nine: a match is missing from its own.
    return (matches * Math.min(1, (matches - 1) / 3) + (10 - matches) * Math.min(1, matches / 3)) / 10;
  });
  expect(score!.main).toBeCloseTo((100 * expected.reduce((sum, each) => sum + each, 0)) / expected.length, 9);
});

test('ScienceQA: with and without pictures, by letter, and drawn at random if none is named', async () => {
  const questions = Array.from({ length: 6 }, (_, i) => ({
    id: String(i + 1),
    ...(i % 2 && { image: `${i % 4}.png` }),
    conversations: [{ from: 'human', value: `${i % 2 ? '<image>\n' : ''}which digit is red ?\nA. one\nB. two` }],
  }));
  const problems = Object.fromEntries(questions.map(({ id }, i) => [id, { choices: ['one', 'two'], answer: i % 2 }]));
  const data = bundle('scienceqa', 'images/test', {
    'llava_test_CQM-A.json': JSON.stringify(questions),
    'pid_splits.json': JSON.stringify({ test: questions.map(({ id }) => id) }),
    'problems.json': JSON.stringify(problems),
  });
  const set = openDataSet('scienceqa', { data });
  const out = join(folder, 'scienceqa-out');
  const { path } = await ask(set, out, { maxNewTokens: 8 });
  const answers = jsonLines(path);
  expect(answers.map(({ prompt }) => prompt.startsWith('<image>\n'))).toEqual([false, true, false, true, false, true]);
  const strict = await writeResult(set, { out, name: 'trained', answers: path, settings: {} });
  expect(strict.score).toMatchObject({ mainName: 'IMG accuracy', details: { questions: 6, 'with a picture': 3 } });
  const official = JSON.parse(readFileSync(join(out, 'answers/trained_result.json'), 'utf8'));
  expect(official).toMatchObject({ count: 6, acc: strict.score!.details.accuracy });
  expect(Object.values(official.outputs)).toEqual(answers.map(({ text }) => text));
  const drawn = await writeResult(set, { out, name: 'trained', answers: path, settings: {}, fallbackSeed: 3 });
  expect(drawn.settings).toEqual({ fallbackSeed: 3 });
  expect(drawn.score!.details.accuracy).toBeGreaterThanOrEqual(strict.score!.details.accuracy!);
});

test('captions: a result file as the COCO challenge accepts it, and scores', async () => {
  const captions = Array.from({ length: 4 }, (_, i) => ({
    question_id: i,
    image: `${i}.png`,
    text: 'describe the image in detail .',
  }));
  const data = bundle('captions', 'val2014', {
    'question3.jsonl': lines(captions),
    'captions_val2014.json': JSON.stringify({
      images: captions.map(({ image }, i) => ({ id: 50 + i, file_name: image })),
      annotations: captions.flatMap((_, i) =>
        ['a large red seven at top .', 'a small blue two at left .'].map((caption) => ({ image_id: 50 + i, caption })),
      ),
    }),
  });
  const set = openDataSet('coco-captions', { data });
  const out = join(folder, 'captions-out');
  const { path } = await ask(set, out, { maxNewTokens: 24 });
  const result = await writeResult(set, { out, name: 'trained', answers: path, settings: {} });
  const texts = jsonLines(path).map(({ text }) => text);
  expect(JSON.parse(readFileSync(join(out, 'results/trained.json'), 'utf8'))).toEqual(
    texts.map((caption, i) => ({ image_id: 50 + i, caption })),
  );
  expect(result.score!.mainName).toBe('CIDEr-D');
  expect(result.score!.details['ROUGE-L']).toBeGreaterThan(0);
});

test('what is missing is named by file and entry', () => {
  expect(() => openDataSet('pope', { data: join(folder, 'none') })).toThrow(
    new DataError(`eval: --data ${join(folder, 'none')} does not exist; give the folder of POPE.`),
  );
  const bare = bundle('bare', 'val2014', { 'llava_pope_test.jsonl': lines(POPE) });
  expect(() => openDataSet('pope', { data: bare })).toThrow(
    new DataError(
      `eval: ${join(bare, 'coco/coco_pope_adversarial.json')} does not exist; it has the labels of the category adversarial; give it with --file adversarial=FILE.`,
    ),
  );
  expect(() => openDataSet('pope', { data: pope, file: ['lables=x'] })).toThrow(
    new ConfigError(
      "eval: --file is 'lables=x'; it must be ROLE=FILE, and pope has the roles questions, adversarial, popular, random.",
    ),
  );
});

test('a missing picture is reported before the first answer', async () => {
  const set = openDataSet('pope', { data: pope, images: folder });
  await expect(ask(set, join(folder, 'pope-blind'))).rejects.toThrow(
    new DataError(`eval: pope, entry 1: image '0.png' not found under ${folder}; give the folder with --images.`),
  );
});

test('on the command line: killed and resumed, scored from its files, wrong usage', {
  timeout: 180_000,
}, async () => {
  const out = join(folder, 'pope-cli');
  const args = ['eval', 'pope', '--data', pope, '--out', out, '--run', run, '--batch', '2'];
  const path = answersPath(out, 'trained');
  const written = (): number => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0);
  const killed = await runCurio(folder, args, (kill) => {
    const watch = setInterval(() => written() >= 3 && (clearInterval(watch), kill('SIGKILL')), 5);
  });
  expect(killed.code).toBe(null);
  const before = written();
  appendFileSync(path, '{"question_id": 9');
  const ended = await runCurio(folder, [...args, '--json']);
  expect(ended.code).toBe(0);
  expect(ended.stderr).toContain(`eval: ${path}: an incomplete last line was dropped.\n`);
  expect(ended.sentence).toBe(`eval: ${path} holds 12 answers to 12 entries, ${before} of them from an earlier run.`);
  const result = JSON.parse(ended.stdout);
  expect(readFileSync(path, 'utf8')).toBe(readFileSync(answersPath(join(folder, 'pope-whole'), 'trained'), 'utf8'));
  const scored = await runCurio(folder, [
    'eval',
    'pope',
    '--data',
    pope,
    '--answers',
    path,
    '--out',
    `${out}-2`,
    '--json',
    ...['--export', 'lmms-eval', '--export', 'vlmevalkit'],
  ]);
  const { score, files } = JSON.parse(scored.stdout);
  expect(score).toEqual(result.score);
  expect(files.slice(-2)).toEqual([
    `${out}-2/lmms-eval/trained/pope.json`,
    `${out}-2/vlmevalkit/trained/trained_POPE.xlsx`,
  ]);
  expect(JSON.parse(readFileSync(files.at(-2), 'utf8')).logs[3]).toEqual({
    doc_id: 3,
    resps: [[jsonLines(path)[3].text]],
  });
  expect(existsSync(files.at(-1))).toBe(true);
  expect(scored.sentence).toBe(
    'eval: lmms-eval numbers documents by their position in its own data set, and the log uses the position in the question file; if the orders differ, give --export lmms-eval=SAMPLES.jsonl of a run with --log_samples.',
  );
  expect(await runCurio(folder, [...args, '--export', 'lmms'])).toMatchObject({
    code: 2,
    sentence:
      "eval: --export is 'lmms'; it must be lmms-eval or vlmevalkit, or one of them with =FILE for its documents.",
  });
  expect(await runCurio(folder, [...args, '--shard', '1/2', '--join', '2'])).toMatchObject({
    code: 2,
    sentence: 'eval: --shard and --join are both given; give one of the two.',
  });
});
