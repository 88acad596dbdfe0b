/**
 * @file The configuration of a model according to the `config.json` files of its folders. docs/sq-llava.md 4.5 to 4.7.
 */
import { ConfigError, WeightError } from '@curio/engine';
import { isObject, openAdapter, openTensorFile, openWeightFile, readJsonFile, shownJson } from '@curio/nn';
import type { Adapter, AdapterConfig, BaseStorage, ByteFolder, ByteSource, TensorMap } from '@curio/nn';
import type { LoraConfig, ModelConfig } from '../config.ts';
import { clipVisionFromHf, llamaFromHf, unknownKeys } from './hf-config.ts';
import type { Json } from './hf-config.ts';
import { LLAVA_KEYS, readLlavaConfig } from './llava-config.ts';
import type { LlavaConfig } from './llava-config.ts';

export interface ModelFiles {
  /** LLaMA's and CLIP's folders. */
  readonly language: ByteFolder;
  readonly vision: ByteFolder;
  /** What was trained; freshly initialised when left out. */
  readonly adapter?: ByteFolder | null;
  /** The adapter's image LoRA: its folder `Vit-lora`. */
  readonly visionAdapter?: ByteFolder | null;
  /** A projector on its own, if there is no adapter: `mm_projector` or `non_lora_trainables`. */
  readonly projector?: ByteSource | null;
}

const CONFIG_FILE = 'config.json';

/** The object in a folder's `config.json`; undefined if there is no such file. */
export async function readConfigFile(folder: ByteFolder): Promise<Json | undefined> {
  const json = await readJsonFile(folder, CONFIG_FILE, 'config');
  if (json === undefined) return undefined;
  if (!isObject(json))
    throw new ConfigError(`config: ${folder.name}/${CONFIG_FILE} holds ${shownJson(json)}; it must be an object.`);
  return json;
}

/** As `readConfigFile`. @throws ConfigError if there is no such file */
export async function requireConfigFile(folder: ByteFolder): Promise<Json> {
  const json = await readConfigFile(folder);
  if (!json)
    throw new ConfigError(
      `config: ${folder.name} has no ${CONFIG_FILE}, which describes the weights; open a run of curio train with --run.`,
    );
  return json;
}

const notKnown = (where: string, json: Json, kind: 'llama' | 'clip'): string[] => {
  const unknown = unknownKeys(json, kind).filter((key) => !(kind === 'llama' && LLAVA_KEYS.includes(key)));
  return unknown.length > 0 ? [`${where}: unknown, and not used: ${unknown.join(', ')}`] : [];
};

/**
 * Compares a configuration with the `config.json` of the base's folders, if present.
 * @returns one sentence for each setting found there that is not used here
 * @throws ConfigError if the two contradict each other, or the base is of another kind
 */
export async function requireBaseConfig(
  { language, vision }: Pick<ModelFiles, 'language' | 'vision'>,
  config: ModelConfig,
): Promise<string[]> {
  const notes: string[] = [];
  for (const [part, folder] of [
    ['language', language],
    ['vision', vision],
  ] as const) {
    const where = `${folder.name}/${CONFIG_FILE}`;
    const json = await readConfigFile(folder);
    if (!json) {
      notes.push(`${folder.name} has no ${CONFIG_FILE}; it is assumed to match the configuration`);
      continue;
    }
    const says =
      part === 'language'
        ? llamaFromHf(json, where)
        : { ...clipVisionFromHf(json, where), selectLayer: config.vision.selectLayer };
    for (const [key, value] of Object.entries(says)) {
      const ours = (config[part] as unknown as Json)[key];
      if (ours !== value)
        throw new ConfigError(
          `config: model.${part}.${key} is ${JSON.stringify(ours)} and ${where} says ${JSON.stringify(value)}; the weights were made for the latter.`,
        );
    }
    notes.push(...notKnown(where, json, part === 'language' ? 'llama' : 'clip'));
  }
  return notes;
}

/** Keys of a `config.json` about the projector, by our names for them. */
const PROJECTOR_KEYS = {
  kind: 'mm_projector_type',
  numPrototypes: 'mm_num_prototypes',
  iterations: 'mm_prototype_iterations',
} as const;

/**
 * Checks the projector's configuration against the `config.json` beside its weights, the adapter's or a merged
 * model's; a missing key is not checked.
 * @throws ConfigError if they contradict each other
 */
export async function requireProjectorConfig(
  { language, adapter }: Pick<ModelFiles, 'language' | 'adapter'>,
  { projector }: Pick<ModelConfig, 'projector'>,
  baseProjector: boolean,
): Promise<void> {
  const folder = adapter ?? (baseProjector ? language : undefined);
  const json = folder && (await readConfigFile(folder));
  if (!json) return;
  for (const [key, theirs] of Object.entries(PROJECTOR_KEYS)) {
    const ours = (projector as unknown as Json)[key];
    if (json[theirs] !== undefined && ours !== undefined && ours !== json[theirs])
      throw new ConfigError(
        `config: model.projector.${key} is ${JSON.stringify(ours)} and ${folder.name}/${CONFIG_FILE} says ${JSON.stringify(json[theirs])}; the weights were made for the latter.`,
      );
  }
}

/** The adapter folders of a model, with their settings read. */
export interface OpenedAdapters {
  /** LoRA of the language model; null if there is none, as after stage 1. */
  readonly main: Adapter | null;
  /** LoRA of the image tower: from the folder `Vit-lora`, else from the main file if its settings apply to it. */
  readonly vision: { readonly config: AdapterConfig; readonly tensors: TensorMap; readonly file: string } | null;
  /** Projector and new words; null without an adapter. */
  readonly trained: TensorMap | null;
  readonly notes: readonly string[];
}

