/** The probability of a text, and self-questions of which the one that is answered most surely is kept. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aboutImage } from '../src/dialogue/request.ts';
import { Speaker } from '../src/dialogue/speaker.ts';
import type { Message } from '../src/data/conversation.ts';
import { Deferred, mostProbable } from '../src/decoding/candidates.ts';
import { logProbability } from '../src/decoding/sample.ts';
import { generate } from '../src/generate.ts';
import { PRESETS } from '../src/presets/presets.ts';
import { picture, tinyModel, tokens } from './tiny-speaker.ts';

let gpu: Gpu;
let speaker: Speaker;
beforeAll(async () => {
  gpu = await openGpu();
  speaker = new Speaker(tinyModel(gpu), tokens);
});
afterAll(() => gpu.close());

const settings = {
  ...PRESETS.small.ask,
  questions: 2,
  temperature: 1,
  maxDescription: 4,
  maxQuestion: 5,
  maxAnswer: 5,
};

/** log Σ exp in float64. */
const logSum = (scores: ArrayLike<number>): number =>
  Math.log(Array.from(scores).reduce((sum, score) => sum + Math.exp(score), 0));

test('the probability of a word is the softmax of its score, even if that overflows or is infinite', () => {
  const scores = Float32Array.of(2, -1, 0.5, 2);
  for (const id of scores.keys()) expect(logProbability(scores, id)).toBeCloseTo(scores[id]! - logSum(scores), 12);
  expect(logProbability(Float32Array.of(1000, 999), 1)).toBeCloseTo(-1 - Math.log(1 + Math.exp(-1)), 12);
  expect(logProbability(Float32Array.of(0, -Infinity), 1)).toBe(-Infinity);
  expect(logProbability(Float32Array.of(0, -Infinity), 0)).toBeCloseTo(0, 12);
  expect(logProbability(Float32Array.of(Infinity, 0), 0)).toBeCloseTo(0, 12);
});

test('a reply has its probability on request: the product over its words and its end', async () => {
  const messages: Message[] = [
    { role: 'human', text: 'where is the seven ?' },
    { role: 'gpt', text: null },
  ];
  const requests = [{ pixels: null, messages }];
  for (const sampling of [{}, { temperature: 0.8, topK: 40, seed: 5 }]) {
    const options = { ...sampling, maxNewTokens: 7 };
    const [plain] = await speaker.write(requests, options);
    const [told] = await speaker.write(requests, { ...options, probability: true });
    expect('probability' in plain!).toBe(false);
    const { probability, ...rest } = told!;
    expect(rest).toEqual(plain);
    let sum = 0;
    const [sequence] = await generate(speaker.model, [tokens.encodePrompt(speaker.promptText(requests[0]!))], null, {
      ...{ ...options, eos: tokens.eos },
      onToken: (_, id, scores) => void (sum += scores[id]! - logSum(scores)),
    });
    expect(sequence!.ids.length).toBe(plain!.newTokens);
    expect(sequence!.finish).toBe('length');
    expect(probability).toBeCloseTo(Math.exp(sum), 10);
    // A text that ends by itself has its end in it: here any word may be one.
    const [first] = sequence!.ids;
    let score = 0;
    const [ended] = await generate(speaker.model, [tokens.encodePrompt(speaker.promptText(requests[0]!))], null, {
      ...{ ...options, eos: first!, probability: true },
      onToken: () => void score++,
    });
    expect([ended!.finish, ended!.ids, score]).toEqual(['end', [], 0]);
    expect(ended!.probability).toBeGreaterThan(0);
    expect(ended!.probability).toBeLessThan(1);
  }
});

