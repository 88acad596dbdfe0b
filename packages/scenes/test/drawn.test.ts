import { RandomStream } from '@curio/engine';
import { drawSelfQuestions, TEMPLATES, Tokens } from '@curio/model';
import { expect, test } from 'vitest';
import { NONE, QUESTIONS, replyTo } from '../src/grammar.ts';
import { messagesOf, textDocument } from '../src/picture-text.ts';
import { CANVAS, CELL, renderScene, sampleScene, type GlyphSource, type Scene } from '../src/scene.ts';
import { askFalsePremise, converse } from '../src/talk.ts';
import { sceneTokenizerJson } from '../src/vocabulary.ts';

const glyphs: GlyphSource = { count: () => 1, pixels: () => new Uint8Array(784) };
const scenes = (count: number, options: Parameters<typeof sampleScene>[2]): Scene[] =>
  Array.from({ length: count }, (_, i) => sampleScene(new RandomStream(3, i, 1), glyphs, options));

/** A red two at top left and a red five at right. */
const RED: Scene = {
  objects: [
    { digit: 2, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 0, dy: 0 },
    { digit: 5, color: 'red', size: 'small', cell: 5, glyph: 0, dx: 0, dy: 0 },
  ],
  background: 0,
  noise: 1,
};

test.each([
  ['which digit is purple ?', NONE],
  ['which digit is red ?', null],
  ['where is the two ?', 'top left .'],
  ['where is the three ?', NONE],
  ['which digit is at bottom ?', NONE],
  ['is the two left of the five ?', 'yes .'],
  ['is the two left of the six ?', NONE],
  ['what is the sum of the red and the blue digit ?', NONE],
  ['is there a six ?', 'no .'],
  ['how many blue digits are there ?', 'zero .'],
])('%s', (text, reply) => expect(replyTo(QUESTIONS.get(text)!, RED)).toBe(reply));

test('a question about something absent is never one with an answer, and all its kinds occur', () => {
  const kinds = new Set<string>();
  for (const [i, scene] of scenes(200, { empty: 0.1 }).entries()) {
    const turn = askFalsePremise(scene, new RandomStream(1, i, 2))!;
    const question = QUESTIONS.get(turn.question)!;
    expect([question.answer(scene), replyTo(question, scene)]).toEqual([null, NONE]);
    kinds.add(turn.kind);
  }
  expect([...kinds].sort()).toEqual([
    'color',
    'compare',
    'digit_at',
    'digit_col',
    'object',
    'relation',
    'size',
    'sum',
    'where',
  ]);
});

test('conversations contain the requested share of them, which are never drawn as self-questions and have no weight', () => {
  const tokens = new Tokens(sceneTokenizerJson());
  let [all, wrong] = [0, 0];
  for (const [i, scene] of scenes(300, {}).entries()) {
    const turns = converse(scene, new RandomStream(1, i, 3), { falsePremises: 0.2, describe: 0 });
    all += turns.length;
    wrong += turns.filter(({ isFalsePremise }) => isFalsePremise).length;
    const drawn = drawSelfQuestions(messagesOf(turns), true, 1, { seed: 1, epoch: 0, sample: i });
    turns.forEach((turn, k) =>
      expect(drawn[2 * k]!.role).toBe(k === 0 || turn.isFalsePremise === true ? 'human' : 'vuser'),
    );
  }
  expect(wrong / all).toBeGreaterThan(0.17);
  expect(wrong / all).toBeLessThan(0.23);

  const options = {
    turns: 3,
    plain: 0,
    describe: 0,
    falsePremises: 1,
    questionWeight: 0.5,
    template: TEMPLATES.scenes,
  };
  const { ids, weights } = textDocument(tokens, RED, new RandomStream(1, 1, 4), options);
  expect(new Set(weights)).toEqual(new Set([0, 1]));
  const none = tokens.encode(NONE).length + 1; // and `</s>`
  expect(weights.filter((weight) => weight === 1).length).toBe(3 * none);
  expect(ids.length).toBe(weights.length);
});

test('a scene without digits has a caption and questions', () => {
  const [empty] = scenes(1, { objects: 0 });
  expect(QUESTIONS.get('describe the image in detail .')!.answer(empty!)).toBe('there are no digits .');
  expect(converse(empty!, new RandomStream(1, 1, 5)).length).toBe(8);
});

test('digits drawn with a pen have their centre in their cell and their ink on the board', () => {
  for (const scene of scenes(400, { drawn: 1 })) {
    for (const { drawn, cell, size, digit } of scene.objects) {
      if (!drawn) continue;
      const xs = drawn.lines.flatMap((line) => line.filter((_, i) => i % 2 === 0));
      const ys = drawn.lines.flatMap((line) => line.filter((_, i) => i % 2 === 1));
      const middle = (values: number[]): number => (Math.min(...values) + Math.max(...values)) / 2;
      expect(3 * Math.floor(middle(ys) / CELL) + Math.floor(middle(xs) / CELL)).toBe(cell);
      const height = Math.max(...ys) - Math.min(...ys) + 2 * drawn.pen;
      if (size === 'small') expect(height).toBeLessThan(14.5);
      expect(height, `a ${size} ${digit}`).toBeGreaterThan(4);
      expect(Math.max(...xs, ...ys)).toBeLessThan(CANVAS + 1.5);
      expect(Math.min(...xs, ...ys)).toBeGreaterThan(-1.5);
    }
  }
});

test('scenes drawn with a pen are drawn in their colour, and those without are unchanged', () => {
  const [drawn] = scenes(1, { drawn: 1, objects: 1 });
  const plain = { ...drawn!, objects: [] };
  const [with_, without] = [renderScene(drawn!, glyphs).rgb, renderScene(plain, glyphs).rgb];
  expect(with_.filter((value, i) => value !== without[i]).length).toBeGreaterThan(30);
  expect(scenes(20, {})).toEqual(scenes(20, { drawn: 0, empty: 0 }));
});
