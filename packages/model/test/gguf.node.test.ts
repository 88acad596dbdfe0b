/** GGUF files: to the byte what the format's own reader was seen to read (packages/testing/python/gguf_files.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { memorySource } from '@curio/nn';
import type { ByteFolder, StreamedFile } from '@curio/nn';
import { openGolden } from '@curio/testing/golden';
import { GGUF_STORAGES, languageGguf } from '../src/files/gguf-language.ts';
import type { GgufStorage } from '../src/files/gguf-language.ts';
import { ggufVocabulary } from '../src/files/gguf-vocabulary.ts';
import { bytesOf, config, numbers, sampleFiles, shapes } from './gguf-sample.ts';

interface Read {
  readonly sha256: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tensors: readonly { name: string; type: string; shape: number[]; sha256: string }[];
}
const golden = JSON.parse(readFileSync(new URL('../../testing/golden/gguf.json', import.meta.url), 'utf8')) as Record<
  GgufStorage,
  Read
>;
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let files: Map<GgufStorage, StreamedFile>;
beforeAll(async () => {
  files = await sampleFiles((await openGolden('sentence-piece')).bytes('file.model'));
});

test.each(GGUF_STORAGES)('%s: the bytes from which gguf read settings, names, shapes and numbers', async (storage) => {
  const { sha256, settings, tensors } = golden[storage];
  expect(hash(await bytesOf(files.get(storage)!))).toBe(sha256);
  expect(settings).toMatchObject({
    'GGUF.version': 3,
    'general.architecture': 'llama',
    'general.name': 'sample',
    'general.file_type': { f32: 0, f16: 1, q8_0: 7, bf16: 32 }[storage],
    'llama.vocab_size': config.vocabSize,
    'llama.context_length': config.maxPositions,
    'llama.embedding_length': config.hiddenSize,
    'llama.block_count': config.numLayers,
    'llama.feed_forward_length': config.intermediateSize,
    'llama.rope.dimension_count': 16,
    'llama.rope.freq_base': config.ropeTheta,
    'llama.attention.head_count': config.numHeads,
    'llama.attention.head_count_kv': config.numKeyValueHeads,
    'llama.attention.layer_norm_rms_epsilon': Math.fround(config.rmsNormEps),
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': { count: 710, begin: ['<unk>', '<s>', '</s>', '<0x00>', '<0x01>'] },
    'tokenizer.ggml.token_type': { count: 710, begin: [2, 3, 3, 6, 6], end: [5, 5, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5] },
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  });
  const matrix = storage.toUpperCase();
  expect(tensors.map(({ name, type, shape }) => [name, type, shape])).toEqual([
    ['token_embd.weight', matrix, [64, 710]],
    ...[0, 1].flatMap((i) => [
      [`blk.${i}.attn_q.weight`, matrix, [64, 64]],
      [`blk.${i}.attn_k.weight`, matrix, [64, 32]],
      [`blk.${i}.attn_v.weight`, matrix, [64, 32]],
      [`blk.${i}.attn_output.weight`, matrix, [64, 64]],
      [`blk.${i}.ffn_gate.weight`, matrix, [64, 96]],
      [`blk.${i}.ffn_up.weight`, matrix, [64, 96]],
      [`blk.${i}.ffn_down.weight`, matrix, [96, 64]],
      [`blk.${i}.attn_norm.weight`, 'F32', [64]],
      [`blk.${i}.ffn_norm.weight`, 'F32', [64]],
    ]),
    ['output_norm.weight', 'F32', [64]],
    ['output.weight', matrix, [64, 710]],
  ]);
});

test('the numbers are the given ones; rows of q and k that rotate together are adjacent', () => {
  for (const [index, [name, shape]] of shapes().entries()) {
    const values = numbers(index, shape);
    const rows = Array.from({ length: shape[0]! }, (_, row) =>
      shape.length === 1 ? values.subarray(row, row + 1) : values.subarray(row * shape[1]!, (row + 1) * shape[1]!),
    );
    const placed = /[qk]_proj/.test(name)
      ? rows.map((_, row) => rows[16 * Math.floor(row / 16) + 8 * (row % 2) + Math.floor((row % 16) / 2)]!)
      : rows;
    const bytes = Buffer.concat(placed.map((row) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength)));
    expect(golden.f32.tensors[index]!.sha256, name).toBe(hash(bytes).slice(0, 16));
  }
});

const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
const folderOf = (json: { readonly model: object; readonly added_tokens: object }): ByteFolder => ({
  name: 'base',
  open: async (name) =>
    name === 'tokenizer.json'
      ? memorySource(
          name,
          new TextEncoder().encode(JSON.stringify({ ...parts, ...json, model: { type: 'BPE', ...json.model } })),
        )
      : undefined,
});
const special = ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true }));
const vocab = { '<unk>': 0, '<s>': 1, '</s>': 2, '<0x0A>': 3, abc: 4, ab: 5, bc: 6, '▁': 7, a: 8, b: 9, c: 10 };

describe('a vocabulary from tokenizer.json', () => {
  const listed = ['a b', 'b c', 'ab c', 'a bc'];
  test.each([
    ['texts', listed],
    ['pairs', listed.map((merge) => merge.split(' '))],
  ])('merges as %s: what is merged first has the best score', async (_, merges) => {
    const added_tokens = [...special, { id: 11, content: '<pad>', special: true }, { id: 12, content: 'x y' }];
    const settings = await ggufVocabulary(folderOf({ model: { vocab, merges }, added_tokens }), 14);
    expect(settings['tokenizer.ggml.tokens']!.value).toEqual([...Object.keys(vocab), '<pad>', 'x y', '[PAD13]']);
    expect(settings['tokenizer.ggml.scores']!.value).toEqual(
      // abc, ab, bc by their places; letters after them; what text never makes at -1000
      [-1000, -1000, -1000, -5, -2, 0, -1, -5, -5, -5, -5, -1000, -1000, -10000],
    );
    expect(settings['tokenizer.ggml.token_type']!.value).toEqual([2, 3, 3, 6, 1, 1, 1, 1, 1, 1, 1, 3, 4, 5]);
  });

  test('what scores of pieces cannot express is refused', async () => {
    const read = (model: object) => ggufVocabulary(folderOf({ model, added_tokens: special }), 11);
    const { '▁': _, ...spaceless } = vocab;
    await expect(read({ vocab: spaceless, merges: [] })).rejects.toThrow(
      "gguf: base/tokenizer.json has no piece '▁'; only LLaMA's vocabulary, which writes spaces so, can be written.",
    );
    await expect(read({ vocab, merges: ['a b', 'ab c', 'b c', 'a bc'] })).rejects.toThrow(
      "gguf: base/tokenizer.json merges 'abc' at two places of its list, and GGUF has one score for it; give the tokenizer.model that it was made from.",
    );
    await expect(read({ vocab, merges: ['a b', 'b c', 'ab c'] })).rejects.toThrow(
      "gguf: base/tokenizer.json never merges 'a' and 'bc', but readers of GGUF would, since 'abc' is a piece; give the tokenizer.model that it was made from.",
    );
    await expect(ggufVocabulary({ name: 'base', open: async () => undefined }, 11)).rejects.toThrow(
      'tokenizer: base has no tokenizer.model or tokenizer.json; one of them must be there.',
    );
  });
});

test('what the format cannot hold is refused before anything is written', async () => {
  const write = (storage: GgufStorage, name: string, shape: number[]) =>
    languageGguf(
      { ...config, vocabSize: 11 },
      [{ name, shape, dtype: 'F32', pieces: async function* () {} }],
      folderOf({ model: { vocab, merges: [] }, added_tokens: special }),
      { storage, name: 'sample' },
    );
  await expect(write('q8_0', 'lm_head.weight', [11, 48])).rejects.toThrow(
    "gguf: 'output.weight' is [11, 48] and Q8_0 has groups of 32 numbers; write it as f16, bf16 or f32.",
  );
  await expect(write('f32', 'model.layers.0.self_attn.q_proj.bias', [64])).rejects.toThrow(
    "gguf: 'model.layers.0.self_attn.q_proj.bias' has no name in llama.cpp's llama; use a LLaMA without it.",
  );
  const short = await write('f32', 'lm_head.weight', [11, 64]);
  await expect(bytesOf(short)).rejects.toThrow(
    "gguf: 'output.weight' produced 0 bytes for its 704 numbers; it must produce 2816.",
  );
});
