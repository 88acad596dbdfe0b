/** Judged benchmarks against a judge on loopback that is slow, fails and says nothing of use at times. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '@curio/engine';
import { afterAll, expect, test } from 'vitest';
import { openDataSet } from '../src/eval/data-set.ts';
import { writeResult } from '../src/eval/result.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-judge-'));
const servers: Server[] = [];
afterAll(() => servers.forEach((server) => server.close().closeAllConnections()));

const lines = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const write = (path: string, text: string): string => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
  return join(folder, path);
};

/** What the judge says to a call: a text, a status of HTTP, or nothing before the client gives up. */
type Says = string | number | 'silence';

/** A judge, and the bodies of all calls. `says` sees the text of a call and how often it has come. */
async function openJudge(says: (content: string, times: number) => Says) {
  const calls: { content: string; temperature: number; key: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { messages, temperature } = JSON.parse(text);
    const { content } = messages.at(-1);
    const times = calls.filter((call) => call.content === content && call.temperature === temperature).length;
    calls.push({ content, temperature, key: request.headers.authorization });
    const said = says(content, times);
    if (said === 'silence') return;
    const status = typeof said === 'number' ? said : 200;
    response.writeHead(status, { 'content-type': 'application/json', 'retry-after-ms': '1' });
    const choices = [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop' }];
    response.end(
      JSON.stringify(
        status === 200
          ? { id: 'a', object: 'chat.completion', model: 'judge-0', choices }
          : { error: { message: 'broken' } },
      ),
    );
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { calls, judge: { url, model: 'judge', key: 'secret', timeoutMs: 300, retries: 3 } };
}

const answersTo = (path: string, ids: readonly number[]): string =>
  write(
    path,
    lines(
      ids.map((question_id) => ({ question_id, prompt: `what is ${question_id}?`, text: `answer ${question_id}` })),
    ),
  );

const categories = ['conv', 'detail', 'complex'];
const questions = [0, 1, 2].map((question_id) => ({
  ...{ question_id, image: `${question_id}.jpg`, category: categories[question_id]! },
  text: `what is ${question_id}?`,
}));
write('bench/questions.jsonl', lines(questions));
write('bench/context.jsonl', lines(questions.map(({ image }) => ({ image, caption: `picture ${image}` }))));
write(
  'bench/answers_gpt4.jsonl',
  lines(questions.map(({ question_id }) => ({ question_id, text: 'gpt', answer_id: `g${question_id}` }))),
);
write(
  'bench/rule.json',
  JSON.stringify(
    Object.fromEntries(categories.map((name) => [`llava_bench_${name}`, { role: 'Assistant', prompt: 'Mark both.' }])),
  ),
);

test('LLaVA-Bench: a call that times out or fails is repeated; reviews and scores as published', async () => {
  const set = openDataSet('llava-bench', { data: join(folder, 'bench') });
  const answers = answersTo('bench/own.jsonl', [0, 1, 2]);
  const { calls, judge } = await openJudge((content, times) => {
    if (content.includes('what is 1?') && times === 0) return 'silence';
    if (content.includes('what is 2?') && times < 2) return 500;
    return content.includes('what is 0?') ? '8 6\nwell.' : content.includes('what is 1?') ? '10,9' : 'none';
  });
  const out = join(folder, 'bench-out');
  const { score, notScored, files, settings } = await writeResult(set, {
    ...{ out, name: 'm', answers, settings: {}, judge },
  });
  expect(notScored).toEqual([]);
  expect(calls.length).toBe(3 + 1 + 2);
  expect(new Set(calls.map(({ key, temperature }) => `${key} ${temperature}`))).toEqual(new Set(['Bearer secret 0.2']));
  // 8 6, 10 9 and a reply without marks, which counts as -1 -1: 14/3 over 17/3.
  expect(score).toMatchObject({
    main: 82.4,
    details: { llava_bench_conv: 75, llava_bench_detail: 90, llava_bench_complex: 100 },
  });
  const reviews = join(out, 'reviews/m-judge.jsonl');
  expect(files).toContain(reviews);
  expect(readFileSync(reviews, 'utf8').split('\n')[0]).toBe(
    '{"id": 1, "question_id": 0, "answer1_id": "g0", "answer2_id": "", "category": "llava_bench_conv", "content": "8 6\\nwell.", "tuple": [8.0, 6.0]}',
  );
  expect(settings).toEqual({ judge: { url: judge.url, model: 'judge' } });
});

test('an entry that cannot be judged does not stop the rest; the next run asks only for it', async () => {
  const set = openDataSet('llava-bench', { data: join(folder, 'bench') });
  const answers = answersTo('bench/own.jsonl', [0, 1, 2]);
  let works = false;
  const { calls, judge } = await openJudge((content) => (content.includes('what is 1?') && !works ? 400 : '8 6'));
  const out = join(folder, 'bench-some');
  const run = () => writeResult(set, { out, name: 'm', answers, settings: {}, judge });
  const first = await run();
  expect([first.score, first.notScored]).toEqual([null, ['judge: entry 1: 400 broken; run it again.']]);
  works = true;
  const before = calls.length;
  expect((await run()).score!.main).toBe(75);
  expect(calls.length).toBe(before + 1);
  await expect(
    writeResult(set, { out, name: 'm', answers, settings: {}, judge: { ...judge, model: 'judge' } }),
  ).resolves.toMatchObject({ score: { main: 75 } });
  const kept = join(out, 'judge/m-judge.replies.jsonl');
  writeFileSync(kept, readFileSync(kept, 'utf8').replaceAll('"judge":"judge"', '"judge":"other"'));
  await expect(run()).rejects.toThrow(
    new DataError(
      `eval: ${kept}, line 1: the judge was 'other' and this one is 'judge'; give another --out, or the same judge.`,
    ),
  );
});

test('without a judge its input files are written and the score is reported as missing', async () => {
  const set = openDataSet('llava-bench', { data: join(folder, 'bench') });
  const answers = answersTo('bench/own.jsonl', [0, 1, 2]);
  const out = join(folder, 'bench-none');
  const { score, notScored, files } = await writeResult(set, { out, name: 'm', answers, settings: {} });
  expect([score, notScored]).toEqual([
    null,
    [
      'llava-bench: a judge gives the score; ask one with --judge URL --judge-model NAME (published: gpt-4-0314), or give it the files written.',
    ],
  ]);
  expect(files).toContain(join(out, 'judge/m.jsonl'));
});

test('MM-Vet: a reply without a grade is requested again at a higher temperature, and finally counts 0', async () => {
  write(
    'vet/llava-mm-vet.jsonl',
    lines([0, 1].map((question_id) => ({ question_id, image: 'a.jpg', text: `what is ${question_id}?` }))),
  );
  const truth = { question: 'q', answer: 'a', capability: ['rec', 'ocr'] };
  write('vet/mm-vet/mm-vet.json', JSON.stringify({ v1_0: truth, v1_1: { ...truth, capability: ['rec'] } }));
  write('vet/mm-vet_evaluator.py', 'prompt = """Grade it."""\n');
  const set = openDataSet('mm-vet', { data: join(folder, 'vet') });
  const answers = answersTo('vet/own.jsonl', [0, 1]);
  const { calls, judge } = await openJudge((content) =>
    content.includes('answer 0') ? (content.includes('(digit)') ? '0.6' : 'good') : 'none',
  );
  const out = join(folder, 'vet-out');
  const { score } = await writeResult(set, { out, name: 'm', answers, settings: {}, judge });
  expect(score).toMatchObject({ main: 30, mainName: 'mean grade', details: { rec: 30, ocr: 60 } });
  expect(calls.filter(({ content }) => content.includes('answer 1')).map(({ temperature }) => temperature)).toEqual([
    0, 0, 0.5, 1, 1.5,
  ]);
  expect(JSON.parse(readFileSync(join(out, 'results/m_judge-grade-1runs.json'), 'utf8'))).toEqual({
    v1_0: { model: ['judge-0'], content: ['0.6'], score: [0.6] },
    v1_1: { model: ['judge-0'], content: ['none'], score: [0] },
  });
});
