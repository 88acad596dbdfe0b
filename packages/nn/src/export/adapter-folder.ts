/** @file Writes an adapter folder as PEFT does; files/peft.ts reads it. */
import { CONFIG_FILE, PEFT_PREFIX, TOWER_PREFIXES } from '../files/peft.ts';
import type { AdapterConfig } from '../files/peft-config.ts';
import type { NamedTensor } from '../files/tensor-file.ts';
import { encodeTensorFile } from './tensor-formats.ts';
import type { TensorFormat } from './tensor-formats.ts';

export interface AdapterContent {
  readonly config: AdapterConfig;
  /** LoRA tensors named as in the language model and in the image tower (see `Adapter`). */
  readonly language?: readonly NamedTensor[];
  readonly vision?: readonly NamedTensor[];
}

/**
 * The files of an adapter folder, as chunks by file name. `kind` decides whether the tower's tensors are named as in
 * the main adapter or as in a `Vit-lora` folder.
 */
export function encodeAdapter(
  { config, language = [], vision = [] }: AdapterContent,
  kind: 'main' | 'Vit-lora' = 'main',
  format: TensorFormat = 'safetensors',
): Record<string, Uint8Array[]> {
  const tower = PEFT_PREFIX + TOWER_PREFIXES[kind === 'main' ? 0 : 1]!;
  const tensors = [
    ...language.map((tensor) => ({ ...tensor, name: PEFT_PREFIX + tensor.name })),
    ...vision.map((tensor) => ({ ...tensor, name: tower + tensor.name })),
  ];
  const text = JSON.stringify(
    {
      auto_mapping: null,
      base_model_name_or_path: config.base ?? null,
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
      lora_alpha: config.alpha,
      lora_dropout: config.dropout,
      modules_to_save: null,
      peft_type: 'LORA',
      r: config.r,
      revision: null,
      target_modules: config.targets,
      task_type: kind === 'main' ? 'CAUSAL_LM' : null,
      // Written only if not empty: PEFT 0.4 does not have them.
      ...(config.rslora && { use_rslora: true }),
      ...(config.rankPattern && { rank_pattern: config.rankPattern }),
      ...(config.alphaPattern && { alpha_pattern: config.alphaPattern }),
    },
    null,
    2,
  );
  return {
    [CONFIG_FILE]: [new TextEncoder().encode(`${text}\n`)],
    ...encodeTensorFile('adapter_model', tensors, format),
  };
}
