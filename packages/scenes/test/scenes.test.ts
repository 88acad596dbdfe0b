import { RandomStream } from '@curio/engine';
import { describe, expect, test } from 'vitest';
import { encodeConversation, type Message, PRESETS, TEMPLATES, Tokens } from '@curio/model';
import { caption, KINDS, parseQuestion, QUESTIONS } from '../src/grammar.ts';
import { accuracyOf, judgeAsked, mostFrequentAnswers, summariseAsked, wilson } from '../src/judge.ts';
import { messagesOf, patchWords, textDocument } from '../src/picture-text.ts';
import { CANVAS, renderScene, sampleScene, type GlyphSource, type Scene } from '../src/scene.ts';
import { converse } from '../src/talk.ts';
import { sceneEmbedding, sceneTokenizerJson, VOCABULARY } from '../src/vocabulary.ts';
import { DESCRIBE, PATCH_WORDS, patchWord } from '../src/words.ts';

/** Handwriting of a kind: each digit a square of its own grey. */
const glyphs: GlyphSource = {
  count: () => 5,
  pixels: (digit, index) =>
    Uint8Array.from({ length: 784 }, (_, i) => (Math.abs((i % 28) - 13.5) < 6 + digit / 2 ? 200 + index : 0)),
};
const scenes = (count: number, seed = 1): Scene[] =>
  Array.from({ length: count }, (_, i) => sampleScene(new RandomStream(seed, i), glyphs));

const scene: Scene = {
  background: 0.1,
  noise: 5,
  objects: [
    { digit: 7, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 0, dy: 0 },
    { digit: 2, color: 'blue', size: 'small', cell: 4, glyph: 0, dx: 2, dy: 2 },
    { digit: 2, color: 'white', size: 'small', cell: 7, glyph: 1, dx: 2, dy: 2 },
  ],
};
const answer = (question: string): string | null | undefined => QUESTIONS.get(question)?.answer(scene);

describe('grammar', () => {
  test('545 questions of eleven kinds and the caption; one token per word', () => {
    expect(QUESTIONS.size).toBe(545);
    expect(new Set([...QUESTIONS.values()].map(({ kind }) => kind))).toEqual(new Set([...KINDS, 'caption']));
    const tokens = new Tokens(sceneTokenizerJson());
    for (const text of [...QUESTIONS.keys(), caption(scene)]) {
      const ids = tokens.encode(text);
      expect(ids.length).toBe(text.split(' ').length);
      expect(ids).not.toContain(tokens.pad);
      expect(tokens.decode(ids)).toBe(text);
    }
  });

  test.each([
    ['which digit is at top left ?', 'seven .'],
    ['which digit is at bottom right ?', null],
    ['which digit is blue ?', 'two .'],
    ['which digit is green ?', null],
    ['what color is the seven ?', 'red .'],
    ['what color is the two ?', null],
    ['how many small digits are there ?', 'two .'],
    ['how many green digits are there ?', 'zero .'],
    ['is there a two ?', 'yes .'],
    ['is there a green digit ?', 'no .'],
    ['where is the seven ?', 'top left .'],
    ['where is the two ?', null],
    ['is the seven small or large ?', 'large .'],
    ['which digit is greater , the red or the blue ?', 'seven .'],
    ['which digit is lower , the red or the blue ?', 'two .'],
    ['which digit is lower , the white or the blue ?', null],
    ['is the seven above the two ?', null],
    ['describe the white digit .', 'a small white two at bottom .'],
    ['describe the digit at center .', 'a small blue two at center .'],
    ['describe the two .', null],
    ['what is the sum of the blue and the red digit ?', 'nine .'],
    ['what is the sum of the green and the red digit ?', null],
    [
      'describe the image in detail .',
      'a large red seven at top left , a small blue two at center , a small white two at bottom .',
    ],
    ['what is a seven ?', undefined],
  ])('%s %s', (question, expected) => expect(answer(question)).toBe(expected));

  test('relations compare columns or rows, and only where these differ', () => {
    const one = { ...scene, objects: [scene.objects[0], { ...scene.objects[1], cell: 6 }] };
    expect(QUESTIONS.get('is the seven above the two ?')!.answer(one)).toBe('yes .');
    expect(QUESTIONS.get('is the two above the seven ?')!.answer(one)).toBe('no .');
    expect(QUESTIONS.get('is the seven left of the two ?')!.answer(one)).toBeNull();
  });
});

