import { expect, test } from 'vitest';
import {
  drawSelfQuestions,
  encodeConversation,
  encodePlain,
  imageFirst,
  renderConversation,
  TEMPLATES,
  withVuserToken,
  type Message,
} from '../src/data/conversation.ts';
import { IGNORE, Tokens } from '../src/data/tokens.ts';
import { llamaTokenizerJson } from './llama-vocabulary.ts';

const tokens = new Tokens(llamaTokenizerJson());

const talk: Message[] = [
  { role: 'human', text: '<image>\nWhat animal is on the sofa?' },
  { role: 'gpt', text: 'A grey cat.' },
  { role: 'vuser', text: 'What is the cat looking at?' },
  { role: 'gpt', text: 'It is looking out of the window.' },
  { role: 'human', text: 'How many cushions are there?' },
  { role: 'gpt', text: 'Two.' },
];

// docs/sq-llava.md 2.5: from id 94 on; ids with loss in angle brackets.
const EXAMPLE = `3148 1001 29901 29871 -200 29871 13 5618 13019 338 373 278 577 5444 29973 319 1799 9047 13566 29901 <319> <18345> <6635> <29889> <2>
  29963 11889 29901 <1724> <338> <278> <6635> <3063> <472> <29973> <2> 29871 319 1799 9047 13566 29901 <739> <338> <3063> <714> <310> <278>
  <3474> <29889> <2> 3308 1001 29901 1128 1784 274 1878 1080 526 727 29973 319 1799 9047 13566 29901 <7803> <29889> <2>`;

const marked = ({ ids, labels }: { ids: number[]; labels: number[] }): string =>
  ids.map((id, i) => (labels[i] === IGNORE ? String(id) : `<${id}>`)).join(' ');

test('the worked example: 164 ids, the image at 98, 25 labels', () => {
  const encoded = encodeConversation(tokens, TEMPLATES.v1_sq, talk);
  expect(encoded.ids.length).toBe(164);
  expect(encoded.ids[98]).toBe(-200);
  expect(encoded.labels.filter((label) => label !== IGNORE).length).toBe(25);
  expect(marked(encoded).split(' ').slice(94)).toEqual(EXAMPLE.trim().split(/\s+/));
  expect(encoded.labels.every((label, i) => label === IGNORE || label === encoded.ids[i])).toBe(true);
});

test('the ids are those of the rendered text', () => {
  for (const name of ['v1', 'v1_sq', 'llava_v1', 'paper', 'scenes'] as const) {
    const text = renderConversation(TEMPLATES[name], talk);
    expect(encodeConversation(tokens, TEMPLATES[name], talk).ids).toEqual(tokens.encodePrompt(text));
  }
  expect(renderConversation(TEMPLATES.scenes, talk)).toBe(
    'USER: <image>\nWhat animal is on the sofa? ASSISTANT: A grey cat.</s>VUSER: What is the cat looking at?</s> ASSISTANT: ' +
      'It is looking out of the window.</s>USER: How many cushions are there? ASSISTANT: Two.</s>',
  );
});

test('a message without text leaves the role open, for generation', () => {
  const open: Message[] = [...talk.slice(0, 2), { role: 'vuser', text: null }];
  expect(renderConversation(TEMPLATES.scenes, open).endsWith('A grey cat.</s>VUSER:')).toBe(true);
  expect(encodeConversation(tokens, TEMPLATES.v1_sq, open).ids.slice(-4)).toEqual([2, 29963, 11889, 29901]);
});

test('the templates are the published ones, word for word', () => {
  expect(TEMPLATES.v1_sq.system.startsWith(`${TEMPLATES.v1.system}Also, the`)).toBe(true);
  expect(TEMPLATES.llava_v1.system).toContain('curious human');
  expect(TEMPLATES.paper.system).toBe(
    "The assistant gives helpful, detailed, and polite answers to the user's questions. Also, the assistant is a curious virtual user can ask complex questions that are relevant to the content in the image.",
  );
});

