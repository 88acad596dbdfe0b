import { DataError } from '@curio/engine';
import { type ByteFolder, memorySource } from '@curio/nn';
import { expect, test } from 'vitest';
import { openGolden } from '../../testing/src/golden.ts';
import { parity } from '../../testing/src/parity.ts';
import { SentencePiece } from '../src/data/sentence-piece.ts';
import { openTokens, TOKEN_RULES, Tokens } from '../src/data/tokens.ts';
import { llamaTokenizerJson } from './llama-vocabulary.ts';

const golden = await openGolden('sentence-piece');
const file = golden.bytes('file.model');
const { texts, runs, decoded } = golden.config as { texts: string[]; runs: number[][]; decoded: string[] };
const model = SentencePiece.read(file);

test('pieces are those of SentencePiece itself', () => {
  const ids = parity('ids of SentencePiece', 'sentencepiece');
  for (const [i, text] of texts.entries())
    ids.same(text === '' ? [] : model.encode(`▁${text}`), golden.config.sentencepiece[i], JSON.stringify(text));
});

test('any ids decode as SentencePiece decodes them', () => {
  for (const [i, run] of runs.entries()) expect(model.decode(run), run.join()).toBe(decoded[i]);
});

test.each(TOKEN_RULES)('the rule of transformers %s, from the model', (rule) => {
  const tokens = new Tokens(model, { rule });
  const want = golden.config[rule === '5' ? 'today' : 'then'] as number[][];
  const ids = parity(
    `ids by the rule of ${rule}`,
    `transformers ${golden.config.versions[rule === '5' ? 'today' : 'then']}`,
  );
  for (const [i, text] of texts.entries()) ids.same(tokens.encode(text), want[i]!, JSON.stringify(text));
});

test('extra words, prompts and their text', () => {
  const tokens = new Tokens(model, { extra: ['[vusr]'] });
  expect([tokens.vocabSize, tokens.id('[vusr]'), tokens.token(model.size), tokens.token(5)]).toEqual([
    420,
    420,
    '[vusr]',
    '<0x02>',
  ]);
  const ids = tokens.encodePrompt('USER: <image>\nWhat is that?</s>[vusr] café 猫');
  expect(ids[0]).toBe(1);
  expect(tokens.decode(ids)).toBe('USER:  \nWhat is that?[vusr] café 猫');
});

/** Protobuf fields by hand: numbers as varints, all else as bytes. */
const field = (number: number, value: number | readonly number[]): number[] =>
  typeof value === 'number' ? [number * 8, value] : [number * 8 + 2, value.length, ...value];
const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];
const piece = (text: string, kind = 1): number[] =>
  field(1, [...field(1, ascii(text)), 2 * 8 + 5, 0, 0, 0, 0, ...field(3, kind)]);
const three = [...piece('<unk>', 2), ...piece('<s>', 3), ...piece('</s>', 3)];
const bpe = field(2, field(3, 2));
const plain = field(3, field(4, 0));