test('the presets fit these words', () => {
  for (const name of ['small', 'quick'] as const) {
    expect(PRESETS[name].model.language.vocabSize).toBe(VOCABULARY.length);
    expect(PRESETS[name].ask.describePrompt).toBe(DESCRIBE);
  }
});

describe('scenes', () => {
  test('stay inside their cells, in raster order, without overlap', () => {
    for (const { objects } of scenes(300)) {
      expect(objects.length).toBeGreaterThanOrEqual(1);
      expect(objects.map(({ cell }) => cell)).toEqual(
        [...new Set(objects.map(({ cell }) => cell))].sort((a, b) => a - b),
      );
      for (const { size, dx, dy } of objects)
        expect(Math.max(dx, dy) + (size === 'large' ? 22 : 15)).toBeLessThanOrEqual(24);
    }
  });

  test('are drawn the same each time, with ink only in occupied cells', () => {
    const picture = renderScene(scene, glyphs);
    expect(renderScene(scene, glyphs)).toEqual(picture);
    expect(picture.rgb.length).toBe(CANVAS * CANVAS * 3);
    const brightest = (cell: number): number => {
      let best = 0;
      for (let y = 0; y < 24; y++)
        for (let x = 0; x < 24; x++) {
          best = Math.max(best, picture.rgb[((Math.floor(cell / 3) * 24 + y) * CANVAS + (cell % 3) * 24 + x) * 3 + 2]);
        }
      return best;
    };
    expect(brightest(4)).toBeGreaterThan(150);
    expect(brightest(1)).toBeLessThan(60);
    expect(renderScene({ ...scene, noise: 6 }, glyphs)).not.toEqual(picture);
  });

  test('augmentation changes strokes, not the truth', () => {
    const augmented = sampleScene(new RandomStream(1, 4), glyphs, { augment: true });
    const { pose } = augmented.objects[0];
    expect(Math.abs(pose!.angle)).toBeLessThan(0.2);
    expect(renderScene(augmented, glyphs)).not.toEqual(
      renderScene({ ...augmented, objects: augmented.objects.map(({ pose: _, ...rest }) => rest) }, glyphs),
    );
  });
});

describe('conversations', () => {
  const turns = scenes(3000).map((drawn, i) => converse(drawn, new RandomStream(2, i)));

  test('hold distinct questions with right answers; the caption opens two of five', () => {
    for (const [i, drawn] of scenes(200).entries()) {
      const talk = converse(drawn, new RandomStream(2, i));
      expect(new Set(talk.map(({ question }) => question)).size).toBe(talk.length);
      for (const { question, answer: said } of talk) expect(QUESTIONS.get(question)!.answer(drawn)).toBe(said);
      expect(talk.slice(1).every(({ kind }) => kind !== 'caption')).toBe(true);
    }
    expect(Math.abs(turns.filter((talk) => talk[0].kind === 'caption').length / turns.length - 0.4)).toBeLessThan(0.03);
  });

  test('ask all kinds equally often', () => {
    const asked = turns.flat().filter(({ kind }) => kind !== 'caption');
    for (const kind of KINDS) {
      expect(
        Math.abs((asked.filter((turn) => turn.kind === kind).length / asked.length) * KINDS.length - 1),
        kind,
      ).toBeLessThan(0.08);
    }
  });

  test('balance the answers', () => {
    const shares = (kind: string): Map<string, number> => {
      const of = turns.flat().filter((turn) => turn.kind === kind);
      return new Map(
        [...new Set(of.map(({ answer: said }) => said))].map((said) => [
          said,
          of.filter((turn) => turn.answer === said).length / of.length,
        ]),
      );
    };
    for (const kind of ['exist', 'relation', 'size'])
      for (const share of shares(kind).values()) expect(Math.abs(share - 0.5)).toBeLessThan(0.05);
    for (const share of shares('where').values()) expect(Math.abs(share - 1 / 9)).toBeLessThan(0.03);
    for (const share of shares('color').values()) expect(Math.abs(share - 1 / 6)).toBeLessThan(0.03);
    expect(Math.max(...shares('count').values())).toBeLessThan(0.45);
    expect(Math.max(...shares('compare').values())).toBeLessThan(0.25);
    expect(Math.max(...shares('sum').values())).toBeLessThan(0.2);
  });

  test('a blind guesser gets less than 45 % right', () => {
    const guess = mostFrequentAnswers(turns.slice(0, 2500).flat());
    const items = turns
      .slice(2500)
      .flat()
      .filter(({ kind }) => kind !== 'caption')
      .map(({ kind, question, answer: expected }) => ({ kind, answer: guess(question), expected }));
    expect(accuracyOf(items).overall).toBeLessThan(0.4);
  });
});

