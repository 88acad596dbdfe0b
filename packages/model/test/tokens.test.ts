import { describe, expect, test } from 'vitest';
import { TEMPLATES, renderConversation } from '../src/data/conversation.ts';
import { Tokens } from '../src/data/tokens.ts';
import { llamaTokenizerJson } from './llama-vocabulary.ts';

// Ids out of docs/sq-llava.md, sections 2.1 to 2.3, recorded from transformers 4.31.
const V1 =
  '1 319 13563 1546 263 12758 1404 322 385 23116 21082 20255 29889 450 20255 4076 8444 29892 13173 29892 322 1248 568 6089 304 278 1404 29915 29879 5155 29889';
const V1_SQ = `${V1} 17351 29892 278 23116 21082 20255 338 263 12758 6901 1404 29889 450 6901 1404 19514 4280 5155 393 526 8018 304 278 2793 297 278 1967 29892 363 1342 29892 6721 1048 3239 7134 310 278 3618 297 278 1967 29892 6721 304 5353 1048 4959 10464 297 278 1967 29892 2992 29889 11454 29892 437 451 2244 1048 17999 4902 29889`;
const ids = (text: string): number[] => text.split(' ').map(Number);

describe("LLaMA's rule of transformers 4.31", () => {
  const tokens = new Tokens(llamaTokenizerJson());

  test.each([
    ['USER:', '3148 1001 29901'],
    ['</s>USER:', '2 3308 1001 29901'],
    ['</s>VUSER:', '2 29963 11889 29901'],
    ['</s> ASSISTANT:', '2 29871 319 1799 9047 13566 29901'],
    ['What is that? ASSISTANT:', '1724 338 393 29973 319 1799 9047 13566 29901'],
  ])('%s', (text, expected) => expect(tokens.encode(text)).toEqual(ids(expected)));

  test('an image splits the prompt; each side is encoded on its own', () => {
    expect(tokens.encodePrompt('USER: <image>\nWhat')).toEqual(ids('1 3148 1001 29901 29871 -200 29871 13 5618'));
  });

  test('the published system texts', () => {
    expect(tokens.encodePrompt(TEMPLATES.v1.system)).toEqual(ids(V1));
    expect(tokens.encodePrompt(TEMPLATES.v1_sq.system)).toEqual(ids(V1_SQ));
    expect([ids(V1).length, ids(V1_SQ).length]).toEqual([31, 94]);
  });

  test('a question ends in the role that is to answer', () => {
    const prompt = renderConversation(TEMPLATES.v1, [
      { role: 'human', text: '<image>\nWhat is that?' },
      { role: 'gpt', text: null },
    ]);
    expect(prompt.startsWith(`${TEMPLATES.v1.system} USER: <image>\nWhat`)).toBe(true);
    expect(tokens.encodePrompt(prompt).slice(-5)).toEqual(ids('319 1799 9047 13566 29901'));
  });

  test('decoding restores the text, bytes included, without special tokens', () => {
    for (const text of ['It is looking out of the window.', 'What is that?', 'a cat\non a sofa', 'é 猫 ▁']) {
      expect(tokens.decode(tokens.encodePrompt(text))).toBe(text.replace('▁', ' '));
    }
  });

  test('extra words get the ids after the vocabulary', () => {
    const more = new Tokens(llamaTokenizerJson(), { extra: ['[vusr]'] });
    const vusr = more.vocabSize;
    expect(more.id('[vusr]')).toBe(vusr);
    expect(more.encode('</s>[vusr] What is')).toEqual([2, vusr, 29871, 1724, 338]);
    expect(more.decode([2, vusr, 1724])).toBe('[vusr]What');
  });
});

test('a file that is not a tokenizer, or not LLaMA-shaped, is refused in one sentence', () => {
  expect(() => new Tokens({})).toThrow(
    'tokenizer.json: no model.vocab; a BPE tokenizer of the Hugging Face format is needed.',
  );
  const json = llamaTokenizerJson() as {
    model: { vocab: Record<string, number> };
    added_tokens: { content: string; id: number }[];
  };
  json.model.vocab['</s>'] = 99;
  json.added_tokens[2].id = 99;
  expect(() => new Tokens(json)).toThrow("tokenizer.json: </s> has id 99; LLaMA's vocabularies give it 2.");
});

test('a word without a row in the model is refused; an added special one is read as text, and [vusr] comes after all rows', () => {
  const added = (id: number, content: string, special: boolean) => {
    const json = structuredClone(llamaTokenizerJson()) as { added_tokens: object[] };
    json.added_tokens.push({
      id,
      content,
      special,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    });
    return json;
  };
  const rows = new Tokens(llamaTokenizerJson()).vocabSize;
  expect(() => new Tokens(added(rows, 'dog', false), { rows })).toThrow(
    `tokenizer.json: 'dog' has id ${rows} and the model has ${rows} rows; take the tokenizer that the model was trained with.`,
  );
  expect(() => new Tokens(llamaTokenizerJson(), { rows: 100 })).toThrow('and the model has 100 rows;');
  const padded = new Tokens(added(rows, '<pad>', true), { rows, extra: ['[vusr]'] });
  expect(padded.withoutRow).toEqual(['<pad>']);
  expect(padded.encode('<pad>').every((id) => id < rows)).toBe(true);
  expect(padded.id('[vusr]')).toBe(rows);
  // The model has the row: [vusr] comes after it, and after rows that no word has.
  const grown = new Tokens(added(rows, '<pad>', true), { rows: rows + 8, extra: ['[vusr]'] });
  expect([grown.encode('<pad>').at(-1), grown.id('[vusr]'), grown.withoutRow]).toEqual([rows, rows + 8, []]);
  expect(new Tokens(added(rows, '<pad>', true), { extra: ['[vusr]'] }).id('[vusr]')).toBe(rows + 1);
});
