import { QUESTIONS } from '@curio/scenes';
import type { Scene } from '@curio/scenes';
import { describe, expect, test } from 'vitest';
import { adviceFor } from '../src/advice.ts';
import { asRead, examples, judge, tidy, unknownWords } from '../src/talk/wording.ts';
import { readQuestion, suggestions } from '../src/talk/question.ts';

const scene: Scene = {
  objects: [{ digit: 7, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 1, dy: 1 }],
  background: 0.1,
  noise: 3,
};

const sketch = { scene, strokes: [] };

describe('suggestions', () => {
  test('are the examples until something is typed, and if nothing continues it', () => {
    expect(suggestions('', sketch)).toEqual(examples(sketch));
    expect(suggestions('zebra', sketch)).toEqual(examples(sketch));
  });
  test('continue what is typed, those about the board first', () => {
    const found = suggestions('Which digit is r', sketch);
    expect(found[0]).toBe('which digit is red ?');
    expect(found.length).toBeLessThanOrEqual(6);
    for (const text of suggestions('where is the', sketch)) expect(text).toMatch(/^where is the/);
  });
  test('begin with what was probably meant', () =>
    expect(suggestions('what number is blue', sketch)[0]).toBe('which digit is blue ?'));
});

describe('a question', () => {
  test.each([
    ['Which colour is the 7?', 'what color is the seven ?'],
    ['What number is red?', 'which digit is red ?'],
    ['which digit is in the middle', 'which digit is at center ?'],
    ["What's in the top left corner?", 'which digit is at top left ?'],
    ['Is the 4 big?', 'is the four small or large ?'],
    ['Are there any green digits?', 'is there a green digit ?'],
    ['Is there any green digit?', 'is there a green digit ?'],
    ['How many numbers are big?', 'how many large digits are there ?'],
    ['Which is bigger, the red or the blue one?', 'which digit is greater , the red or the blue ?'],
    ['What is red plus blue?', 'what is the sum of the red and the blue digit ?'],
    ['Describe it', 'describe the image in detail .'],
    ['what’s the sum of the red and the blue digit', 'what is the sum of the red and the blue digit ?'],
    ['Which digit is greater, the red or the blue?', 'which digit is greater , the red or the blue ?'],
    ['Describe the picture in detail!', 'describe the image in detail .'],
    ['  ', ''],
  ])('%j is read as %j', (typed, read) => expect(asRead(typed)).toBe(read));

  test('is shown as a person writes it', () =>
    expect(tidy('describe the image in detail .')).toBe('Describe the picture in detail.'));
  test('names the words that the model has never read', () =>
    expect(unknownWords('where is the elephant ?')).toEqual(['elephant']));
  test('among the examples has an answer in the scene', () => {
    for (const text of examples({ scene, strokes: [] })) expect(judge(text, '', scene), text).not.toBeNull();
  });
  test('is compared with the truth', () => {
    expect(judge('what color is the seven ?', 'red .', scene)).toEqual({ right: true, truth: 'red .' });
    expect(judge('what color is the seven ?', 'blue .', scene)).toEqual({ right: false, truth: 'red .' });
    expect(judge('what color is the six ?', 'red .', scene)).toEqual({ right: false, truth: 'there is none .' });
    expect(judge('what is red ?', 'red .', scene)).toBeNull();
  });

  test('of the grammar is read as itself, in any spelling', () => {
    for (const text of QUESTIONS.keys()) {
      expect(readQuestion(tidy(text))).toEqual({ question: text });
      expect(readQuestion(text.toUpperCase().replace(/ [.?]$/, ''))).toEqual({ question: text });
    }
  });

  test.each([
    ['Where is the elephant?', 'I have never read “elephant”: ask about digits, colors, sizes and places.'],
    [
      'alpha beta gamma delta',
      'I have never read “alpha”, “beta”, “gamma” and more: ask about digits, colors, sizes and places.',
    ],
    ['a'.repeat(150), `I have never read “${'a'.repeat(19)}…”: ask about digits, colors, sizes and places.`],
    ['Where is red?', 'I know these words but not this question: try one of those below.'],
    ['Какая цифра красная?', 'I have only read English: ask in English, such as “Which digit is red?”.'],
    ['哪个数字是红色的', 'I have only read English: ask in English, such as “Which digit is red?”.'],
    ['?!… 🙂', 'I find no words there: ask, for example, “Which digit is red?”.'],
    ['', 'I find no words there: ask, for example, “Which digit is red?”.'],
    ['red '.repeat(2000), '8,000 letters are too many for me: ask in a short sentence.'],
    [
      '<img src=x onerror=alert(1)>',
      'I have never read “img”, “src”, “x” and more: ask about digits, colors, sizes and places.',
    ],
  ])('%j is refused in one kind sentence', (text, why) => expect(readQuestion(text)).toEqual({ why }));
});

test('advice fits the browser', () => {
  expect(adviceFor('Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', true)).toContain(
    'dom.webgpu.enabled',
  );
  expect(
    adviceFor('Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15', true),
  ).toContain('Safari has WebGPU from version 26');
  expect(
    adviceFor('Mozilla/5.0 (Linux; Android 11) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36', true),
  ).toContain('Android 12');
  expect(adviceFor('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36', true)).toContain(
    'chrome://flags',
  );
  expect(adviceFor('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36', false)).toContain(
    'https',
  );
});