describe('text pictures', () => {
  const tokens = new Tokens(sceneTokenizerJson());

  test('36 words in raster order; an object fills its four patches', () => {
    const words = patchWords(scene, new RandomStream(0)).map(patchWord);
    expect(words.length).toBe(36);
    for (const at of [0, 1, 6, 7]) expect(words[at]).toBe('<p:large:red:7:top-left>');
    expect(words[2]).toBe('<p:empty:top>');
    expect(words.filter((word) => word === '<p:small:blue:2:center>').length).toBe(4);
    const blanked = patchWords(scene, new RandomStream(0), 1).map(patchWord);
    expect(blanked.filter((word) => word === '<p:small:blue:2:center>').length).toBe(1);
  });

  test('every word is one token of its own', () => {
    expect(PATCH_WORDS.length).toBe(1089);
    expect(VOCABULARY.length).toBe(1160);
    expect(new Set(VOCABULARY).size).toBe(VOCABULARY.length);
    for (const word of PATCH_WORDS)
      expect(tokens.encode(patchWord(word))).toEqual([VOCABULARY.indexOf(patchWord(word))]);
  });

  test('a document is a stage-2 conversation whose image is written out', () => {
    const document = textDocument(tokens, scene, new RandomStream(3), { plain: 0, describe: 0, turns: 3, blank: 0 });
    const chat = encodeConversation(tokens, TEMPLATES.scenes, messagesOf([]).concat(readTurns(tokens, document.ids)));
    const picture = document.ids.slice(2, 38);
    expect(picture.every((id) => tokens.token(id).startsWith('<p:'))).toBe(true);
    expect(document.ids).toEqual(chat.ids.flatMap((id) => (id === -200 ? picture : [id])));
    expect(new Set(document.weights)).toEqual(new Set([0, 0.05, 1]));
    expect(document.weights.slice(2, 38).every((weight) => weight === 0)).toBe(true);
    expect(document.ids).not.toContain(tokens.id('V'));
    const plain = textDocument(tokens, scene, new RandomStream(3), { plain: 1 });
    expect(tokens.decode(plain.ids.slice(37))).toBe(`${caption(scene)} \n`);
    expect(plain.weights.slice(37).every((weight) => weight === 1)).toBe(true);
  });

  test('the embedding starts with one vector per attribute, all rows of equal length', () => {
    const width = 64;
    const table = sceneEmbedding(new RandomStream(6), width, 0.5);
    const row = (word: string): Float32Array =>
      table.subarray(VOCABULARY.indexOf(word) * width, (VOCABULARY.indexOf(word) + 1) * width);
    const minus = (a: Float32Array, b: Float32Array): number[] => [...a].map((value, i) => value - b[i]);
    const redToBlue = minus(row('<p:large:red:7:top>'), row('<p:large:blue:7:top>'));
    minus(row('<p:small:red:1:left>'), row('<p:small:blue:1:left>')).forEach((value, i) =>
      expect(value).toBeCloseTo(redToBlue[i], 5),
    );
    const std = (values: Float32Array): number =>
      Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    expect(std(table)).toBeCloseTo(0.5, 1);
    expect(std(row('seven'))).toBeGreaterThan(0.35);
  });
});

