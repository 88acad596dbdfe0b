/**
 * @file `config.json` files in Hugging Face's layout, to configurations and back. Settings that affect the arithmetic
 * are implemented or refused; keys that do not affect it are known by name, and `unknownKeys` lists the rest.
 */
import { ConfigError } from '@curio/engine';
import { QUANTISED_STORAGES, shownJson } from '@curio/nn';
import type { QuantisedStorage } from '@curio/nn';
import type { ClipTextConfig, ClipVisionConfig, LlamaConfig } from '../config.ts';

export type Json = Readonly<Record<string, unknown>>;

function numberOf(json: Json, key: string, where: string, fallback?: number): number {
  const value = json[key] ?? fallback;
  if (typeof value !== 'number')
    throw new ConfigError(`${where}: ${key} is ${shownJson(json[key])}; it must be a number.`);
  return value;
}

const COUNTS = new Set([
  'vocab_size',
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'max_position_embeddings',
  'image_size',
  'patch_size',
]);

/** Reads numbers from one file; sizes are whole and above 0. */
const reader =
  (json: Json, where: string) =>
  (key: string, fallback?: number): number => {
    const value = numberOf(json, key, where, fallback);
    if (COUNTS.has(key) ? !(Number.isInteger(value) && value > 0) : !(value > 0 && Number.isFinite(value)))
      throw new ConfigError(
        `${where}: ${key} is ${value}; it must be a ${COUNTS.has(key) ? 'whole ' : ''}number above 0.`,
      );
    return value;
  };

/** How `curio convert` describes its numbers; other programs take it for a model that they cannot open. */
export const quantisationOf = (storage: QuantisedStorage): Json => ({ quant_method: 'curio', storage });
const QUANTISATIONS = QUANTISED_STORAGES.map(quantisationOf);

/** Supported values, by key; null or a missing key means the first. */
type Fixed = Readonly<Record<string, readonly unknown[]>>;

function requireFixed(json: Json, fixed: Fixed, where: string): void {
  for (const [key, known] of Object.entries(fixed)) {
    const value = json[key];
    if (value === undefined || value === null || known.some((each) => JSON.stringify(each) === JSON.stringify(value)))
      continue;
    throw new ConfigError(
      `${where}: ${key} is ${shownJson(value)}; ${known.length > 0 ? `only ${known.map(shownJson).join(' or ')} is supported` : 'a base with it is not supported'}.`,
    );
  }
}

/** Settings of `PretrainedConfig`, of generation and of training that do not change a model's scores. */
const INERT =
  `_name_or_path add_cross_attention architectures auto_map bad_words_ids begin_suppress_tokens chunk_size_feed_forward
cross_attention_hidden_size decoder_start_token_id diversity_penalty do_sample dtype early_stopping encoder_no_repeat_ngram_size
exponential_decay_length_penalty finetuning_task forced_bos_token_id forced_eos_token_id id2label initializer_factor
initializer_range is_decoder is_encoder_decoder label2id length_penalty max_length max_sequence_length min_length
no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_attentions output_hidden_states output_scores
pad_token_id prefix pretraining_tp problem_type projection_dim remove_invalid_values repetition_penalty return_dict
return_dict_in_generate sep_token_id suppress_tokens task_specific_params temperature tf_legacy_loss tie_encoder_decoder
tokenizer_class tokenizer_model_max_length tokenizer_padding_side top_k top_p torch_dtype torchscript transformers_version
typical_p unfreeze_mm_vision_tower use_bfloat16 use_cache`.split(/\s+/);

const LLAMA_TYPES = ['llama', 'llava', 'llava_llama', 'share4v'];
const LLAMA_FIXED: Fixed = {
  model_type: LLAMA_TYPES,
  hidden_act: ['silu'],
  attention_bias: [false],
  mlp_bias: [false],
  tie_word_embeddings: [false],
  attention_dropout: [0],
  bos_token_id: [1],
  eos_token_id: [2, [2]],
  pruned_heads: [{}],
  sliding_window: [],
  quantization_config: QUANTISATIONS,
};
const ROPE = ['rope_theta', 'rope_scaling', 'rope_parameters', 'partial_rotary_factor'];
const LLAMA_READ =
  `vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
rms_norm_eps max_position_embeddings`.split(/\s+/);

/**
 * A LLaMA `config.json`, including LLaVA's and ShareGPT4V's; `where` names the file in errors. Old files have
 * `rope_theta` and `rope_scaling`, those of transformers 5 `rope_parameters`.
 * @throws ConfigError for arithmetic that is not LLaMA-2's: scaled positions, biases, tied heads, other activations
 */
export function llamaFromHf(json: Json, where: string): LlamaConfig {
  const get = reader(json, where);
  const numHeads = get('num_attention_heads');
  requireFixed(json, LLAMA_FIXED, where);
  const hiddenSize = get('hidden_size');
  const numKeyValueHeads = get('num_key_value_heads', numHeads);
  if (hiddenSize % (2 * numHeads) !== 0 || numHeads % numKeyValueHeads !== 0)
    throw new ConfigError(
      `${where}: ${numHeads} heads and ${numKeyValueHeads} key heads do not divide a width of ${hiddenSize}; heads must have the same even width, and groups the same size.`,
    );
  requireFixed(json, { head_dim: [hiddenSize / numHeads] }, where);
  return {
    vocabSize: get('vocab_size'),
    hiddenSize,
    intermediateSize: get('intermediate_size'),
    numLayers: get('num_hidden_layers'),
    numHeads,
    numKeyValueHeads,
    rmsNormEps: get('rms_norm_eps', 1e-6), // where a key may be missing, transformers' own default
    ropeTheta: ropeTheta(json, where),
    maxPositions: get('max_position_embeddings', 2048),
  };
}

