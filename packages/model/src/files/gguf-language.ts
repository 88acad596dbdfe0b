/**
 * @file The language model for llama.cpp: one GGUF file with its settings, its vocabulary and its tensors under
 * llama.cpp's names, vectors always as f32.
 *
 * Image tower and projector are left out: llama.cpp has a second file for them, and knows no projector like the
 * prototype extractor.
 */
import { WeightError } from '@curio/engine';
import { ggufTensor, neighbouringPairs, quantisedQ8, streamGguf } from '@curio/nn';
import type { ByteFolder, FloatDType, GgufSettings, GgufTensor, StreamedFile, StreamedTensor } from '@curio/nn';
import type { LlamaConfig } from '../config.ts';
import { ggufVocabulary } from './gguf-vocabulary.ts';
import { mergedModel } from './merged-model.ts';
import type { MergeDevices, MergedModel } from './merged-model.ts';
import type { FolderConfig, ModelFiles } from './model-config.ts';

/** Types of the matrices, llama.cpp's numbers for a file of them, and what they are made from. */
const TYPES = {
  f32: { file: 0, dtype: 'F32' },
  f16: { file: 1, dtype: 'F16' },
  q8_0: { file: 7, dtype: 'F32' },
  bf16: { file: 32, dtype: 'BF16' },
} as const;
export type GgufStorage = keyof typeof TYPES;
export const GGUF_STORAGES = Object.keys(TYPES) as GgufStorage[];

const TOP: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};
const IN_BLOCK: Readonly<Record<string, string>> = {
  'input_layernorm.weight': 'attn_norm.weight',
  'self_attn.q_proj.weight': 'attn_q.weight',
  'self_attn.k_proj.weight': 'attn_k.weight',
  'self_attn.v_proj.weight': 'attn_v.weight',
  'self_attn.o_proj.weight': 'attn_output.weight',
  'post_attention_layernorm.weight': 'ffn_norm.weight',
  'mlp.gate_proj.weight': 'ffn_gate.weight',
  'mlp.up_proj.weight': 'ffn_up.weight',
  'mlp.down_proj.weight': 'ffn_down.weight',
};

export interface GgufOptions {
  readonly storage: GgufStorage;
  /** Name of the model, stored in the file. */
  readonly name: string;
}

export interface MergedGguf extends Pick<MergedModel, 'lines'> {
  readonly file: StreamedFile;
  /** Matrices that have a branch. */
  readonly merged: number;
}

/**
 * The merged language model as `model.gguf`; its bytes are computed as they are written.
 * @throws as `mergedModel` and `ggufVocabulary`
 */
export async function mergedGguf(
  found: FolderConfig,
  files: ModelFiles,
  { storage, name, ...devices }: GgufOptions & MergeDevices,
): Promise<MergedGguf> {
  const { language, merged, lines } = await mergedModel(found, files, dtypeOf(storage), devices);
  const file = await languageGguf(found.model.language, language, files.language, { storage, name });
  return { file, merged: merged.language, lines };
}

/** Vectors are always f32. */
export const dtypeOf =
  (storage: GgufStorage) =>
  (shape: readonly number[]): FloatDType =>
    shape.length === 1 ? 'F32' : TYPES[storage].dtype;

/**
 * A language model as `model.gguf`.
 * @param tensors by transformers' names, each of the type that `dtypeOf` returns
 * @param folder has the vocabulary
 */
export async function languageGguf(
  config: LlamaConfig,
  tensors: readonly StreamedTensor[],
  folder: ByteFolder,
  { storage, name }: GgufOptions,
): Promise<StreamedFile> {
  const vocabulary = await ggufVocabulary(folder, config.vocabSize);
  const settings = { ...settingsOf(config, storage, name), ...vocabulary };
  return streamGguf(
    'model.gguf',
    settings,
    tensors.map((tensor) => renamed(tensor, config, storage)),
  );
}

function settingsOf(config: LlamaConfig, storage: GgufStorage, name: string): GgufSettings {
  const { vocabSize, hiddenSize, intermediateSize, numLayers, numHeads, numKeyValueHeads } = config;
  const count = (value: number) => ({ type: 'u32', value }) as const;
  return {
    'general.architecture': { type: 'string', value: 'llama' },
    'general.type': { type: 'string', value: 'model' },
    'general.name': { type: 'string', value: name },
    'general.file_type': count(TYPES[storage].file),
    'general.quantization_version': count(2),
    'llama.vocab_size': count(vocabSize),
    'llama.context_length': count(config.maxPositions),
    'llama.embedding_length': count(hiddenSize),
    'llama.block_count': count(numLayers),
    'llama.feed_forward_length': count(intermediateSize),
    'llama.rope.dimension_count': count(hiddenSize / numHeads),
    'llama.rope.freq_base': { type: 'f32', value: config.ropeTheta },
    'llama.attention.head_count': count(numHeads),
    'llama.attention.head_count_kv': count(numKeyValueHeads),
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: config.rmsNormEps },
  };
}

function renamed(tensor: StreamedTensor, config: LlamaConfig, storage: GgufStorage): GgufTensor {
  const [, layer, part = ''] = /^model\.layers\.(\d+)\.(.*)$/.exec(tensor.name) ?? [];
  const name = layer === undefined ? TOP[tensor.name] : IN_BLOCK[part] && `blk.${layer}.${IN_BLOCK[part]}`;
  if (name === undefined)
    throw new WeightError(`gguf: '${tensor.name}' has no name in llama.cpp's llama; use a LLaMA without it.`);
  const heads = { q_proj: config.numHeads, k_proj: config.numKeyValueHeads }[
    /self_attn\.(.*)\.weight/.exec(part)?.[1] ?? ''
  ];
  const placed = { ...(heads === undefined ? tensor : neighbouringPairs(tensor, heads)), name };
  return storage === 'q8_0' && tensor.shape.length === 2
    ? quantisedQ8(placed)
    : ggufTensor({ ...placed, dtype: placed.dtype as FloatDType });
}