/** The turns of a document, read back from its text. */
function readTurns(tokens: Tokens, ids: number[]): Message[] {
  const text = ids
    .slice(38)
    .map((id) => tokens.token(id))
    .join(' ')
    .replace('\n ', '');
  return text
    .split('</s>')
    .filter((round) => round.trim())
    .flatMap((round, i): Message[] => {
      const [question, said] = round
        .replace('USER:', '')
        .split('ASSISTANT:')
        .map((part) => part.trim());
      return [
        { role: 'human', text: i === 0 ? `<image>\n${question}` : question },
        { role: 'gpt', text: said },
      ];
    });
}

describe('judge', () => {
  const other: Scene = { ...scene, objects: [{ ...scene.objects[0], digit: 4, color: 'green', cell: 8 }] };

  test('a self-asked question is well-formed, about the picture, and answered right or not', () => {
    expect(judgeAsked(' which digit is blue ?', 'two . ', scene, other)).toEqual({
      wellFormed: true,
      kind: 'digit_col',
      aboutPicture: true,
      shuffled: false,
      expected: 'two .',
      answeredRight: true,
    });
    expect(judgeAsked('what color is the two ?', 'blue .', scene, other)).toMatchObject({
      wellFormed: true,
      aboutPicture: false,
      answeredRight: false,
    });
    expect(judgeAsked('which digit is which ?', 'two .', scene, other)).toMatchObject({
      wellFormed: false,
      kind: null,
      aboutPicture: false,
    });
    // A question that names nothing could be asked of any picture.
    expect(judgeAsked('describe the image in detail .', caption(scene), scene, other)).toMatchObject({
      wellFormed: true,
      aboutPicture: false,
      shuffled: false,
    });
    expect(parseQuestion('is there a two ?')?.names).toBe(true);
  });

  test('shares are of all, but right answers of those about the picture', () => {
    const asked = [
      ['is there a two ?', 'yes .'],
      ['which digit is red ?', 'nine .'],
      ['nonsense', 'x'],
      ['is there a two ?', 'no .'],
    ];
    const summary = summariseAsked(
      asked.map(([question]) => question),
      asked.map(([question, said]) => judgeAsked(question, said, scene, other)),
    );
    expect(summary).toEqual({
      wellFormed: 0.75,
      aboutPicture: 0.75,
      shuffled: 0.5,
      answeredRight: 1 / 3,
      kinds: { digit_col: 1 / 3, exist: 2 / 3 },
      distinct: 3,
      count: 4,
    });
  });

  test('accuracy by kind with its interval; the most frequent answer', () => {
    const result = accuracyOf([
      { kind: 'a', answer: 'x .', expected: 'x .' },
      { kind: 'a', answer: 'y .', expected: 'x .' },
      { kind: 'b', answer: ' z', expected: 'z' },
    ]);
    expect(result).toMatchObject({ overall: 2 / 3, kinds: { a: 0.5, b: 1 }, count: 3 });
    const [low, high] = wilson(358, 500);
    expect([low.toFixed(3), high.toFixed(3)]).toEqual(['0.675', '0.754']);
    const guess = mostFrequentAnswers([
      { question: 'q', answer: 'a' },
      { question: 'q', answer: 'b' },
      { question: 'q', answer: 'b' },
      { question: 'r', answer: 'c' },
    ]);
    expect([guess('q'), guess('r'), guess('new')]).toEqual(['b', 'c', 'b']);
  });
});
