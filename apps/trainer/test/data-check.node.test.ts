/** `curio data check`: counts by kind, an entry as the model reads it; sets of every form opened by their paths. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkData, checkLines, findEntry } from '../src/data/check-data.ts';
import { openSet } from '../src/data/open-set.ts';
import { encodePng } from '../src/data/png.ts';
import { EXIT } from '../src/run/interrupt.ts';
import { runCurio } from './curio.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-check-'));
const turn = (from: string, value: string) => ({ from, value });
const png = encodePng({ width: 2, height: 1, rgb: Uint8Array.of(255, 0, 0, 0, 0, 255) });
const entries = [
  { id: 'one', image: 'a.png', conversations: [turn('human', '<image>\nis there a two ?'), turn('gpt', 'yes .')] },
  { id: 'two', conversations: [turn('human', 'what color is the two ?'), turn('gpt', 'red .')] },
  { id: 'gone', image: 'gone.png', conversations: [turn('human', '<image>\na ?'), turn('gpt', 'no .')] },
  { id: 'mute', conversations: [turn('human', 'a ?')] },
  { id: 'open', conversations: [turn('human', 'a <image> ?'), turn('gpt', 'no .'), turn('human', 'b ?')] },
];

beforeAll(() => {
  mkdirSync(join(folder, 'img'));
  writeFileSync(join(folder, 'img', 'a.png'), png);
  writeFileSync(join(folder, 'mixed.json'), JSON.stringify(entries));
  writeFileSync(
    join(folder, 'good.jsonl'),
    entries
      .slice(0, 2)
      .map((entry) => JSON.stringify(entry))
      .join('\n'),
  );
  writeFileSync(join(folder, 'img', 'metadata.jsonl'), JSON.stringify({ file_name: 'a.png', text: 'red and blue .' }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const check = (...args: string[]) => runCurio(folder, ['data', 'check', ...args]);

test('what is wrong by kind, what is unusual, and the policy', async () => {
  const lines = [
    'mixed.json: 5 entries, 3 can be used: 1 with a picture, 2 text alone; words 5 to 8, 7.0 on average',
    'cannot be used:',
    '         1  picture not found',
    '         1  no answer',
    "            entry 2 (id gone): image 'gone.png' not found under img",
    '            entry 3 (id mute): its only question has no answer, and every human turn needs a gpt turn after it',
    'unusual:',
    '         1  ends with a question, which is dropped',
    '         1  says <image> without a picture, read as text',
  ];
  const failed = await check('mixed.json', '--images', 'img');
  expect([failed.code, failed.stdout.trim().split('\n'), failed.sentence]).toEqual([
    EXIT.failed,
    lines,
    'data: mixed.json: 2 of 5 entries cannot be used; fix them, or skip them with --on-bad-entry skip.',
  ]);
  const skipped = await check('mixed.json', '--images', 'img', '--on-bad-entry', 'skip', '--json');
  expect([skipped.code, JSON.parse(skipped.stdout)]).toMatchObject([
    EXIT.ok,
    { entries: 5, samples: 3, wrong: { 'picture not found': 1, 'no answer': 1 } },
  ]);
});

test('an entry as the model reads it, by number or id', async () => {
  const shown = await check('mixed.json', '--images', 'img', '--id', 'one');
  expect([shown.code, shown.stdout]).toEqual([
    EXIT.ok,
    'entry 0 (id one), a.png: 13 ids, 3 of them learnt, 48 positions\n<s>USER:<image>\n is there a two ? ASSISTANT:【yes .</s>】\n',
  ]);
  const json = await check('mixed.json', '--images', 'img', '--entry', '1', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ id: 'two', images: [], learnt: 3 });
  expect(await check('mixed.json', '--images', 'img', '--entry', '5')).toMatchObject({
    code: EXIT.failed,
    sentence: 'data: mixed.json: entry 5 does not exist; the entries are 0 to 4.',
  });
});

test('an image folder, JSON lines, and an unknown id', async () => {
  const set = await openSet(join(folder, 'img'), null);
  expect((await set.samples.read(0)).messages.map(({ text }) => text)).toEqual(['<image>', 'red and blue .']);
  expect(await set.images.read('a.png')).toEqual({ width: 2, height: 1, rgb: Uint8Array.of(255, 0, 0, 0, 0, 255) });
  const lines = await openSet(join(folder, 'good.jsonl'), join(folder, 'img'));
  expect(checkLines(await checkData(lines))).toHaveLength(1);
  expect(await findEntry(lines.samples, 'two')).toBe(1);
  await expect(findEntry(lines.samples, 'three')).rejects.toThrow(
    `data: ${join(folder, 'good.jsonl')}: no entry has the id 'three'; give an existing id, or --entry.`,
  );
});

test('the index of a large file is kept, and rebuilt when the file changes', async () => {
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  try {
    const path = join(folder, 'large.jsonl');
    const long = turn('gpt', 'yes . '.repeat(1 << 20));
    const line = (id: string) => `${JSON.stringify({ id, conversations: [turn('human', 'a ?'), long] })}\n`;
    writeFileSync(path, line('0').repeat(6));
    const scans: number[] = [];
    const open = async () => {
      let calls = 0;
      const { samples } = await openSet(path, null, () => calls++);
      scans.push(calls);
      return samples.length;
    };
    expect([await open(), await open()]).toEqual([6, 6]);
    writeFileSync(path, line('0').repeat(7));
    expect(await open()).toBe(7);
    utimesSync(path, 1, 1);
    await open();
    expect(scans.map((calls) => calls > 0)).toEqual([true, false, true, true]);
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
});
