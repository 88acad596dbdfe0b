/** Data that cannot be trained on: told by entry, before the first step where it can be known, else with all saved. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXIT } from '../src/run/interrupt.ts';
import { runCurio, stepsOf, TINY } from './curio.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-bad-'));
const run = (name: string): string => join(folder, 'runs', name);
const turn = (from: string, value: string) => ({ from, value });
const talk = [turn('human', '<image>\nis there a two ?'), turn('gpt', 'yes .')];
const good = Array.from({ length: 16 }, (_, id) => ({ id, image: 'a.png', conversations: talk }));
const write = (name: string, entries: object[]): void =>
  writeFileSync(join(folder, name), `\ufeff${JSON.stringify(entries)}`); // as editors on Windows begin it

beforeAll(async () => {
  mkdirSync(join(folder, 'img', 'sub'), { recursive: true });
  const noise = Uint8Array.from({ length: 72 * 72 * 3 }, (_, i) => (i * 37) % 256);
  const raw = { raw: { width: 72, height: 72, channels: 3 as const } };
  await sharp(noise, raw)
    .png()
    .toFile(join(folder, 'img', 'a.png'));
  const jpeg = await sharp(noise, raw).jpeg().toBuffer();
  writeFileSync(join(folder, 'img', 'cut.jpg'), jpeg.subarray(0, jpeg.length / 2));
  write('good.json', good);
  write('cut.json', [...good, { id: 'c', image: 'cut.jpg', conversations: talk }]);
  const alone = { id: 't', conversations: [turn('human', 'is there a two ?'), turn('gpt', 'no .')] };
  write('mixed.json', [...good, alone]);
  write('alone.json', [alone, alone]);
  write('folder.json', [...good, { id: 'f', image: 'sub', conversations: talk }]);
  const long = [turn('human', `<image>\n${'is there a two ? '.repeat(400)}`), turn('gpt', 'yes .')];
  write('long.json', [...good.slice(0, 7), { id: 'l', image: 'a.png', conversations: long }]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (name: string, stage1: string, stage2: string, ...more: string[]) =>
  runCurio(folder, [
    'train',
    '--preset',
    'small',
    '--name',
    name,
    ...TINY.filter((word) => !word.startsWith('--data')),
    '--train.stage1.steps=6',
    '--data.scenes=null',
    '--data.images=img',
    `--data.stage1=${stage1}`,
    `--data.stage2=${stage2}`,
    ...more,
  ]);

test('a broken picture ends the run with its entry and every step saved; it resumes when the data is fixed or the entry left out', async () => {
  const broken = await train('broken', 'cut.json', 'good.json');
  expect([broken.code, broken.sentence]).toEqual([
    EXIT.failed,
    expect.stringMatching(
      /^data: cut\.json: entry 16: image: 'img\/cut\.jpg' cannot be decoded \(.+\); it must be a .+ file; fix it, or skip such entries with --on-bad-entry skip\. The last checkpoint is stage 1, step 3, in runs\/broken\/checkpoints\/stage1-000003\.$/,
    ),
  ]);
  expect(stepsOf(run('broken')).length).toBe(3);
  const resumed = await runCurio(folder, ['train', '--resume', 'runs/broken', '--on-bad-entry', 'skip']);
  expect(resumed.code, resumed.stderr).toBe(EXIT.ok);
  expect(resumed.stdout).toContain("skipped: cut.json: entry 16: image: 'img/cut.jpg' cannot be decoded");
  expect(resumed.stdout).toMatch(/skipped +1 entries, listed in skipped\.jsonl/);
  const listed = readFileSync(join(run('broken'), 'skipped.jsonl'), 'utf8')
    .trim()
    .split('\n');
  expect(listed.map((line) => JSON.parse(line))).toEqual([
    {
      file: 'cut.json',
      entry: 16,
      id: 'c',
      reason: expect.stringMatching(/^image: 'img\/cut\.jpg' cannot be decoded/),
    },
  ]);
  expect(JSON.parse(readFileSync(join(run('broken'), 'summary.json'), 'utf8')).skipped).toBe(1);
  // The same as leaving it out from the beginning.
  const skipping = await train('skipping', 'cut.json', 'good.json', '--on-bad-entry', 'skip');
  expect(skipping.code, skipping.stderr).toBe(EXIT.ok);
  expect(stepsOf(run('skipping'))).toEqual(stepsOf(run('broken')));
});

const REMEDY = 'fix it, or skip such entries with --on-bad-entry skip.';

test.each([
  [
    'text alone in stage 1',
    'mixed.json',
    'good.json',
    `data: mixed.json: entry 16: it has no image, and a stage with the template plain learns the captions of images; ${REMEDY}`,
  ],
  ['a folder', 'folder.json', 'good.json', `data: folder.json: entry 16: image 'sub' not found under img; ${REMEDY}`],
  [
    'an answer beyond maxLength',
    'good.json',
    'long.json',
    `data: long.json: entry 7: its first answer begins at id 2005, and train.maxLength cuts it at 448; ${REMEDY}`,
  ],
  [
    'no folder of images',
    'good.json',
    'good.json',
    "data: data.images is 'gone', which is not a folder; give the folder that image paths are relative to.",
    '--data.images=gone',
  ],
  [
    'a folder without metadata for the file',
    'img',
    'good.json',
    'data: img: it is a folder without metadata.jsonl or metadata.parquet; give a file, or an image folder with one of these.',
  ],
])("before the first step: %s, and the run's name stays free", async (_, stage1, stage2, sentence, ...more) => {
  expect(await train('never', stage1, stage2, ...more)).toMatchObject({ code: EXIT.failed, sentence });
  expect(existsSync(run('never'))).toBe(false);
});

test('a held-out picture that is read only after training is checked before it', async () => {
  expect(await train('never', 'good.json', 'good.json', '--data.heldOut=cut.json', '--run.questions=0')).toMatchObject({
    code: EXIT.failed,
    sentence: expect.stringMatching(/^data: cut\.json: entry 16: image: 'img\/cut\.jpg' cannot be decoded/),
  });
});

test('entries known to be bad are left out at once; a set of nothing else is refused', async () => {
  const { code, stdout, stderr } = await train('some', 'mixed.json', 'long.json', '--on-bad-entry=skip');
  expect(code, stderr).toBe(EXIT.ok);
  expect(stdout).toMatch(/skipped +2 entries, listed in skipped\.jsonl/);
  expect(await train('none', 'alone.json', 'good.json', '--on-bad-entry=skip')).toMatchObject({
    code: EXIT.failed,
    sentence: 'data: alone.json: no entry is left for train.stage1; it needs at least one.',
  });
  expect(await train('what', 'good.json', 'good.json', '--on-bad-entry=ignore')).toMatchObject({
    code: EXIT.usage,
    sentence: 'config: data.onBadEntry is "ignore"; it must be one of fail, skip.',
  });
});
