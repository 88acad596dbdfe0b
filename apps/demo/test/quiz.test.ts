import { NONE, QUESTIONS, replyTo, sampleScene } from '@curio/scenes';
import type { Scene } from '@curio/scenes';
import { RandomStream } from '@curio/engine';
import { describe, expect, test } from 'vitest';
import { optionsFor } from '../src/talk/options.ts';
import { quizOf, scoreOf, scoreText } from '../src/talk/score.ts';
import type { Talk } from '../src/session.ts';

const scene: Scene = {
  objects: [{ digit: 7, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 1, dy: 1 }],
  background: 0.1,
  noise: 3,
};
const talk: Talk = {
  id: 0,
  kind: 'quiz',
  asked: null,
  picture: { width: 1, height: 1, rgb: new Uint8Array(3) },
  truth: scene,
  seed: 1,
  texts: {
    'description 0': 'a large red seven at top left .',
    'question 0': 'describe the seven .',
    'question 1': 'what color is the seven ?',
    'question 2': 'where is the seven ?',
    'self-answer 0': 'a large red seven at top left .',
    'self-answer 1': 'blue .',
    'self-answer 2': 'top left .',
  },
  sureness: {},
  tokens: 9,
  seconds: 1,
  state: 'done',
  message: '',
  picked: null,
  isOpening: false,
};

describe('the options', () => {
  test('hold the right answer to every question but those for a description', () => {
    const random = new RandomStream(7);
    for (let i = 0; i < 40; i++) {
      const some = sampleScene(random, { count: () => 1, pixels: () => new Uint8Array(784) });
      for (const question of QUESTIONS.values()) {
        const truth = replyTo(question, some);
        const options = optionsFor(question.text);
        if (question.kind === 'caption' || question.kind === 'object') expect(options).toEqual([]);
        else if (truth !== null) expect(options, question.text).toContain(truth);
      }
    }
  });
  test('are empty if the model asked something else', () => expect(optionsFor('which is is ?')).toEqual([]));
  test('let a visitor answer that there is none', () => expect(optionsFor('where is the six ?')).toContain(NONE));
});

describe('the model’s question', () => {
  test('is the first that a tap can answer', () =>
    expect(quizOf(talk, 3)).toMatchObject({ question: 'what color is the seven ?', answer: 'blue .' }));
  test('waits for complete questions, and its answer waits for a complete answer', () => {
    const { 'self-answer 0': _a, 'self-answer 1': _b, 'self-answer 2': _c, ...asked } = talk.texts;
    expect(quizOf({ ...talk, state: 'writing', texts: asked }, 3).question).toBeUndefined();
    expect(quizOf({ ...talk, state: 'writing' }, 3)).toMatchObject({
      question: 'what color is the seven ?',
      answer: undefined,
    });
  });
  test('is none if it asked only for descriptions', () =>
    expect(quizOf({ ...talk, texts: { 'question 0': 'describe the seven .' } }, 1).question).toBeNull());
});

test('the score counts right answers if the truth is known, and agreement if not', () => {
  const talks = [
    talk,
    { ...talk, picked: 'red .' },
    { ...talk, picked: 'green .' },
    { ...talk, picked: 'blue .', truth: null },
    { ...talk, picked: 'red .', truth: null },
  ];
  expect(scoreOf(talks, 3)).toEqual({ known: 2, you: 1, it: 0, unknown: 2, agreed: 1 });
  expect(scoreText(scoreOf(talks, 3))).toBe(
    'Score: you 1, the model 0 of 2 right; both said the same about 1 of 2 drawings.',
  );
  expect(scoreText(scoreOf([talk], 3))).toBe('');
});