/** The base of the wavelengths. @throws ConfigError if positions are scaled, or rotate only a part of the width */
function ropeTheta(json: Json, where: string): number {
  const given = (json.rope_parameters ?? {}) as Json;
  for (const [key, scaling] of [
    ['rope_scaling', json.rope_scaling],
    ['rope_parameters', json.rope_parameters],
  ] as const) {
    if (scaling === undefined || scaling === null) continue;
    const type = (scaling as Json).rope_type ?? (scaling as Json).type;
    if (typeof scaling !== 'object' || type !== 'default')
      throw new ConfigError(
        `${where}: ${key} is ${shownJson(scaling)}; only positions that are not scaled (type default) are supported.`,
      );
  }
  for (const holder of [json, given]) requireFixed(holder, { partial_rotary_factor: [1] }, where);
  return reader({ rope_theta: given.rope_theta ?? json.rope_theta }, where)('rope_theta', 10000);
}

export function llamaToHf(config: LlamaConfig): Json {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    num_key_value_heads: config.numKeyValueHeads,
    hidden_act: 'silu',
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    max_position_embeddings: config.maxPositions,
    attention_bias: false,
    tie_word_embeddings: false,
    bos_token_id: 1,
    eos_token_id: 2,
    pad_token_id: 0,
    torch_dtype: 'float16',
  };
}

const CLIP_FIXED: Fixed = {
  model_type: ['clip', 'clip_vision_model'],
  hidden_act: ['quick_gelu'],
  num_channels: [3],
  attention_dropout: [0],
  dropout: [0],
  pruned_heads: [{}],
  quantization_config: QUANTISATIONS,
};
const CLIP_READ =
  `image_size patch_size hidden_size intermediate_size num_hidden_layers num_attention_heads layer_norm_eps`.split(' ');

/**
 * A CLIP `config.json`, of the whole model (its `vision_config` is used) or of the image tower alone. Missing keys
 * have the values of transformers' CLIPVisionConfig.
 * @throws ConfigError for arithmetic that is not OpenAI's CLIP's
 */
export function clipVisionFromHf(json: Json, where: string): ClipVisionConfig {
  requireFixed(json, { model_type: CLIP_FIXED.model_type!, quantization_config: QUANTISATIONS }, where);
  const vision = (json.vision_config ?? json) as Json;
  const get = reader(vision, where);
  requireFixed(vision, CLIP_FIXED, where);
  const config: ClipVisionConfig = {
    imageSize: get('image_size', 224),
    patchSize: get('patch_size', 32),
    hiddenSize: get('hidden_size', 768),
    intermediateSize: get('intermediate_size', 3072),
    numLayers: get('num_hidden_layers', 12),
    numHeads: get('num_attention_heads', 12),
    layerNormEps: get('layer_norm_eps', 1e-5),
    selectLayer: -2,
  };
  const { imageSize, patchSize, hiddenSize, numHeads } = config;
  if (imageSize % patchSize !== 0 || hiddenSize % numHeads !== 0)
    throw new ConfigError(
      `${where}: patches of ${patchSize} do not divide a side of ${imageSize}, or ${numHeads} heads a width of ${hiddenSize}; both must.`,
    );
  return config;
}

/**
 * The text tower of a whole CLIP's `config.json`, and the width of its embedding. Missing keys have the values of
 * transformers' CLIPTextConfig.
 * @throws ConfigError for a tower without one, and for arithmetic that is not OpenAI's CLIP's
 */
export function clipTextFromHf(json: Json, where: string): ClipTextConfig {
  if (typeof json.text_config !== 'object' || json.text_config === null)
    throw new ConfigError(
      `${where}: text_config is ${shownJson(json.text_config)}; only a whole CLIP has a text tower.`,
    );
  const text = json.text_config as Json;
  requireFixed(text, { ...CLIP_FIXED, model_type: ['clip_text_model'] }, where);
  const get = reader(text, where);
  return {
    vocabSize: get('vocab_size', 49408),
    hiddenSize: get('hidden_size', 512),
    intermediateSize: get('intermediate_size', 2048),
    numLayers: get('num_hidden_layers', 12),
    numHeads: get('num_attention_heads', 8),
    maxPositions: get('max_position_embeddings', 77),
    layerNormEps: get('layer_norm_eps', 1e-5),
    projectionSize: reader(json, where)('projection_dim', 512),
  };
}

/** Keys of a `config.json` that are neither read nor known to have no effect; `readLlavaConfig` handles LLaVA's. */
export function unknownKeys(json: Json, kind: 'llama' | 'clip'): string[] {
  const known = new Set(
    kind === 'llama'
      ? [...INERT, ...Object.keys(LLAMA_FIXED), ...ROPE, ...LLAMA_READ]
      : [...INERT, ...Object.keys(CLIP_FIXED), ...CLIP_READ, 'tie_word_embeddings', 'bos_token_id', 'eos_token_id'],
  );
  const whole =
    kind === 'clip'
      ? ['vision_config', 'vision_config_dict', 'text_config', 'text_config_dict', 'logit_scale_init_value']
      : [];
  const inside = kind === 'clip' && json.vision_config ? unknownKeys(json.vision_config as Json, kind) : [];
  return [...Object.keys(json).filter((key) => !known.has(key) && !whole.includes(key)), ...inside];
}

export function clipVisionToHf(config: ClipVisionConfig): Json {
  return {
    architectures: ['CLIPVisionModel'],
    model_type: 'clip_vision_model',
    image_size: config.imageSize,
    patch_size: config.patchSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    hidden_act: 'quick_gelu',
    layer_norm_eps: config.layerNormEps,
    attention_dropout: 0,
    torch_dtype: 'float16',
  };
}