test('the candidate with the most probable answer is kept, and only its callbacks are made', async () => {
  const pictures = [picture(1), picture(2)];
  const [candidates, count] = [3, pictures.length * settings.questions];
  const told: string[] = [];
  const last = new Map<string, string>();
  const said = await speaker.selfQuestion(pictures, { ...settings, candidates }, 1, {
    onText: (part, index, text) => {
      told.push(`${part} ${index}`);
      last.set(`${part} ${index}`, text);
    },
    onEnd: (part, index) => told.push(`${part} ${index} ends`),
    trace: { words: 1, onToken: (part, index) => told.push(`${part} ${index} traced`) },
  });
  const kept = said.flatMap(({ asked }) => asked);
  expect(kept.length).toBe(count);
  let others = 0;
  for (const [i, { question, answer }] of kept.entries()) {
    const pixels = pictures[Math.floor(i / settings.questions)]!;
    const { description } = said[Math.floor(i / settings.questions)]!;
    const opening: Message[] = [
      { role: 'human', text: aboutImage(settings.describePrompt) },
      { role: 'gpt', text: description },
    ];
    const sampling = { temperature: settings.temperature, topP: settings.topP, seed: 1 };
    const drawn = await speaker.reply(
      Array.from({ length: candidates }, (_, c) => ({
        ...{ pixels, stream: c * count + i, messages: [...opening, { role: 'vuser' as const, text: null }] },
      })),
      { ...sampling, maxNewTokens: settings.maxQuestion },
    );
    const answers = await speaker.write(
      drawn.map((text) => ({
        pixels,
        messages: [...opening, { role: 'vuser' as const, text }, { role: 'gpt' as const, text: null }],
      })),
      { maxNewTokens: settings.maxAnswer, probability: true },
    );
    const best = answers.reduce((a, b) => (b.probability! > a.probability! ? b : a));
    const at = answers.indexOf(best);
    if (at > 0) others++;
    expect({ question, answer }).toEqual({ question: drawn[at], answer: best.text });
    expect([last.get(`question ${i}`), last.get(`answer ${i}`)]).toEqual([question, answer]);
    expect(told.filter((name) => name === `question ${i} ends`).length).toBe(1);
    expect(told.filter((name) => name === `question ${i} traced`).length).toBeGreaterThan(0);
    expect(told.indexOf(`question ${i} traced`)).toBeLessThan(told.indexOf(`question ${i}`));
    expect(told.indexOf(`question ${i} ends`)).toBeLessThan(told.indexOf(`answer ${i} traced`));
  }
  expect(others).toBeGreaterThan(0);
  expect(new Set(told.filter((name) => name.startsWith('question')).map((name) => name.split(' ')[1])).size).toBe(
    count,
  );
});

test('a single candidate is the sampled question, and fewer are refused', async () => {
  const once = await speaker.selfQuestion([picture(1)], { ...settings, candidates: 1 }, 1);
  const stream = (i: number) => ({
    ...{ pixels: picture(1), stream: i },
    messages: [
      { role: 'human' as const, text: aboutImage(settings.describePrompt) },
      { role: 'gpt' as const, text: once[0]!.description },
      { role: 'vuser' as const, text: null },
    ],
  });
  const sampling = { temperature: 1, topP: settings.topP, seed: 1, maxNewTokens: settings.maxQuestion };
  expect(once[0]!.asked.map(({ question }) => question)).toEqual(await speaker.reply([stream(0), stream(1)], sampling));
  await expect(speaker.selfQuestion([picture(1)], { ...settings, candidates: 0 }, 1)).rejects.toThrow(
    'selfQuestion: candidates is 0; it must be a whole number of at least 1.',
  );
});

test('of equally probable ones the first is chosen, and deferred calls are made once', () => {
  expect(mostProbable([0.2, 0.9, 0.9])).toBe(1);
  const told: number[] = [];
  const deferred = new Deferred();
  for (const [index, what] of [
    [0, 1],
    [1, 2],
    [0, 3],
  ] as const)
    deferred.add(index, () => told.push(what));
  for (const index of [0, 0, 7]) deferred.run(index);
  expect(told).toEqual([1, 3]);
});
