/** A `tokenizer.json` that is damaged is refused in one sentence, before or while the library reads it. */
import { expect, test } from 'vitest';
import { memorySource } from '@curio/nn';
import { openTokens } from '../src/data/tokens.ts';

const right = {
  added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true })),
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    vocab: { '<unk>': 0, '<s>': 1, '</s>': 2, '▁': 3, a: 4, b: 5, ab: 6 },
    merges: ['a b'],
  },
};
const open = (json: object) =>
  openTokens({
    name: 'base',
    open: async (name) =>
      name === 'tokenizer.json' ? memorySource(name, new TextEncoder().encode(JSON.stringify(json))) : undefined,
  });
const { model } = right;

test('a valid one is read', async () => {
  expect((await open(right)).encode('ab a')).toEqual([3, 6, 3, 4]);
});

test('an id without a word, which a model with more rows may choose, gives no text', async () => {
  const { vocab } = model;
  const decoder = { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] };
  const tokens = await open({ ...right, decoder, model: { ...model, unk_token: null, vocab: { ...vocab, c: 8 } } });
  expect(tokens.decode([4, 7, 8])).toBe('ac');
});

test.each([
  [{ ...right, model: { ...model, type: 'Unigram' } }, 'model.type is "Unigram"; only BPE can be read.'],
  [
    { ...right, model: { ...model, vocab: [] } },
    'it has no model.vocab; a BPE tokenizer of the Hugging Face format is needed.',
  ],
  [
    { ...right, model: { ...model, vocab: { ...model.vocab, c: 6 } } },
    "'ab' and 'c' both have the id 6; ids must differ.",
  ],
  [
    { ...right, model: { ...model, vocab: { ...model.vocab, c: -1 } } },
    "'c' has the id -1; ids are whole numbers below 1e6.",
  ],
  [{ ...right, model: { ...model, unk_token: '?' } }, 'model.unk_token is "?", which is no word of the vocabulary.'],
  [
    { ...right, model: { ...model, merges: ['a b', 'ab'] } },
    'model.merges holds "ab"; each must be two pieces, all as texts or all as pairs.',
  ],
  [{ ...right, added_tokens: [{ id: 9 }] }, 'added_tokens holds {…}; each must be an object with content and id.'],
  [{ ...right, decoder: 'Fuse' }, 'decoder is "Fuse"; it must be null, or an object with a type.'],
  [
    { ...right, normalizer: { type: 'Replace', content: 'x' } },
    'normalizer: pattern is nothing; it must have a text as String or Regex.',
  ],
  [{ ...right, normalizer: { type: 'Prepend', prepend: 5 } }, 'normalizer: prepend is 5; it must be a string.'],
  [
    { ...right, decoder: { type: 'Strange' } },
    'it cannot be used (Unknown Decoder type: Strange); copy it again, or take its tokenizer.model.',
  ],
])('%# is refused', async (json, sentence) => {
  await expect(open(json)).rejects.toThrow(`tokenizer: base/tokenizer.json: ${sentence}`);
});
