/** Chat, captions and files of questions, with the model of the demo. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError, DataError } from '@curio/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readImage } from '../src/data/decode.ts';
import { encodePng } from '../src/data/png.ts';
import { answerAll } from '../src/talk/answer-all.ts';
import type { Answered } from '../src/talk/answer-all.ts';
import { Chat } from '../src/talk/chat.ts';
import { History } from '../src/talk/history.ts';
import { openTalk } from '../src/talk/open.ts';
import type { Talk } from '../src/talk/open.ts';
import type { WritingOptions } from '../src/talk/options.ts';
import { AnswersFile, fingerprint, readQuestions } from '../src/talk/questions-file.ts';
import { CURIO } from './curio.ts';

const root = resolve(import.meta.dirname, '../../..');
const run = join(root, 'apps/demo/trained');
const folder = mkdtempSync(join(tmpdir(), 'curio-talk-'));
const at = (name: string): string => join(folder, name);
let talk: Talk;
beforeAll(async () => void (talk = await openTalk('chat', { run, seed: 1 })));
afterAll(() => talk.close());

for (const [i, name] of ['a.png', 'b.png'].entries()) {
  const rgb = Uint8Array.from({ length: 3 * 32 * 32 }, (_, k) => ((k % 96) * (i + 2)) % 256);
  writeFileSync(at(name), encodePng({ width: 32, height: 32, rgb }));
}
const options: WritingOptions = {
  ...{ seed: 1, temperature: 0, topK: 50, maxNewTokens: 24, stop: [], aspect: 'pad' as const },
};

function curio(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...CURIO, ...args], { cwd: root, encoding: 'utf8' });
  return { status, stdout, stderr: stderr.trim() };
}

test('questions are read by line and field', () => {
  const read = (text: string) => {
    writeFileSync(at('questions.jsonl'), text);
    return readQuestions(at('questions.jsonl'), folder);
  };
  expect(
    read('\ufeff{"question_id":1,"image":"a.png","text":"<image>\\nwhat ?"}\r\n\n{"question_id":"x","text":"b"}'),
  ).toEqual([
    { id: 1, image: at('a.png'), text: 'what ?' },
    { id: 'x', text: 'b' },
  ]);
  const where = `batch: ${at('questions.jsonl')}`;
  for (const [text, message] of [
    ['', `${where}: it has no questions; it must have at least one.`],
    ['[1]', `${where}:1: is [1]; each line must be one object.`],
    ['{"text":"a"}', `${where}:1: question_id is undefined; it must be text or a number.`],
    ['{"question_id":1,"text":3}', `${where}:1: text is 3; it must be the question.`],
    ['{"question_id":1,"text":"a","image":3}', `${where}:1: image is 3; it must be a path, or left out.`],
    [
      '{"question_id":1,"text":"a","image":"c.png"}',
      `${where}:1: image 'c.png' not found under ${folder}; give its folder with --images.`,
    ],
    [
      '{"question_id":1,"text":"a"}\n{"question_id":"1","text":"b"}',
      `${where}:2: question_id "1" is also in line 1; each question needs its own.`,
    ],
  ] as const)
    expect(() => read(text)).toThrow(new DataError(message));
  expect(() => read('{"question_id":1')).toThrow(/:1: not JSON \(.*\); each line must be one object\.$/);
});

test('answers are continued only with the same questions and settings; a line truncated by a crash is dropped', () => {
  const questions = [1, 2, 3].map((id) => ({ id, text: 'a' }));
  const line = (id: number, settings: string) => ({ question_id: id, text: 'b', metadata: { settings } });
  const path = at('answers.jsonl');
  const file = AnswersFile.open(path, questions, 's');
  expect(file.done).toBe(0);
  file.write(line(1, 's'));
  file.close();
  const whole = readFileSync(path, 'utf8');
  appendFileSync(path, '{"question_id":2,"te');
  const again = AnswersFile.open(path, questions, 's');
  expect(again.done).toBe(1);
  expect(() => AnswersFile.open(path, questions, 's')).toThrow(`file: ${path} is in use by process ${process.pid} on `);
  again.write(line(2, 's'));
  again.close();
  expect(readFileSync(path, 'utf8')).toBe(`${whole}${JSON.stringify(line(2, 's'))}\n`);
  expect(() => AnswersFile.open(path, questions, 't')).toThrow(
    new ConfigError(
      `batch: ${path}:1: was written with settings "s", now they are "t"; give the same model and options, or another --out.`,
    ),
  );
  expect(() => AnswersFile.open(path, [questions[0]!, questions[2]!], 's')).toThrow(
    new ConfigError(
      `batch: ${path}:2: answers question 2 and question 2 of the input is 3; give the input that it was started with, or another --out.`,
    ),
  );
  expect(() => AnswersFile.open(path, questions.slice(0, 1), 's')).toThrow(
    new ConfigError(
      `batch: ${path}:2: answers question 2 and the input has 1 questions; give the input that it was started with, or another --out.`,
    ),
  );
  expect(fingerprint({ a: 1 })).not.toBe(fingerprint({ a: 2 }));
});

const QUESTIONS = [
  'what is in the picture ?',
  'which digit is red ?',
  'how many digits are there ?',
  'where is the two ?',
];

test('batch resumes after kill -9, and no answer depends on --batch', async () => {
  const lines = Array.from({ length: 24 }, (_, i) =>
    JSON.stringify({
      question_id: `q${i}`,
      ...(i % 5 > 0 && { image: i % 2 ? 'a.png' : 'b.png' }),
      text: QUESTIONS[i % 4],
    }),
  );
  writeFileSync(at('many.jsonl'), lines.join('\n'));
  const args = (batch: string) =>
    ['batch', '--in', at('many.jsonl'), '--out', at('many.out.jsonl'), '--run', run, '--batch', batch].concat(
      ...[
        ['--max-new-tokens', '24'],
        ['--temperature', '0.8'],
      ],
    );
  const child = spawn(process.execPath, [...CURIO, ...args('3')], { cwd: root, stdio: 'ignore' });
  const written = (): number =>
    existsSync(at('many.out.jsonl')) ? readFileSync(at('many.out.jsonl'), 'utf8').split('\n').length - 1 : 0;
  while (written() < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  const before = written();
  expect(before).toBeLessThan(24);
  appendFileSync(at('many.out.jsonl'), '{"question_id":"q');
  const { status, stdout } = curio(...args('20'), '--json');
  expect([status, JSON.parse(stdout)]).toMatchObject([0, { questions: 24, before, answered: 24 - before }]);
  const answers = readFileSync(at('many.out.jsonl'), 'utf8').trim().split('\n');
  const expected: Answered[] = [];
  await answerAll(readQuestions(at('many.jsonl'), folder), 0, {
    ...{ talk, options: { ...options, temperature: 0.8 }, batch: 24, signal: new AbortController().signal },
    onAnswer: (i, answer) => void (expected[i] = answer),
  });
  expect(answers.map((line) => JSON.parse(line))).toEqual(
    expected.map(({ text, finish, promptTokens, newTokens }, i) => ({
      ...{ question_id: `q${i}`, prompt: QUESTIONS[i % 4], text, model_id: 'trained' },
      answer_id: expect.stringMatching(/^[\w-]{22}$/),
      metadata: { settings: expect.stringMatching(/^[0-9a-f]{12}$/), finish, promptTokens, newTokens },
    })),
  );
});

test('answers after self-questions include them', async () => {
  const questions = [
    { id: 1, image: at('a.png'), text: 'which digit is red ?' },
    { id: 2, image: at('b.png'), text: 'what is in the picture ?' },
  ];
  const of = async (from: number, batch: number): Promise<Answered[]> => {
    const given: Answered[] = [];
    await answerAll(questions, from, {
      ...{ talk, options, batch, sq: 2, signal: new AbortController().signal },
      onAnswer: (_, answer) => void given.push(answer),
    });
    return given;
  };
  const both = await of(0, 2);
  expect(both.map(({ asked }) => asked!.length)).toEqual([2, 2]);
  expect(await of(1, 1)).toEqual(both.slice(1));
});

/** A chat and all that it said. */
function chatOf(history: History, changed: Partial<WritingOptions> = {}) {
  const said: string[] = [];
  const chat = new Chat(talk, history, { ...options, ...changed }, readImage, {
    piece: (text) => void said.push(text),
    turn: () => {},
    note: (text) => void said.push(`note ${text}`),
    asking: () => void said.push('? '),
  });
  return { chat, said: () => said.splice(0).join('') };
}