test('a short question in the template of the published evaluation has 58 ids', () => {
  const question = 'What is this?\nAnswer the question using a single word or phrase.';
  const messages: Message[] = [
    { role: 'human', text: `<image>\n${question}` },
    { role: 'gpt', text: null },
  ];
  const { ids } = encodeConversation(tokens, TEMPLATES.v1, messages);
  expect(ids.length).toBe(58);
  expect(ids.slice(31)).toEqual(
    '3148 1001 29901 29871 -200 29871 13 5618 338 445 29973 13 22550 278 1139 773 263 2323 1734 470 16549 29889 319 1799 9047 13566 29901'
      .split(' ')
      .map(Number),
  );
});

test('the learned token takes the place of the role string', () => {
  const more = new Tokens(llamaTokenizerJson(), { extra: ['[vusr]'] });
  const encoded = encodeConversation(more, withVuserToken(TEMPLATES.v1_sq), talk);
  const at = encoded.ids.indexOf(more.vocabSize);
  expect(encoded.ids.slice(at - 1, at + 4)).toEqual([2, more.vocabSize, 29871, 1724, 338]);
  expect(encoded.labels[at]).toBe(IGNORE);
  expect(encoded.labels[at + 2]).toBe(1724);
});

test('a stage-1 sample: image, caption, newline', () => {
  expect(marked(encodePlain(tokens, 'a cat on a sofa'))).toBe('1 -200 <263> <6635> <373> <263> <577> <5444> <13>');
});

test('edge cases where the reference loses its mask', () => {
  const labelled = (messages: Message[]): string => {
    const { labels } = encodeConversation(tokens, TEMPLATES.v1_sq, messages);
    return tokens.decode(labels.filter((label) => label !== IGNORE));
  };
  const ask: Message = { role: 'human', text: 'What is that?' };
  // An answer that contains the role string.
  expect(labelled([ask, { role: 'gpt', text: 'A cat ASSISTANT: A cat.' }])).toBe('A cat ASSISTANT: A cat.');
  // Two self-questions in a row, one after the other; one that starts with a newline, a digit or other script.
  for (const text of ['What is it?', '\nWhat', '3 cats?', '猫?']) {
    const both = encodeConversation(tokens, TEMPLATES.v1_sq, [
      ask,
      { role: 'gpt', text: 'It is.' },
      { role: 'vuser', text },
      { role: 'gpt', text: 'A cat.' },
      { role: 'vuser', text },
      { role: 'gpt', text: 'A cat ' },
    ]);
    expect(both.labels.filter((label) => label === 2).length).toBe(5);
    expect(both.parts.filter((part, i) => part === 'self-question' && both.ids[i] === 2).length).toBe(2);
    expect(tokens.decode(both.ids.filter((_, i) => both.parts[i] === 'self-question')).replaceAll(/\s/g, '')).toBe(
      `${text}${text}`.replaceAll(/\s/g, ''),
    );
  }
  // No answer yet: nothing to learn, and no failure.
  expect(labelled([ask, { role: 'gpt', text: null }])).toBe('');
});

test('the image tag comes first', () => {
  expect(imageFirst('What is that?\n<image>')).toBe('<image>\nWhat is that?');
  expect(imageFirst('<image>')).toBe('<image>');
  expect(imageFirst('What is that?')).toBe('What is that?');
});

test('self-questions: never the first turn, never without an image, the same for the same epoch, sample and turn', () => {
  const human = talk.map((message): Message => (message.role === 'vuser' ? { ...message, role: 'human' } : message));
  const roles = (rate: number, epoch: number, sample: number, hasImage = true): string =>
    drawSelfQuestions(human, hasImage, rate, { seed: 3, epoch, sample })
      .map(({ role }) => role[0])
      .join('');
  expect(roles(1, 0, 0)).toBe('hgvgvg');
  expect(roles(0, 0, 0)).toBe('hghghg');
  expect(roles(1, 0, 0, false)).toBe('hghghg');
  expect(roles(0.5, 4, 17)).toBe(roles(0.5, 4, 17));
  const drawn = Array.from({ length: 1000 }, (_, sample) => roles(0.5, sample % 3, sample));
  const share = drawn.join('').replaceAll(/[^v]/g, '').length / 2000;
  expect(Math.abs(share - 0.5)).toBeLessThan(0.04);
  expect(new Set(Array.from({ length: 20 }, (_, epoch) => roles(0.5, epoch, 1))).size).toBe(4);
});
