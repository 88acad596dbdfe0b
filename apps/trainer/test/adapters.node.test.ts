/** Folders instead of a run: one base with several adapters, and what is asked of it by template and aspect. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError } from '@curio/engine';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readImage } from '../src/data/decode.ts';
import { encodePng } from '../src/data/png.ts';
import { Chat } from '../src/talk/chat.ts';
import { createApi } from '../src/serve/server.ts';
import { History } from '../src/talk/history.ts';
import { OrderedOutput } from '../src/talk/ordered-output.ts';
import { openTalk } from '../src/talk/open.ts';
import type { NamedModel, Talk } from '../src/talk/open.ts';
import { question } from '../src/talk/options.ts';
import { CURIO } from './curio.ts';
import { smallFolders } from './small-folders.ts';

const root = resolve(import.meta.dirname, '../../..');
const published = join(root, 'packages/testing/published/transformers-4.31');
const folder = mkdtempSync(join(tmpdir(), 'curio-adapters-'));
const picture = join(folder, 'a.png');
writeFileSync(
  picture,
  encodePng({ width: 48, height: 24, rgb: Uint8Array.from({ length: 3 * 48 * 24 }, (_, i) => (i * 7) % 256) }),
);

const { base, good: trained, plain } = smallFolders(folder);
const model = { ...base, seed: 1 };
let both: Talk;
beforeAll(async () => void (both = await openTalk('chat', { ...model, adapter: [`good=${trained}`, plain] })));
afterAll(() => both.close());

const asked = 'what is in the picture ?';
async function answerOf({ speaker, prepare }: NamedModel): Promise<string> {
  const request = question(asked, prepare(await readImage(picture)), []);
  return (await speaker.reply([request], { maxNewTokens: 24 }))[0]!;
}

test('several adapters share one base and answer as each does alone, in any order', async () => {
  const [good, zero] = both.models as [NamedModel, NamedModel];
  expect(both.models.map(({ name }) => name)).toEqual(['good', 'plain']);
  const told = [await answerOf(good), await answerOf(zero), await answerOf(good)];
  expect(told[2]).toBe(told[0]);
  expect(told[1]).not.toBe(told[0]);
  for (const [i, adapter] of [trained, plain].entries()) {
    const alone = await openTalk('chat', { ...model, adapter: [adapter] });
    expect(await answerOf(alone)).toBe(told[i]);
    alone.close();
  }
  const second = new Map(zero.speaker.model.parameters.map((each) => [each.name, each]));
  const own = good.speaker.model.parameters.filter((each) => second.get(each.name) !== each);
  expect(own.length).toBeGreaterThan(0);
  expect(own.filter(({ name }) => !/lora_|^projector\.|extra_/.test(name))).toEqual([]);
});

test('/adapter continues the conversation with another one', async () => {
  const said: string[] = [];
  const options = { ...model, temperature: 0, topK: 0, stop: [], maxNewTokens: 24 };
  const chat = new Chat(both, new History(), options, readImage, {
    ...{ piece: () => {}, turn: () => {}, asking: () => {} },
    note: (text) => void said.push(text),
  });
  await chat.show(picture);
  await chat.line('/adapter better');
  await chat.line('/adapter plain');
  await chat.line(asked);
  expect(chat.history.turns[0]!.answer).toBe(await answerOf(both.models[1]!));
  await chat.line('/clear');
  await chat.line('/adapter good');
  await chat.line(asked);
  expect(chat.history.turns[0]!.answer).toBe(await answerOf(both.models[0]!));
  expect(said).toEqual([
    "chat: there is no adapter 'better'; the adapters are good (in use), plain.",
    'chat: plain answers from now on.',
    'chat: good answers from now on.',
  ]);
});

test('a server answers with the adapter that a request names, while others wait', async () => {
  const server = createApi({
    ...{ models: both.models, maxTokens: 24, topP: 1, key: null, queue: 8, maxBody: 2 ** 20 },
    onFault: (error) => expect.unreachable(String(error)),
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'none', maxRetries: 0 });
  const url = `data:image/png;base64,${readFileSync(picture).toString('base64')}`;
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: asked },
        { type: 'image_url', image_url: { url } },
      ],
    },
  ];
  const ask = (name: string) => client.chat.completions.create({ model: name, temperature: 0, messages });
  try {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['good', 'plain']);
    const replies = await Promise.all(['good', 'plain', 'plain', 'good'].map(ask));
    const good = await answerOf(both.models[0]!);
    const zero = await answerOf(both.models[1]!);
    expect(replies.map((reply) => [reply.model, reply.choices[0]!.message.content])).toEqual([
      ['good', good],
      ['plain', zero],
      ['plain', zero],
      ['good', good],
    ]);
    await expect(ask('best')).rejects.toThrow(
      "404 model is 'best' and this server has 'good', 'plain'; ask for one of those.",
    );
  } finally {
    server.close().closeAllConnections();
  }
});

test('two adapters with the same name are refused', async () => {
  await expect(openTalk('chat', { ...model, adapter: [plain, `plain=${trained}`] })).rejects.toThrow(
    new ConfigError(
      `chat: the adapters ${plain} and ${trained} are both called 'plain'; rename one with --adapter NAME=${trained}.`,
    ),
  );
});

test('template and aspect are those of the published programs if the files do not say', async () => {
  const folders = { model: join(published, 'language'), adapter: [join(published, 'adapter')], seed: 1 };
  const told = [];
  for (const purpose of ['question', 'self-question', 'caption'] as const) {
    const talk = await openTalk('ask', folders, purpose);
    told.push([talk.template, talk.aspect]);
    talk.close();
  }
  expect(told).toEqual([
    ['v1', 'pad'],
    ['v1_sq', 'crop'],
    ['v1', 'crop'],
  ]);
  const own = { ...model, adapter: [trained] };
  const talk = await openTalk('ask', own, 'self-question');
  expect([talk.template, talk.aspect]).toEqual(['scenes', 'pad']);
  talk.close();
});

test('texts written at the same time are printed one after the other', () => {
  const said: string[] = [];
  const shown = new OrderedOutput((text) => void said.push(text), ['', '? ', '= ']);
  shown.update(1, 'who');
  shown.update(0, 'a');
  shown.update(0, 'a b');
  expect(said.join('')).toBe('a b');
  shown.finish(1);
  shown.finish(0);
  expect(said.join('')).toBe('a b? who');
  shown.finish(2);
  expect(said.join('')).toBe('a b? who= ');
});

function curio(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...CURIO, ...args], { cwd: root, encoding: 'utf8' });
  return { status, stdout, stderr: stderr.trim() };
}

const ask = (...args: string[]) => curio('ask', ...args);

test('ask: as text, as JSON, after questions of its own, and wrong usage', async () => {
  const named = ['--model', model.model, '--vision', model.vision, '--adapter', trained];
  const text = ask(picture, asked, ...named);
  expect([text.status, text.stdout]).toEqual([0, `${await answerOf(both)}\n`]);
  const json = ask(picture, asked, ...named, '--sq', '2', '--json');
  const told = JSON.parse(json.stdout);
  expect(told).toMatchObject({ image: picture, question: asked, answer: expect.any(String) });
  expect(told.asked.length).toBe(2);
  const shown = ask(picture, asked, ...named, '--sq', '2');
  const turns = told.asked.map((turn: { question: string; answer: string }) => `? ${turn.question}\n  ${turn.answer}`);
  expect(shown.stdout).toBe([told.description, ...turns, `> ${asked}\n  ${told.answer}\n`].join('\n\n'));
  expect(ask(picture, '--self', '2', '--sq', '1')).toMatchObject({
    status: 2,
    stderr: 'ask: --sq 1 needs a question and --self 2 has none; give one of the two.',
  });
  expect(ask(picture, asked, '--candidates', '3')).toMatchObject({
    status: 2,
    stderr: 'ask: --candidates 3 is given, but the model asks no questions of its own; add --self n or --sq n.',
  });
  // Settings of the preset small draw three for each; one is the question as it was drawn.
  const [once, three] = ['1', '3'].map((n) => ask(picture, '--self', '2', ...named, '--candidates', n, '--json'));
  expect([once!.status, three!.status]).toEqual([0, 0]);
  expect(JSON.parse(once!.stdout).asked).not.toEqual(JSON.parse(three!.stdout).asked);
});

test('batch --self: questions and answers about a folder of pictures, continued where it ended', async () => {
  const pictures = join(folder, 'pictures');
  mkdirSync(join(pictures, 'more'), { recursive: true });
  for (const name of ['b.PNG', 'a.png', 'more/c.png', '.hidden.png']) copyFileSync(picture, join(pictures, name));
  writeFileSync(join(pictures, 'notes.txt'), 'no picture');
  const out = join(folder, 'self.jsonl');
  const batch = (...args: string[]) =>
    curio('batch', '--in', pictures, '--out', out, '--model', model.model, '--vision', model.vision, ...args);
  const named = ['--adapter', trained, '--self', '2', '--max-new-tokens', '8'];
  const done = batch(...named);
  expect([done.status, done.stdout]).toEqual([
    0,
    `batch: ${out} holds 2 questions and answers about each of 3 pictures of 3.\n`,
  ]);
  const lines = readFileSync(out, 'utf8').trim().split('\n');
  const told = lines.map((line) => JSON.parse(line));
  expect(told.map(({ image }) => image)).toEqual(['a.png', 'b.PNG', 'more/c.png']);
  const direct = await openTalk('batch', { ...model, adapter: [trained] }, 'self-question');
  for (const [i, { sampler, dialogues }] of told.entries()) {
    const ask = { ...direct.ask, questions: 2, maxAnswer: 8 };
    const pixels = direct.prepare(await readImage(picture));
    const [said] = await direct.speaker.selfQuestion([pixels], ask, 1 + i, {});
    expect(sampler).toEqual([ask.describePrompt, said!.description]);
    expect(dialogues).toEqual(said!.asked.map(({ question: asks, answer }) => [asks, answer]));
  }
  direct.close();
  // Cut in the middle of a line: the rest comes out the same.
  writeFileSync(out, `${lines[0]}\n${lines[1]!.slice(0, 20)}`);
  expect(batch(...named).stdout).toContain('3 pictures of 3, 1 of them from an earlier run.');
  expect(readFileSync(out, 'utf8').trim().split('\n')).toEqual(lines);
  expect(batch(...named, '--temperature', '0.5')).toMatchObject({
    status: 2,
    stderr:
      "batch: --temperature is given with --self 2, which needs only a folder and samples as the model's configuration says; leave it out.",
  });
  expect(curio('batch', '--in', picture, '--out', out, '--self', '1')).toMatchObject({
    status: 1,
    stderr: `batch: '${picture}' is not a folder; --self needs a folder of pictures.`,
  });
});
