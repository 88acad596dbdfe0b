/** The HTTP endpoint, asked by OpenAI's own client. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Speaker } from '@curio/model';
import type { ReplyOptions, Request, TemplateName } from '@curio/model';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTemplate } from '../src/serve/request.ts';
import { createApi } from '../src/serve/server.ts';
import type { ServeOptions } from '../src/serve/server.ts';
import { openTalk } from '../src/talk/open.ts';
import type { Talk } from '../src/talk/open.ts';
import { decodeImage } from '../src/data/decode.ts';
import { encodePng } from '../src/data/png.ts';
import { CURIO } from './curio.ts';

const run = resolve(import.meta.dirname, '../../demo/trained');
const servers: Server[] = [];
let talk: Talk;
let client: OpenAI;
beforeAll(async () => {
  talk = await openTalk('serve', { run, seed: 1 });
  client = await serve({});
});
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
  talk.close();
});

const served = (speaker: Pick<Speaker, 'write'>) => ({ name: 'trained', speaker, prepare: talk.prepare });

/** A server with some settings of its own, and a client of it. */
async function serve(options: Partial<ServeOptions>, key = 'none'): Promise<OpenAI> {
  const server = createApi({
    ...{ models: [served(talk.speaker)], maxTokens: 32, topP: 1 },
    ...{ key: null, queue: 8, maxBody: 2 ** 20 },
    onFault: (error) => expect.unreachable(String(error)),
    ...options,
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: key, maxRetries: 0 });
}

/** A red square on blue. */
const picture = encodePng({
  width: 24,
  height: 24,
  rgb: Uint8Array.from({ length: 3 * 24 * 24 }, (_, i) => [200, 0, 90][i % 3]! * Number(i % 72 > 30)),
});
const url = `data:image/png;base64,${Buffer.from(picture).toString('base64')}`;
type Messages = OpenAI.ChatCompletionMessageParam[];
const about = (question: string): Messages => [
  {
    role: 'user',
    content: [
      { type: 'text', text: question },
      { type: 'image_url', image_url: { url } },
    ],
  },
];
const greedy = { model: 'trained', temperature: 0 } as const;

test('models are listed and found', async () => {
  expect((await client.models.list()).data).toEqual([
    { id: 'trained', object: 'model', created: expect.any(Number), owned_by: 'curio' },
  ]);
  expect((await client.models.retrieve('trained')).id).toBe('trained');
  await expect(client.models.retrieve('gpt')).rejects.toThrow("404 model 'gpt' is not here; there is 'trained'.");
});