test('a chat of several turns is saved, opened again, and continues as if it had not ended', async () => {
  const path = at('history.json');
  const { chat, said } = chatOf(History.open(path));
  await chat.show(at('a.png'));
  for (const line of ['what is in the picture ?', ' ', 'which digit is red ?'])
    expect(await chat.line(line)).toBe(true);
  const [first, second] = chat.history.turns;
  expect(said()).toBe(`${first!.answer}\n${second!.answer}\n`);
  const pixels = talk.prepare(await readImage(at('a.png')));
  const [expected] = await talk.speaker.reply(
    [
      {
        pixels,
        messages: [
          { role: 'human', text: '<image>\nwhat is in the picture ?' },
          { role: 'gpt', text: first!.answer },
          { role: 'human', text: 'which digit is red ?' },
          { role: 'gpt', text: null },
        ],
      },
    ],
    { maxNewTokens: 24 },
  );
  expect(second!.answer).toBe(expected);

  const again = chatOf(History.open(path));
  await again.chat.open();
  expect(again.chat.history).toEqual(chat.history);
  await chat.line('where is it ?');
  await again.chat.line('where is it ?');
  expect(again.chat.history.turns).toEqual(chat.history.turns);
});

test('commands in a chat', async () => {
  const { chat, said } = chatOf(new History(), { temperature: 1.5 });
  expect(await chat.line('/regenerate')).toBe(true);
  expect(said()).toBe('note chat: there is no answer to regenerate yet; ask something first.');
  await chat.line('/image');
  await chat.line('/image nothing.png');
  await chat.line('/self x');
  await chat.line('/slef');
  expect(said().split('note ').slice(1)).toEqual([
    'chat: /image names no file; write /image FILE.',
    "image: 'nothing.png' not found.",
    "chat: /self is given 'x'; it takes a number of questions, from 1 to 999.",
    'chat: there is no command /slef; /help lists them.',
  ]);
  await chat.line(`/image ${at('a.png')}`);
  await chat.line('what is in the picture ?');
  const [first] = chat.history.turns;
  await chat.line('/regenerate');
  expect(chat.history.turns.length).toBe(1);
  expect(chat.history.turns[0]!.question).toBe(first!.question);
  expect(chat.history.turns[0]!.answer).not.toBe(first!.answer);
  said();
  await chat.line('/self 2');
  expect(chat.history.turns.map(({ role }) => role)).toEqual(['human', 'vuser', 'vuser']);
  expect(said().match(/\? /g)!.length).toBeGreaterThanOrEqual(2);
  await chat.line('/clear');
  await chat.line('/self');
  expect(chat.history.turns.map(({ role, question }) => [role, question === talk.ask.describePrompt])).toEqual([
    ['human', true],
    ['vuser', false],
  ]);
  expect([chat.history.image, await chat.line('/quit')]).toEqual([at('a.png'), false]);
});