/**
 * Opens what was trained: stage 2's `adapter_model` with `non_lora_trainables`, stage 1's `mm_projector`, and
 * `Vit-lora`.
 * @throws WeightError if a file is wrong, or an adapter has no projector; ConfigError for two projectors
 */
export async function openAdapters({ adapter, visionAdapter, projector }: ModelFiles): Promise<OpenedAdapters> {
  const notes: string[] = [];
  if (adapter && projector)
    throw new ConfigError(
      `adapter: ${adapter.name} has a projector of its own and ${projector.name} is given too; give one of the two.`,
    );
  if (projector) return { main: null, vision: null, trained: await openTensorFile(projector), notes };
  if (!adapter && !visionAdapter) return { main: null, vision: null, trained: null, notes };
  const stage2 = adapter && (await openWeightFile(adapter, 'non_lora_trainables'));
  const stage1 = adapter && !stage2 ? await openWeightFile(adapter, 'mm_projector') : undefined;
  const isLora = adapter && (stage2 || (await adapter.open('adapter_config.json')));
  const main = isLora ? await openAdapter(adapter) : null;
  if (adapter && !stage2 && (main || !stage1))
    throw new WeightError(
      `adapter: ${adapter.name} has no non_lora_trainables.safetensors or .bin; the projector, which was trained with the adapter, is stored there.`,
    );
  const own = visionAdapter ? await openAdapter(visionAdapter) : null;
  if (own && own.language.size > 0)
    throw new WeightError(
      `adapter: ${visionAdapter!.name} holds '${[...own.language.keys()][0]}'; a Vit-lora folder has pairs of the image tower alone.`,
    );
  const repeated = main?.vision.size ?? 0;
  if (own && repeated > 0)
    notes.push(`${adapter!.name}: ${repeated} tensors of the image tower's LoRA repeat those of Vit-lora; not read`);
  if (!own && repeated > 0 && !main!.describesVision)
    notes.push(
      `${adapter!.name}: ${repeated} tensors of the image tower's LoRA are left out: their rank is not adapter_config.json's r ${main!.config.r}, and no Vit-lora/adapter_config.json gives their alpha`,
    );
  const vision = own
    ? { config: own.config, tensors: own.vision, file: visionAdapter!.name }
    : main && repeated > 0 && main.describesVision
      ? { config: main.config, tensors: main.vision, file: adapter!.name }
      : null;
  return { main, vision, trained: stage2 ?? stage1 ?? null, notes };
}

/** A model as described by its folders. */
export interface FolderConfig extends Pick<LlavaConfig, 'imageAspect'> {
  readonly model: ModelConfig;
  /** Whether the files name the template, rather than it being a default. */
  readonly saysTemplate: boolean;
  /** Whether the projector is the base's own, as in a merged model. */
  readonly baseProjector: boolean;
  /** Storage of the base's numbers in their files. */
  readonly storage: BaseStorage;
}

const loraConfig = ({ base: _, ...lora }: AdapterConfig): LoraConfig => lora;

/**
 * The folder with LLaVA's keys: the adapter, from whose file the published code builds the model, else the base.
 */
export const llavaHolder = ({ language, adapter }: Pick<ModelFiles, 'language' | 'adapter'>): ByteFolder =>
  adapter ?? language;

/**
 * The configuration that a model's folders give it, whatever their names. A LoRA adapter is the model's language LoRA;
 * an adapter's `config.json` describes the projector, and must agree with the base's about the language model.
 * @param fresh for a model that is to be trained: used where no adapter gives a value. A projector contained in the
 * base is then ignored as foreign
 * @throws ConfigError, WeightError if a file is missing, or its settings are not implemented
 */
export async function readModelConfig(files: ModelFiles, fresh?: ModelConfig): Promise<FolderConfig> {
  const { language, vision, adapter } = files;
  const where = (folder: ByteFolder): string => `${folder.name}/${CONFIG_FILE}`;
  const base = await requireConfigFile(language);
  const llama = llamaFromHf(base, where(language));
  const clip = clipVisionFromHf(await requireConfigFile(vision), where(vision));
  const holder = llavaHolder(files);
  const json = adapter ? await requireConfigFile(adapter) : base;
  if (adapter && 'num_attention_heads' in json)
    for (const [key, value] of Object.entries(llamaFromHf(json, where(adapter)))) {
      const ours = (llama as unknown as Json)[key];
      if (ours !== value)
        throw new ConfigError(
          `config: ${where(adapter)} says ${key} ${JSON.stringify(value)} and ${where(language)} ${JSON.stringify(ours)}; the adapter was trained on another base.`,
        );
    }
  const llava = adapter || !fresh ? readLlavaConfig(json, where(holder), clip.hiddenSize) : null;
  const { main, vision: tower } = await openAdapters(files);
  const dtype = base.dtype ?? base.torch_dtype;
  const packed = (base.quantization_config as Json | null | undefined)?.storage as BaseStorage | undefined;
  const talk = llava?.template ? llava : fresh;
  return {
    model: {
      vision: { ...clip, selectLayer: llava?.selectLayer ?? fresh!.vision.selectLayer },
      projector: llava?.projector ?? fresh!.projector,
      language: llama,
      languageLora: main ? loraConfig(main.config) : (fresh?.languageLora ?? null),
      visionLora: tower ? loraConfig(tower.config) : (fresh?.visionLora ?? null),
      vusr: talk?.vusr ?? 'role',
      template: talk?.template ?? 'v1_sq',
      systemText: talk?.systemText ?? null,
    },
    imageAspect: llava?.imageAspect ?? null,
    saysTemplate: llava?.template != null,
    baseProjector: !adapter && !fresh,
    storage: packed ?? (dtype === 'float16' ? 'f16' : dtype === 'bfloat16' ? 'bf16' : 'f32'),
  };
}
