/** Answers in batches are those alone, to the bit; keywords, limits and pieces of text. */
import { cat, ConfigError, DataError, noGrad, openGpu, RandomStream } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aboutImage } from '../src/dialogue/request.ts';
import { Speaker } from '../src/dialogue/speaker.ts';
import type { Reply, ReplyOptions, Request } from '../src/dialogue/request.ts';
import { Tokens } from '../src/data/tokens.ts';
import { TextStream } from '../src/decoding/text-stream.ts';
import { generate } from '../src/generate.ts';
import type { SequenceOptions } from '../src/generate.ts';
import { PRESETS } from '../src/presets/presets.ts';
import type { SqLlava } from '../src/sq-llava.ts';
import { imageTensor } from '../src/model-inputs.ts';
import { llamaTokenizerJson } from './llama-vocabulary.ts';
import { picture, tinyModel, tokens } from './tiny-speaker.ts';

let gpu: Gpu;
let model: SqLlava;
let speaker: Speaker;
beforeAll(async () => {
  gpu = await openGpu();
  model = tinyModel(gpu);
  speaker = new Speaker(model, tokens);
});
afterAll(() => gpu.close());

const WORDS = ['red', 'blue', 'digit', 'where', 'is', 'the', 'seven'];
const words = (count: number, seed: number): string => {
  const random = new RandomStream(seed);
  return Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]!).join(' ');
};
const ask = (question: string, seed?: number): Request => ({
  pixels: seed === undefined ? null : picture(seed),
  messages: [
    { role: 'human', text: seed === undefined ? question : aboutImage(question) },
    { role: 'gpt', text: null },
  ],
});

/** Everything that is computed for prompts in one call: ids and all scores. */
async function scoresOf(prompts: number[][], pixels: Float32Array[], each: (k: number) => Partial<SequenceOptions>) {
  // Each picture by itself, as the speaker does it.
  const features = (): Tensor =>
    cat(
      pixels.map((part) => model.encodeImages(imageTensor(model, part))),
      { axis: 0 },
    );
  const images = pixels.length > 0 ? gpu.scope(() => noGrad(features)) : null;
  const scores: number[][] = prompts.map(() => []);
  const written = await generate(model, prompts, images, {
    maxNewTokens: 12,
    eos: tokens.eos,
    each,
    onToken: (k, _, row) => void scores[k]!.push(...row),
  });
  images?.dispose();
  return written.map(({ ids, finish }, k) => ({ ids, finish, scores: Float32Array.from(scores[k]!) }));
}

test.each([{}, { temperature: 1.2, topK: 300, topP: 0.95, seed: 4 }])(
  'nine prompts of different lengths in a batch give the bits of each alone: %o',
  async (sampling) => {
    const lengths = [3, 11, 40, 3, 1, 77, 12, 30, 5];
    const withImage = lengths.map((_, i) => i % 3 > 0);
    const texts = lengths.map((n, i) => `${withImage[i] ? '<image>\n' : ''}${words(n, i)}`);
    const prompts = texts.map((text) => tokens.encodePrompt(text));
    const each = (i: number): Partial<SequenceOptions> => ({
      ...sampling,
      stream: i,
      maxNewTokens: 2 + ((5 * i) % 13),
    });
    const pixels = prompts.map((_, i) => picture(i));
    const own = (i: number): Float32Array[] => (withImage[i] ? [pixels[i]!] : []);
    const together = await scoresOf(
      prompts,
      prompts.flatMap((_, i) => own(i)),
      each,
    );
    for (const [i, prompt] of prompts.entries()) {
      const [alone] = await scoresOf([prompt], own(i), () => each(i));
      expect(together[i]).toEqual(alone);
    }
    expect(together.map(({ finish }) => finish)).toContain('length');
    expect(new Set(together.flatMap(({ ids }) => ids)).size).toBeGreaterThan(5);
  },
);

test.each([{}, { temperature: 1, seed: 3 }])('replies in a batch equal the replies alone: %o', async (sampling) => {
  const requests = Array.from({ length: 7 }, (_, i) => ask(words(1 + ((3 * i) % 11), i), i % 2 ? i : undefined));
  const replies = await speaker.write(requests, { ...sampling, maxNewTokens: 9 });
  for (const [i, request] of requests.entries())
    expect(await speaker.write([{ ...request, stream: i }], { ...sampling, maxNewTokens: 9 })).toEqual([replies[i]]);
  const together = await speaker.write(requests, { ...sampling, maxNewTokens: 9, together: true });
  expect(together.map(({ promptTokens }) => promptTokens)).toEqual(replies.map(({ promptTokens }) => promptTokens));
});

/** Texts and pieces as they came. */
async function streamed(request: Request, options: Partial<ReplyOptions> = {}) {
  const pieces: string[] = [];
  const [reply] = await speaker.write([request], {
    maxNewTokens: 12,
    ...options,
    onText: (_, text, piece) => {
      pieces.push(piece);
      expect(pieces.join('')).toBe(text);
    },
  });
  return { reply: reply as Reply, pieces };
}

test('the joined pieces are the answer, and the limit on tokens is kept', async () => {
  const { reply, pieces } = await streamed(ask('where is the seven ?', 1));
  expect(pieces.join('')).toBe(reply.text);
  expect(reply.finish).toBe('length');
  expect(reply.newTokens).toBe(12);
  for (const maxNewTokens of [1, 5]) {
    const { reply: shorter } = await streamed(ask('where is the seven ?', 1), { maxNewTokens });
    expect(shorter).toMatchObject({ finish: 'length', newTokens: maxNewTokens, promptTokens: reply.promptTokens });
    expect(reply.text.startsWith(shorter.text)).toBe(true);
  }
});

