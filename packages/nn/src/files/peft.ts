/**
 * @file Adapter folders as PEFT writes them: `adapter_config.json` beside `adapter_model.safetensors` (or `.bin`),
 * lora_A [r, in], lora_B [out, r].
 *
 * A published SQ-LLaVA adapter holds the LoRA of the language model and of the image tower in one file, and its
 * `Vit-lora/` folder holds the latter a second time, under other names. Both are mapped to the models' own names:
 *
 *     base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
 *       → language: model.layers.0.…
 *     base_model.model.model.vision_tower.vision_tower.vision_model.encoder.layers.0.…
 *       → vision: vision_model.encoder.layers.0.…
 *     base_model.model.vision_tower.vision_model.encoder.layers.0.…       (Vit-lora)
 *       → vision: vision_model.encoder.layers.0.…
 *     base_model.model.encoder.layers.0.…       (PEFT around CLIPVisionModel of transformers 5)
 *       → vision: vision_model.encoder.layers.0.…
 */
import { WeightError } from '@curio/engine';
import { loraOf } from '../lora.ts';
import { readJsonFile } from './json-file.ts';
import { readAdapterConfig, type AdapterConfig } from './peft-config.ts';
import type { ByteFolder, StoredTensor, TensorMap } from './tensor-file.ts';
import { openWeightFile } from './weight-folder.ts';

export interface Adapter {
  readonly config: AdapterConfig;
  /** Tensors by the names of the language model, `model.layers.…lora_A.weight`. */
  readonly language: TensorMap;
  /** Tensors by the names of the image tower, `vision_model.encoder.layers.…lora_A.weight`. */
  readonly vision: TensorMap;
  /**
   * Whether `config` also applies to the tower's tensors. A published main adapter repeats those of its `Vit-lora`
   * folder, which have another rank; only that folder gives their scale.
   */
  readonly describesVision: boolean;
}

export const CONFIG_FILE = 'adapter_config.json';
const TENSOR_FILE = 'adapter_model.safetensors';
export const PEFT_PREFIX = 'base_model.model.';
/** Prefixes of the tower's own names; longest first. */
export const TOWER_PREFIXES = ['model.vision_tower.vision_tower.', 'vision_tower.'];
const PAIR = /^(.+)\.lora_([AB])\.weight$/;

/** A tensor's name in the model: without PEFT's prefix and without its adapter name (`lora_A.default.weight`). */
export function adapterName(stored: string): string {
  const name = stored.startsWith(PEFT_PREFIX) ? stored.slice(PEFT_PREFIX.length) : stored;
  const tower = TOWER_PREFIXES.find((prefix) => name.startsWith(prefix)) ?? '';
  return name
    .slice(tower.length)
    .replace(/^(?=encoder\.layers\.)/, 'vision_model.')
    .replace(/\.(lora_[AB])\.[^.]+\.weight$/, '.$1.weight');
}

const isVision = (name: string): boolean => name.startsWith('vision_model.');

/**
 * Opens an adapter folder.
 * @throws WeightError when a file is missing, the adapter is not plain LoRA, a tensor belongs to no pair, a pair is
 * incomplete, or its layer or rank contradicts the configuration.
 */
export async function openAdapter(folder: ByteFolder): Promise<Adapter> {
  const where = `peft: ${folder.name}/${CONFIG_FILE}`;
  const json = await readJsonFile(folder, CONFIG_FILE, 'peft');
  if (json === undefined)
    throw new WeightError(
      `peft: ${folder.name} has no ${CONFIG_FILE}; an adapter folder holds it beside ${TENSOR_FILE}.`,
    );
  readAdapterConfig(json, where, []);
  const tensors = await openWeightFile(folder, 'adapter_model');
  if (!tensors)
    throw new WeightError(
      `peft: ${folder.name} has no ${TENSOR_FILE}; an adapter folder holds it beside ${CONFIG_FILE}.`,
    );
  const [language, vision] = [new Map<string, StoredTensor>(), new Map<string, StoredTensor>()];
  /** PEFT's path of each linear, to which its patterns apply → the model's own. */
  const modules = new Map<string, string>();
  const others: string[] = [];
  for (const [stored, tensor] of tensors) {
    const name = adapterName(stored);
    const map = isVision(name) ? vision : language;
    if (map.has(name))
      throw new WeightError(`peft: '${name}' appears twice in ${tensor.file}; a file holds one adapter.`);
    const pair = PAIR.exec(name);
    if (pair) modules.set(stored.slice(PEFT_PREFIX.length).replace(/\.lora_[AB]\..*$/, ''), pair[1]!);
    else others.push(`'${stored}' in ${tensor.file}`);
    map.set(name, tensor);
  }
  const config = inOwnNames(readAdapterConfig(json, where, [...modules.keys()]), modules);
  if (others.length > 0)
    throw new WeightError(
      `peft: ${others[0]} is not part of a pair (${others.length} such); only lora_A.weight and lora_B.weight of linear layers can be read.`,
    );
  checkPairs(language, config);
  const describesVision = language.size === 0 || !isOfOtherRank(vision, config);
  checkPairs(vision, describesVision ? config : null);
  return { config, language, vision, describesVision };
}

function inOwnNames(config: AdapterConfig, modules: ReadonlyMap<string, string>): AdapterConfig {
  const own = (name: string): string => modules.get(name) ?? name;
  const renamed = (pattern: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(Object.entries(pattern).map(([name, value]) => [own(name), value]));
  return {
    ...config,
    targets: config.targets.map(own),
    ...(config.rankPattern && { rankPattern: renamed(config.rankPattern) }),
    ...(config.alphaPattern && { alphaPattern: renamed(config.alphaPattern) }),
  };
}

const rankOf = (half: string, shape: readonly number[]): number | undefined => (half === 'A' ? shape[0] : shape[1]);

const isOfOtherRank = (tensors: TensorMap, config: AdapterConfig): boolean =>
  [...tensors].some(([name, { shape }]) => {
    const [, module, half] = PAIR.exec(name)!;
    return rankOf(half!, shape) !== loraOf(module!, config)?.r;
  });

/** Checks that each pair is complete, and matches the configuration where that applies. */
function checkPairs(tensors: TensorMap, config: AdapterConfig | null): void {
  for (const [name, { shape, file }] of tensors) {
    const [, module, half] = PAIR.exec(name)!;
    const is = `'${name}' in ${file}`;
    const twin = `${module}.lora_${half === 'A' ? 'B' : 'A'}.weight`;
    if (!tensors.has(twin))
      throw new WeightError(`peft: ${is} has no '${twin}' beside it; LoRA tensors come in pairs.`);
    if (!config) continue;
    const branch = loraOf(module!, config);
    if (!branch)
      throw new WeightError(
        `peft: ${is} belongs to a linear layer that ${CONFIG_FILE} does not target (target_modules ${config.targets.slice(0, 8).join(', ')}); both must name the same layers.`,
      );
    const rank = rankOf(half!, shape);
    if (rank !== branch.r)
      throw new WeightError(
        `peft: ${is} is [${shape.join(', ')}], rank ${rank}, and ${CONFIG_FILE} says r ${branch.r}.`,
      );
  }
}

/**
 * Projector tensors from any of the files that carry them, by their own names (`c.weight`): stage 1's
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