test.each([
  ['nothing', [], 'it lacks pieces, a trainer or a normalizer; it is no SentencePiece model.'],
  ['a cut file', [...file.slice(0, 1000)], 'it is truncated.'],
  ['a page', ascii('<!DOCTYPE html>'), 'the field at byte 1 is of wire type 4; it is damaged.'],
  [
    'a unigram model',
    [...three, ...field(2, field(3, 1)), ...plain],
    "it is a unigram model; only BPE, as LLaMA's is, can be read.",
  ],
  [
    'no model type',
    [...three, ...field(2, []), ...plain],
    "it is a unigram model; only BPE, as LLaMA's is, can be read.",
  ],
  [
    'a table of characters',
    [...three, ...bpe, ...field(3, field(2, [1, 2, 3]))],
    'it normalises text by a table of 3 bytes; only models that take text as it is can be read.',
  ],
  [
    'spaces collapsed',
    [...three, ...bpe, ...field(3, [])],
    'it collapses spaces; only models that take text as it is can be read.',
  ],
  [
    'no dummy prefix',
    [...three, ...bpe, ...field(3, [...field(3, 0), ...field(4, 0)])],
    'it puts no space before a text; LLaMA does.',
  ],
  ['a piece twice', [...three, ...piece('<s>'), ...bpe, ...plain], 'pieces 1 and 3 are the same; they must differ.'],
  [
    'two unknowns',
    [...three, ...piece('x', 2), ...bpe, ...plain],
    'it has 2 pieces for what is unknown; it must have 1.',
  ],
  ['a kind of its own', [...three, ...piece('x', 9), ...bpe, ...plain], 'piece 3 is of kind 9; 1 to 6 are known.'],
  ['an empty piece', [...piece('')], 'piece 0 is empty; it is damaged.'],
  ['a piece that is not UTF-8', field(1, field(1, [0xff])), 'piece 0 is not UTF-8; it is damaged.'],
  ['a byte in words', [...three, ...piece('A', 6), ...bpe, ...plain], 'piece 3 is a byte and not written <0x0A>.'],
  [
    'byte fallback without bytes',
    [...three, ...field(2, [...field(3, 2), 0x98, 2, 1]), ...plain],
    'it has 0 pieces for bytes; byte fallback needs 256.',
  ],
  [
    'a number without an end',
    new Array<number>(11).fill(0xff),
    'the number at byte 10 has more than 10 bytes; it is damaged.',
  ],
])('%s is refused', (_, bytes, message) => {
  expect(() => SentencePiece.read(Uint8Array.from(bytes))).toThrow(new DataError(`tokenizer.model: ${message}`));
});

test('without byte fallback, adjacent unknown characters are one <unk>', () => {
  const small = SentencePiece.read(Uint8Array.from([...three, ...piece('a'), ...piece('b', 4), ...bpe, ...plain]));
  expect(small.encode('axyabz')).toEqual([3, 0, 3, 4, 0]);
});

test('pieces beyond the rows of the model are refused', () => {
  expect(new Tokens(model, { rows: 500 }).vocabSize).toBe(500);
  expect(() => new Tokens(model, { rows: 400 })).toThrow(
    new DataError(
      `tokenizer.model: '${model.piece(419)}' has id 419 and the model has 400 rows; take the tokenizer that the model was trained with.`,
    ),
  );
});

test('other vocabularies are refused by their beginning', () => {
  const other = SentencePiece.read(Uint8Array.from([...piece('<s>', 3), ...piece('<unk>', 2), ...bpe, ...plain]));
  expect(() => new Tokens(other)).toThrow("tokenizer.model: <unk> has id 1; LLaMA's vocabularies give it 0.");
});

test('a folder opens from its tokenizer.model, else from its tokenizer.json', async () => {
  const json = (x: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(x));
  const folder = (files: Record<string, Uint8Array>): ByteFolder => ({
    name: 'base',
    open: async (name) => files[name] && memorySource(name, files[name]),
  });
  const both = { 'tokenizer.model': file, 'tokenizer.json': json(llamaTokenizerJson()) };
  const config = { 'tokenizer_config.json': json({ legacy: false }) };
  expect((await openTokens(folder({ ...both, ...config }))).vocabSize).toBe(420);
  const other = await openTokens(folder({ 'tokenizer.json': both['tokenizer.json'] }), { rule: '5' });
  expect(other.encode('</s>USER:')).toEqual([2, 11889, 29901]);
  await expect(openTokens(folder({}))).rejects.toThrow(
    new DataError('tokenizer: base has no tokenizer.model or tokenizer.json; one of them must be there.'),
  );
  await expect(openTokens(folder({ ...both, 'tokenizer_config.json': json({ legacy: true }) }))).rejects.toThrow(
    new DataError(
      'tokenizer_config.json: legacy is true, which puts a space after every special word; false is known.',
    ),
  );
  await expect(openTokens(folder({ 'tokenizer.json': json(3) }))).rejects.toThrow(
    new DataError('tokenizer: base/tokenizer.json: it holds 3; it must be an object.'),
  );
});
