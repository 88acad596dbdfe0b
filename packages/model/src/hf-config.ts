/**
 * @file `config.json` files in Hugging Face's layout, to configurations and back. Unknown keys are ignored, as files
 * carry many.
 */
import { ConfigError } from '@curio/engine';
import type { ClipVisionConfig, LlamaConfig } from './config.ts';

type Json = Readonly<Record<string, unknown>>;

function numberOf(json: Json, key: string, where: string, fallback?: number): number {
  const value = json[key] ?? fallback;
  if (typeof value !== 'number')
    throw new ConfigError(`${where}: ${key} is ${JSON.stringify(json[key]) ?? 'missing'}; it must be a number.`);
  return value;
}

/** A LLaMA `config.json`; `where` names the file in errors. */
export function llamaFromHf(json: Json, where: string): LlamaConfig {
  const get = (key: string, fallback?: number): number => numberOf(json, key, where, fallback);
  const numHeads = get('num_attention_heads');
  return {
    vocabSize: get('vocab_size'),
    hiddenSize: get('hidden_size'),
    intermediateSize: get('intermediate_size'),
    numLayers: get('num_hidden_layers'),
    numHeads,
    numKeyValueHeads: get('num_key_value_heads', numHeads),
    rmsNormEps: get('rms_norm_eps'),
    ropeTheta: get('rope_theta', 10000),
    maxPositions: get('max_position_embeddings'),
  };
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

/** A CLIP `config.json`, of the whole model (its `vision_config` is taken) or of the image tower alone. */
export function clipVisionFromHf(json: Json, where: string): ClipVisionConfig {
  const vision = (json.vision_config ?? json) as Json;
  const get = (key: string, fallback?: number): number => numberOf(vision, key, where, fallback);
  const activation = vision.hidden_act ?? 'quick_gelu';
  if (activation !== 'quick_gelu')
    throw new ConfigError(
      `${where}: hidden_act is ${JSON.stringify(activation)}; only quick_gelu, as in OpenAI's CLIP, is known.`,
    );
  return {
    imageSize: get('image_size'),
    patchSize: get('patch_size'),
    hiddenSize: get('hidden_size'),
    intermediateSize: get('intermediate_size'),
    numLayers: get('num_hidden_layers'),
    numHeads: get('num_attention_heads'),
    layerNormEps: get('layer_norm_eps', 1e-5),
    selectLayer: -2,
  };
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