test("a question about a picture gets the model's answer, whole and in pieces", async () => {
  const pixels = talk.prepare(await decodeImage(picture, 'picture'));
  const [expected] = await talk.speaker.write(
    [
      {
        pixels,
        messages: [
          { role: 'human', text: '<image>\ndescribe the image in detail .' },
          { role: 'gpt', text: null },
        ],
      },
    ],
    { maxNewTokens: 32 },
  );
  const messages = about('describe the image in detail .');
  const whole = await client.chat.completions.create({ ...greedy, messages });
  expect(whole).toMatchObject({ object: 'chat.completion', model: 'trained' });
  expect(whole.choices).toEqual([
    {
      index: 0,
      message: { role: 'assistant', content: expected!.text, refusal: null },
      logprobs: null,
      finish_reason: expected!.finish === 'length' ? 'length' : 'stop',
    },
  ]);
  const { promptTokens, newTokens } = expected!;
  const usage = { prompt_tokens: promptTokens, completion_tokens: newTokens, total_tokens: promptTokens + newTokens };
  expect(whole.usage).toEqual(usage);

  const pieces: string[] = [];
  const reasons: unknown[] = [];
  const told: unknown[] = [];
  const stream = await client.chat.completions.create({
    ...{ ...greedy, messages, stream: true },
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    if (chunk.usage) told.push(chunk.usage);
    for (const { delta, finish_reason } of chunk.choices) {
      if (delta.content) pieces.push(delta.content);
      reasons.push(finish_reason);
    }
  }
  expect(pieces.join('')).toBe(expected!.text);
  expect(pieces.length).toBeGreaterThan(2);
  expect(reasons.at(-1)).toBe(whole.choices[0]!.finish_reason);
  expect(told).toEqual([usage]);
});

test('a server uses the template that it is given', async () => {
  const messages = about('describe the image in detail .');
  const tokensIn = async (template: TemplateName | undefined): Promise<number> => {
    const own = await serve({ models: [served(inTemplate(talk.speaker, template))] });
    return (await own.chat.completions.create({ ...greedy, messages, max_tokens: 1 })).usage!.prompt_tokens;
  };
  const request = {
    pixels: talk.prepare(await decodeImage(picture, 'picture')),
    messages: [
      { role: 'human' as const, text: '<image>\ndescribe the image in detail .' },
      { role: 'gpt' as const, text: null },
    ],
  };
  const [[plain], [v1]] = [
    await talk.speaker.write([request], { maxNewTokens: 1 }),
    await talk.speaker.write([request], { maxNewTokens: 1, template: 'v1' }),
  ];
  expect(v1!.promptTokens).toBeGreaterThan(plain!.promptTokens);
  expect([await tokensIn(undefined), await tokensIn('v1')]).toEqual([plain!.promptTokens, v1!.promptTokens]);
});

test('several at once get the answers of each alone; turns, stops and limits are respected', async () => {
  const asked = [
    'which digit is red ?',
    'describe the image in detail .',
    'how many digits are there ?',
    'is it blue ?',
    'hi',
  ];
  const ask = async (question: string): Promise<string | null> =>
    (await client.chat.completions.create({ ...greedy, messages: about(question) })).choices[0]!.message.content;
  const together = await Promise.all(asked.map(ask));
  for (const [i, question] of asked.entries()) expect(await ask(question)).toBe(together[i]);

  const long = 'describe the image in detail .';
  const { choices } = await client.chat.completions.create({ ...greedy, messages: about(long), max_tokens: 2 });
  expect(choices[0]).toMatchObject({ finish_reason: 'length' });
  const words = together[1]!.split(' ');
  const cut = await client.chat.completions.create({ ...greedy, messages: about(long), stop: [words[3]!, 'never'] });
  expect(cut.choices[0]!.finish_reason).toBe('stop');
  expect(cut.choices[0]!.message.content).toBe(together[1]!.slice(0, together[1]!.indexOf(words[3]!)).trim());

  const turns = await client.chat.completions.create({
    ...greedy,
    messages: [
      { role: 'system', content: 'be brief .' },
      ...about('which digit is red ?'),
      { role: 'assistant', content: 'seven .' },
      { role: 'user', content: 'where is it ?' },
    ],
  });
  const alone = await client.chat.completions.create({ ...greedy, messages: about('which digit is red ?') });
  expect(turns.usage!.prompt_tokens).toBeGreaterThan(alone.usage!.prompt_tokens);
});

/** The model without an end, so that an answer is as long as it may be. */
function endless(): Speaker {
  const { model, tokens } = talk.speaker;
  const get = (of: typeof tokens, key: string | symbol): unknown => {
    const value: unknown = Reflect.get(of, key, of);
    return key === 'eos' ? -1 : typeof value === 'function' ? value.bind(of) : value;
  };
  return new Speaker(model, new Proxy(tokens, { get }));
}

test('a new request does not wait for a long answer, and gets the answer that it gets alone', async () => {
  const open = await serve({ models: [served(endless())] });
  const short = { ...greedy, messages: about('is it blue ?'), max_tokens: 4 };
  const alone = await open.chat.completions.create(short);
  const long = { ...greedy, messages: about('describe the image in detail .'), max_tokens: 120 };
  const whole = await open.chat.completions.create(long);
  const rambling = await open.chat.completions.create({ ...long, stream: true });
  let text = '';
  let pieces = 0;
  let before = -1;
  let joined: Promise<unknown> | undefined;
  for await (const { choices } of rambling) {
    if (!choices[0]?.delta.content) continue;
    pieces++;
    text += choices[0].delta.content;
    joined ??= open.chat.completions.create(short).then((reply) => {
      before = pieces;
      expect(reply.choices[0]!.message.content).toBe(alone.choices[0]!.message.content);
    });
  }
  await joined;
  expect(text).toBe(whole.choices[0]!.message.content);
  expect(pieces).toBeGreaterThan(20);
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(pieces);
});

test('samples follow the seed, and n answers differ', async () => {
  const messages = about('describe the image in detail .');
  const draw = async (seed: number): Promise<(string | null)[]> =>
    (await client.chat.completions.create({ model: 'trained', messages, temperature: 2, seed, n: 3 })).choices.map(
      ({ message }) => message.content,
    );
  const first = await draw(5);
  expect(await draw(5)).toEqual(first);
  expect(new Set(first).size).toBeGreaterThan(1);
});

test.each<[string, object, string]>([
  ['another model', { model: 'gpt' }, "404 model is 'gpt' and this server has 'trained'; ask for that one."],
  ['a tool', { tools: [] }, '400 tools: this server does not know it; leave it out.'],
  ['a temperature', { temperature: 3 }, '400 temperature: Too big: expected number to be <=2.'],
  ['log-probabilities', { logprobs: true }, '400 logprobs: expected false.'],
  [
    'a picture elsewhere',
    { messages: [image('https://example.org/a.png')] },
    "400 messages.0: the image is 'https://example.org/a.png'; it must be a data URL such as data:image/png;base64,…, since the server fetches nothing.",
  ],
  ['no picture', { messages: [image('data:image/png;base64,AAAA')] }, "400 image: 'messages.0'"],
  [
    'a tag',
    { messages: [{ role: 'user', content: '<image> a' }] },
    '400 messages.0: the text says <image>, which is the placeholder of a picture; give pictures as image_url.',
  ],
  [
    'two in a row',
    { messages: [...about('a'), ...about('b')] },
    "400 messages.1.role is 'user' and must be 'assistant'; a system message may come first, then user and assistant alternate.",
  ],
  [
    'an answer last',
    { messages: [...about('a'), { role: 'assistant', content: 'b' }] },
    "400 messages: the last one is not the user's, so there is nothing to answer.",
  ],
  [
    'a wrong part',
    { messages: [{ role: 'user', content: [{ type: 'text', text: 3 }] }] },
    '400 messages.0.content.0.text: expected string, received number.',
  ],
  [
    'too long',
    { messages: [{ role: 'user', content: 'red '.repeat(600) }] },
    '400 generate: prompt 0 takes 603 positions and the model has 512; shorten it, so that one is left for the answer.',
  ],
])('refused with a sentence: %s', async (_, changed, message) => {
  const body = { ...greedy, messages: about('a'), ...changed } as OpenAI.ChatCompletionCreateParamsNonStreaming;
  const failure = (await client.chat.completions.create(body).catch((error: unknown) => error)) as InstanceType<
    typeof OpenAI.APIError
  >;
  expect(failure).toBeInstanceOf(OpenAI.APIError);
  expect(failure.message).toContain(message);
  expect(failure.type).toBe('invalid_request_error');
  const streamed = await client.chat.completions
    .create({ ...body, stream: true } as never)
    .catch((error: unknown) => error);
  expect((streamed as Error).message).toBe(failure.message);
});

function image(address: string): object {
  return { role: 'user', content: [{ type: 'image_url', image_url: { url: address } }] };
}

test('one that cannot be answered does not affect others', async () => {
  const [bad, good] = await Promise.allSettled([
    client.chat.completions.create({ ...greedy, messages: [{ role: 'user', content: 'red '.repeat(600) }] }),
    client.chat.completions.create({ ...greedy, messages: about('is it blue ?') }),
  ]);
  expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled']);
});

test('invalid paths, methods and bodies', async () => {
  const at = (path: string, init?: RequestInit) => fetch(`${client.baseURL.replace(/\/v1$/, '')}${path}`, init);
  const told = async (response: Response) => [
    response.status,
    ((await response.json()) as { error: { message: string } }).error.message,
  ];
  expect(await told(await at('/v1/embeddings'))).toEqual([
    404,
    '/v1/embeddings is not here; there are /v1/models and /v1/chat/completions.',
  ]);
  expect(await told(await at('/v1/chat/completions'))).toEqual([405, 'GET /v1/chat/completions: it takes POST.']);
  const post = (body: string, type = 'application/json') =>
    at('/v1/chat/completions', { method: 'POST', body, headers: { 'content-type': type } });
  expect(await told(await post('{}', 'text/plain'))).toEqual([
    415,
    'content-type is text/plain; it must be application/json.',
  ]);
  expect((await told(await post('{')))[1]).toMatch(/^the body is not JSON \(.*\)\.$/);
  expect(await told(await post('3'))).toEqual([400, 'the body: expected object, received number.']);
  expect(await told(await post(' '.repeat(2 ** 20 + 1)))).toEqual([
    413,
    'the body has 1048577 bytes and at most 1048576 are taken; send smaller images.',
  ]);
});

test('with a key, others are refused', async () => {
  const open = await serve({ key: 'secret' }, 'secret');
  expect((await open.models.list()).data.length).toBe(1);
  const other = new OpenAI({ baseURL: open.baseURL, apiKey: 'other', maxRetries: 0 });
  await expect(other.models.list()).rejects.toThrow('401 the key is another than this server was started with.');
  expect((await fetch(`${open.baseURL}/models`)).status).toBe(401);
});

/** A speaker that answers when it is told to. */
function slowSpeaker() {
  const calls: { requests: readonly Request[]; options: ReplyOptions; end: () => void }[] = [];
  const write = (requests: readonly Request[], options: ReplyOptions) =>
    new Promise<[]>((resolve) => {
      const end = (): void => {
        requests.forEach((_, k) => options.onReply!(k, { text: 'a', finish: 'end', promptTokens: 1, newTokens: 1 }));
        resolve([]);
      };
      calls.push({ requests, options, end });
    });
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { calls, speaker: { write }, until };
}

test('a client that disconnects ends its answer, whether written or waiting', async () => {
  const { calls, speaker, until } = slowSpeaker();
  const slow = await serve({ models: [served(speaker)] });
  const ask = (signal?: AbortSignal) =>
    slow.chat.completions.create({ ...greedy, messages: [{ role: 'user', content: 'a' }] }, { signal });
  const [first, second] = [new AbortController(), new AbortController()];
  const gone = [ask(first.signal).catch(() => 'gone')];
  await until(() => calls.length === 1);
  gone.push(ask(second.signal).catch(() => 'gone'));
  const third = ask();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(calls[0]!.requests[0]!.signal!.aborted).toBe(false);
  first.abort();
  second.abort();
  await until(() => calls[0]!.requests[0]!.signal!.aborted);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await Promise.all(gone)).toEqual(['gone', 'gone']);
  calls[0]!.end();
  await until(() => calls.length === 2);
  expect(calls[1]!.requests.length).toBe(1); // the one that had gone is not even begun
  calls[1]!.end();
  expect((await third).choices[0]!.message.content).toBe('a');
});

test('a full queue is reported', async () => {
  const { calls, speaker, until } = slowSpeaker();
  const slow = await serve({ models: [served(speaker)], queue: 1 });
  const body = { ...greedy, messages: [{ role: 'user', content: 'a' }] } as const;
  const first = slow.chat.completions.create({ ...body, messages: [...body.messages] });
  await until(() => calls.length === 1);
  const more = slow.chat.completions.create({ ...body, messages: [...body.messages], n: 2 });
  await expect(more).rejects.toThrow(
    '429 0 answers are waited for, 2 would come to them and 1 may be; try again when some are done.',
  );
  await expect(more).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  calls[0]!.end();
  await first;
});

test('beyond loopback a key is required', async () => {
  const { spawnSync } = await import('node:child_process');
  const root = resolve(import.meta.dirname, '../../..');
  const { status, stderr } = spawnSync(process.execPath, [...CURIO, 'serve', '--host', '0.0.0.0', '--run', run], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, CURIO_API_KEY: '' },
  });
  expect([status, stderr.trim()]).toEqual([
    2,
    'serve: --host is 0.0.0.0, which other machines can reach, and there is no key; set CURIO_API_KEY or --key-file, or listen on 127.0.0.1.',
  ]);
});
