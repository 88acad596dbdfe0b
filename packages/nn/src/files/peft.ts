/**
 * @file Adapter folders as PEFT writes them: `adapter_config.json` beside `adapter_model.safetensors` (or `.bin`),
 * lora_A [r, in], lora_B [out, r].
 *
 * A published SQ-LLaVA adapter holds the LoRA of the language model and of the image tower in one file, and its
 * `Vit-lora/` folder holds the latter again under other names. Both are read to the names of the models themselves:
 *
 *     base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
 *       → language: model.layers.0.…
 *     base_model.model.model.vision_tower.vision_tower.vision_model.encoder.layers.0.…
 *       → vision: vision_model.encoder.layers.0.…
 *     base_model.model.vision_tower.vision_model.encoder.layers.0.…       (Vit-lora)
 *       → vision: vision_model.encoder.layers.0.…
 */
import { WeightError } from '@curio/engine';
import { encodeSafetensors } from './safetensors.ts';
import type { ByteFolder, NamedTensor, StoredTensor, TensorMap } from './tensor-file.ts';
import { openWeightFile } from './weight-folder.ts';

export interface AdapterConfig {
  readonly r: number;
  readonly alpha: number;
  readonly dropout: number;
  /** Last names of the linears that carry a pair, such as `q_proj`. */
  readonly targets: readonly string[];
  /** Name or path of the base that the adapter was trained on. */
  readonly base?: string;
}

export interface Adapter {
  readonly config: AdapterConfig;
  /** Tensors by the names of the language model, `model.layers.…lora_A.weight`. */
  readonly language: TensorMap;
  /** Tensors by the names of the image tower, `vision_model.encoder.layers.…lora_A.weight`. */
  readonly vision: TensorMap;
}

const CONFIG_FILE = 'adapter_config.json';
const TENSOR_FILE = 'adapter_model.safetensors';
/** Longest first: each is what stands before `vision_model.` or before the language model's own names. */
const PREFIXES = [
  'base_model.model.model.vision_tower.vision_tower.',
  'base_model.model.vision_tower.',
  'base_model.model.',
];

/** A tensor's name in the model: without PEFT's prefix and without its adapter name (`lora_A.default.weight`). */
export function adapterName(stored: string): string {
  const prefix = PREFIXES.find((candidate) => stored.startsWith(candidate)) ?? '';
  return stored.slice(prefix.length).replace(/\.(lora_[AB])\.[^.]+\.weight$/, '.$1.weight');
}

/**
 * Opens an adapter folder.
 * @throws WeightError when a file is missing, it is no LoRA, a pair is incomplete, or a rank differs from the
 * configuration's.
 */
export async function openAdapter(folder: ByteFolder): Promise<Adapter> {
  const config = await readConfig(folder);
  const tensors = await openWeightFile(folder, 'adapter_model');
  if (!tensors)
    throw new WeightError(
      `peft: ${folder.name} has no ${TENSOR_FILE}; an adapter folder holds it beside ${CONFIG_FILE}.`,
    );
  const language = new Map<string, StoredTensor>();
  const vision = new Map<string, StoredTensor>();
  for (const [stored, tensor] of tensors) {
    const name = adapterName(stored);
    (name.startsWith('vision_model.') ? vision : language).set(name, tensor);
  }
  for (const map of [language, vision]) checkPairs(map, config.r);
  return { config, language, vision };
}

async function readConfig(folder: ByteFolder): Promise<AdapterConfig> {
  const source = await folder.open(CONFIG_FILE);
  if (!source)
    throw new WeightError(
      `peft: ${folder.name} has no ${CONFIG_FILE}; an adapter folder holds it beside ${TENSOR_FILE}.`,
    );
  const where = `peft: ${folder.name}/${CONFIG_FILE}`;
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(new TextDecoder().decode(await source.read(0, source.size)));
  } catch (cause) {
    throw new WeightError(`${where}: not JSON (${(cause as Error).message}).`, { cause });
  }
  const {
    peft_type: kind,
    r,
    lora_alpha: alpha,
    lora_dropout: dropout = 0,
    target_modules: modules,
    base_model_name_or_path: base,
  } = raw;
  if (kind !== 'LORA') throw new WeightError(`${where}: peft_type is ${JSON.stringify(kind)}; only LORA can be read.`);
  if (typeof r !== 'number' || typeof alpha !== 'number' || typeof dropout !== 'number')
    throw new WeightError(`${where}: r, lora_alpha and lora_dropout must be numbers.`);
  const targets = typeof modules === 'string' ? [modules] : modules;
  if (!Array.isArray(targets))
    throw new WeightError(`${where}: target_modules is ${JSON.stringify(modules)}; it must be a list of names.`);
  return { r, alpha, dropout, targets: targets as string[], base: typeof base === 'string' ? base : undefined };
}

function checkPairs(tensors: TensorMap, r: number): void {
  for (const [name, { shape, file }] of tensors) {
    const half = /\.lora_([AB])\.weight$/.exec(name)?.[1];
    if (!half) continue;
    const rank = half === 'A' ? shape[0] : shape[1];
    if (rank !== r)
      throw new WeightError(
        `peft: '${name}' in ${file} is [${shape.join(', ')}], rank ${rank}, and ${CONFIG_FILE} says r ${r}.`,
      );
    const twin = name.replace(/lora_[AB]\.weight$/, half === 'A' ? 'lora_B.weight' : 'lora_A.weight');
    if (!tensors.has(twin))
      throw new WeightError(`peft: '${name}' in ${file} has no '${twin}' beside it; LoRA tensors come in pairs.`);
  }
}

export interface AdapterContent {
  readonly config: AdapterConfig;
  /** LoRA tensors named as in the language model and in the image tower (see `Adapter`). */
  readonly language?: readonly NamedTensor[];
  readonly vision?: readonly NamedTensor[];
}

/**
 * The files of an adapter folder, as chunks by file name. `kind` decides the names of the tower's tensors: those of the
 * main adapter, or those of a `Vit-lora` folder.
 */
export function encodeAdapter(
  { config, language = [], vision = [] }: AdapterContent,
  kind: 'main' | 'Vit-lora' = 'main',
): Record<string, Uint8Array[]> {
  const tower = kind === 'main' ? PREFIXES[0] : PREFIXES[1];
  const tensors = [
    ...language.map((tensor) => ({ ...tensor, name: `base_model.model.${tensor.name}` })),
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
    },
    null,
    2,
  );
  return { [CONFIG_FILE]: [new TextEncoder().encode(`${text}\n`)], [TENSOR_FILE]: encodeSafetensors(tensors) };
}

/**
 * Projector tensors out of any of the files that carry them, by their own names (`c.weight`): stage 1's
 * `model.mm_projector.…`, stage 2's `base_model.model.model.mm_projector.…`, or a merged checkpoint.
 */
export function projectorTensors(tensors: TensorMap): TensorMap {
  return new Map(
    [...tensors].flatMap(([name, tensor]) => {
      const at = name.indexOf('mm_projector.');
      return at < 0 ? [] : [[name.slice(at + 'mm_projector.'.length), tensor] as const];
    }),
  );
}
