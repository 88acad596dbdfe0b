/**
 * A small language model of numbers by formula, as GGUF files of every type. `gguf-sample-cli.ts` writes them for
 * packages/testing/python/gguf_files.py, which writes down what the format's own reader finds in them.
 */
import { memorySource } from '@curio/nn';
import type { ByteFolder, StreamedFile, StreamedTensor } from '@curio/nn';
import { elements, encodeFloats } from '@curio/nn';
import type { LlamaConfig } from '../src/config.ts';
import { dtypeOf, GGUF_STORAGES, languageGguf } from '../src/files/gguf-language.ts';
import type { GgufStorage } from '../src/files/gguf-language.ts';

export const config: LlamaConfig = {
  vocabSize: 710, // more rows than the vocabulary has words
  hiddenSize: 64,
  intermediateSize: 96,
  numLayers: 2,
  numHeads: 4,
  numKeyValueHeads: 2,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  maxPositions: 512,
};

/** Names and shapes in the order of transformers' files. */
export function shapes(): [string, number[]][] {
  const { vocabSize, hiddenSize, intermediateSize, numLayers } = config;
  const blocks = Array.from({ length: numLayers }, (_, i): [string, number[]][] => {
    const at = `model.layers.${i}`;
    return [
      [`${at}.self_attn.q_proj.weight`, [hiddenSize, hiddenSize]],
      [`${at}.self_attn.k_proj.weight`, [hiddenSize / 2, hiddenSize]],
      [`${at}.self_attn.v_proj.weight`, [hiddenSize / 2, hiddenSize]],
      [`${at}.self_attn.o_proj.weight`, [hiddenSize, hiddenSize]],
      [`${at}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]],
      [`${at}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]],
      [`${at}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]],
      [`${at}.input_layernorm.weight`, [hiddenSize]],
      [`${at}.post_attention_layernorm.weight`, [hiddenSize]],
    ];
  });
  return [
    ['model.embed_tokens.weight', [vocabSize, hiddenSize]],
    ...blocks.flat(),
    ['model.norm.weight', [hiddenSize]],
    ['lm_head.weight', [vocabSize, hiddenSize]],
  ];
}

/** Numbers of all sizes; the first 32 of each matrix are 0. */
export function numbers(index: number, shape: readonly number[]): Float32Array {
  const size = elements(shape);
  return Float32Array.from({ length: size }, (_, i) => {
    if (shape.length === 2 && i < 32) return 0;
    const drawn = (Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) / 2 ** 31;
    return drawn * 2 ** -(i % 11);
  });
}

/** In pieces that end anywhere. */
function tensorOf(name: string, index: number, shape: readonly number[], storage: GgufStorage): StreamedTensor {
  const dtype = dtypeOf(storage)(shape);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const { buffer } = encodeFloats(numbers(index, shape), dtype);
    for (let at = 0; at < buffer.byteLength; at += 1000)
      yield new Uint8Array(buffer, at, Math.min(1000, buffer.byteLength - at));
  }
  return { name, dtype, shape, pieces };
}

/** @param tokenizer a `tokenizer.model` */
export async function sampleFiles(tokenizer: Uint8Array): Promise<Map<GgufStorage, StreamedFile>> {
  const given = new Map([
    ['tokenizer.model', tokenizer],
    ['added_tokens.json', new TextEncoder().encode('{"[vusr]": 700}')],
  ]);
  const folder: ByteFolder = {
    name: 'base',
    open: async (name) => {
      const bytes = given.get(name);
      return bytes && memorySource(name, bytes);
    },
  };
  const files = new Map<GgufStorage, StreamedFile>();
  for (const storage of GGUF_STORAGES) {
    const tensors = shapes().map(([name, shape], index) => tensorOf(name, index, shape, storage));
    files.set(storage, await languageGguf(config, tensors, folder, { storage, name: 'sample' }));
  }
  return files;
}

export async function bytesOf(file: StreamedFile): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(file.size);
  let at = 0;
  for await (const chunk of file.chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at !== file.size) throw new RangeError(`${at} bytes were written and ${file.size} were announced`);
  return bytes;
}