test('an aborted answer is not kept; at temperature 0 there is no other', async () => {
  const { chat, said } = chatOf(new History());
  const abort = new AbortController();
  abort.abort();
  await chat.line('what is it ?', abort.signal);
  expect(chat.history.turns).toEqual([]);
  await chat.line('what is it ?');
  const before = chat.history.turns;
  said();
  await chat.line('/regenerate');
  expect([chat.history.turns, said()]).toEqual([
    before,
    'note chat: at temperature 0 the answer would be the same; start with --temperature 0.2 or more to sample another.',
  ]);
});

test('an invalid history is refused', () => {
  const path = at('bad.json');
  writeFileSync(path, '{"version":2,"image":null,"turns":[]}');
  expect(() => History.open(path)).toThrow(
    new DataError(`chat: ${path}: version: expected 1; it must be a conversation saved by curio chat, or a new file.`),
  );
});

test('chat, caption and wrong usage on the command line', { timeout: 120_000 }, () => {
  const command = [...CURIO, 'chat', at('a.png')];
  const input = 'what is in the picture ?\n/nothing\n/quit\nnever\n';
  const chat = spawnSync(process.execPath, [...command, '--run', run, '--json', '--temperature', '0'], {
    ...{ cwd: root, encoding: 'utf8', input },
  });
  expect([chat.status, chat.stderr]).toEqual([0, expect.any(String)]);
  expect(
    chat.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    expect.objectContaining({ role: 'human', question: 'what is in the picture ?', finish: 'end' }),
    { note: 'chat: there is no command /nothing; /help lists them.' },
  ]);
  const caption = curio(
    'caption',
    at('a.png'),
    at('b.png'),
    '--run',
    run,
    '--json',
    '--prompt',
    'what is in the picture ?',
  );
  const captions = caption.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(captions.map(({ image, finish }) => [image, finish])).toEqual([
    [at('a.png'), 'end'],
    [at('b.png'), 'end'],
  ]);
  expect(captions[0].caption).toBe(JSON.parse(chat.stdout.split('\n')[0]!).answer);
  expect(curio('caption', at('c.png'), '--run', run)).toMatchObject({
    status: 1,
    stderr: `image: '${at('c.png')}' not found.`,
  });
  expect(curio('batch', '--in', at('many.jsonl'), '--out', at('x'), '--sq', '2')).toMatchObject({
    status: 2,
    stderr: 'batch: question "q0" has no image and --sq is 2; give an image with every question, or leave --sq out.',
  });
});