test('a keyword ends the answer before it; of several the first counts', async () => {
  const { reply } = await streamed(ask('where is the seven ?', 1));
  const [first, second, third] = [...new Set(reply.text.split(' '))];
  const at = reply.text.indexOf(second!);
  const { reply: cut, pieces } = await streamed({
    ...ask('where is the seven ?', 1),
    stop: [third!, second!, 'never'],
  });
  expect(cut).toMatchObject({ finish: 'keyword', text: reply.text.slice(0, at).trim() });
  expect(pieces.join('')).toBe(cut.text);
  expect((await streamed({ ...ask('where is the seven ?', 1), stop: [first!] })).reply.text).toBe('');
});

test('an aborted request ends, the others continue', async () => {
  const abort = new AbortController();
  const requests = [ask('where is the seven ?', 1), { ...ask('is the digit red', 2), signal: abort.signal }];
  const alone = await speaker.write(requests.slice(0, 1), { maxNewTokens: 8 });
  const replies = await speaker.write(requests, {
    maxNewTokens: 8,
    onText: (k) => k === 1 && abort.abort(),
  });
  expect(replies[0]).toEqual(alone[0]);
  expect(replies[1]).toMatchObject({ finish: 'aborted', newTokens: 1 });
  expect((await speaker.write(requests, { maxNewTokens: 8 }))[1]).toMatchObject({ finish: 'aborted', newTokens: 0 });
});

test('several pictures in a conversation are placed at their tags', async () => {
  const about = (pixels: Float32Array[]): Request => ({
    pixels,
    messages: [
      { role: 'human', text: aboutImage('what is it ?') },
      { role: 'gpt', text: 'seven .' },
      { role: 'human', text: aboutImage('and this ?') },
      { role: 'gpt', text: null },
    ],
  });
  const [one, two] = [picture(1), picture(2)];
  const replies = await speaker.write([about([one, two]), about([two, one]), about([one, one])], { maxNewTokens: 6 });
  expect(await speaker.write([about([two, one])], { maxNewTokens: 6 })).toEqual([replies[1]]);
  expect(replies[0]!.promptTokens).toBe(replies[2]!.promptTokens);
});

test('self-questions, then an answer', async () => {
  const settings = {
    ...PRESETS.small.ask,
    questions: 2,
    candidates: 1,
    maxDescription: 5,
    maxQuestion: 5,
    maxAnswer: 5,
  };
  const parts: string[] = [];
  const [talk] = await speaker.answerAfterQuestions([{ pixels: picture(1), question: 'is it red ?' }], settings, 1, {
    maxNewTokens: 6,
    onText: (part, index) => parts.push(`${part} ${index}`),
  });
  expect(talk!.asked.length).toBe(2);
  const said = talk!.asked.flatMap(({ question, answer }) => [
    { role: 'human' as const, text: question },
    { role: 'gpt' as const, text: answer },
  ]);
  const [expected] = await speaker.reply(
    [
      {
        pixels: picture(1),
        messages: [
          { role: 'human', text: aboutImage(settings.describePrompt) },
          { role: 'gpt', text: talk!.description },
          ...said,
          { role: 'human', text: 'is it red ?' },
          { role: 'gpt', text: null },
        ],
      },
    ],
    { maxNewTokens: 6 },
  );
  expect(talk!.answer).toBe(expected);
  expect([...new Set(parts)]).toEqual([
    'description 0',
    ...['question 0', 'question 1', 'self-answer 0', 'self-answer 1'],
    'answer 0',
  ]);
});

test('impossible requests are refused', async () => {
  await expect(speaker.write([ask(words(600, 1))], { maxNewTokens: 1 })).rejects.toThrow(
    new DataError(
      'generate: prompt 0 takes 603 positions and the model has 512; shorten it, so that one is left for the answer.',
    ),
  );
  await expect(speaker.write([{ ...ask('a', 1), pixels: null }], { maxNewTokens: 1 })).rejects.toThrow(
    new DataError('reply: request 0 has 1 <image> and 0 pictures; there must be one picture for each.'),
  );
  for (const [options, message] of [
    [{ temperature: -1 }, 'sample: temperature is -1; it must be a number of at least 0, 0 for greedy.'],
    [{ topK: 0 }, 'sample: topK is 0; it must be a whole number of at least 1, or left out for all words.'],
    [{ topP: 1.5 }, 'sample: topP is 1.5; it must be above 0 and at most 1, which keeps all words.'],
  ] as const)
    await expect(speaker.write([ask('a')], { maxNewTokens: 1, ...options })).rejects.toThrow(new ConfigError(message));
});

test('the last position of the model ends an answer', async () => {
  const [reply] = await speaker.write([ask(words(505, 1))], { maxNewTokens: 100 });
  expect(reply).toMatchObject({ finish: 'length', promptTokens: 508, newTokens: 4 });
});

test('pieces hold back what may become a keyword, half a character, and spaces at the end', () => {
  const llama = new Tokens(llamaTokenizerJson());
  const bytes = [...new TextEncoder().encode('é')].map((byte) => llama.id(`<0x${byte.toString(16).toUpperCase()}>`)!);
  const text = new TextStream(llama, ['...']);
  const [space, a, dot] = ['▁', 'a', '.'].map((token) => llama.id(token)!);
  const pieces = [space, a, ...bytes, space, a, dot, dot, a, dot, dot, dot, a].map((id) =>
    id === undefined ? 'missing' : text.push(id),
  );
  expect(pieces).toEqual(['', 'a', '', 'é', '', ' a', '', '', '..a', '', '', '', '']);
  expect([text.text, text.stopped, text.end()]).toEqual(['aé a..a', true, '']);
});
