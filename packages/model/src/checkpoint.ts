/**
 * @file A trained model on disk: the base in Hugging Face's layout, and a PEFT folder with what was trained.
 * docs/sq-llava.md 4.
 *
 *     config.json                                         LLaMA's and LLaVA's keys
 *     adapter_config.json, adapter_model.safetensors      LoRA of the language model
 *     Vit-lora/adapter_config.json, …                     LoRA of the image tower
 *     non_lora_trainables.safetensors                     projector (and the rows of new words)
 *
 * Stage 1 alone leaves config.json and mm_projector.safetensors. As published these are `.bin` files.
 */
import { WeightError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { loraOf, openWeightFolder, projectorTensors, Weights } from '@curio/nn';
import type { AdapterConfig, BaseStorage, LoraBranch, TensorMap, WeightPart } from '@curio/nn';
import type { ClipVisionConfig, LoraConfig, ModelConfig } from './config.ts';
import { loadReport } from './files/load-report.ts';
import type { LoadReport } from './files/load-report.ts';
import { openAdapters, requireBaseConfig, requireProjectorConfig } from './files/model-config.ts';
import type { ModelFiles, OpenedAdapters } from './files/model-config.ts';
import { SqLlava } from './sq-llava.ts';

export const PROJECTOR_PREFIX = 'base_model.model.model.mm_projector.';
export const EXTRA_PREFIX = 'base_model.model.';

export interface OpenModelOptions {
  readonly seed?: number;
  /** How the frozen matrices of both towers are stored on the device. Default f32. */
  readonly storage?: BaseStorage;
  /**
   * Take the projector from the base's files, as for a merged model. Otherwise a projector there is ignored as foreign.
   */
  readonly baseProjector?: boolean;
  /** A model on the same device, with the same folders and storage, whose frozen matrices this one shares. */
  readonly sharesBaseOf?: SqLlava;
  readonly onTensor?: (done: number, total: number) => void;
}

/** A model without values, and the files that they come from. */
export interface BuiltModel {
  readonly model: SqLlava;
  readonly adapters: OpenedAdapters;
  readonly language: TensorMap;
  /** By CLIP's names. */
  readonly vision: TensorMap;
  readonly notes: readonly string[];
}

/**
 * Builds the model and loads it. Throws WeightError for missing tensors and shapes that do not fit, ConfigError where
 * the folders' own files contradict `config`, ShapeError where quantised groups do not fit.
 */
export async function openModel(
  gpu: Gpu,
  config: ModelConfig,
  files: ModelFiles,
  options: OpenModelOptions = {},
): Promise<{ model: SqLlava; report: LoadReport }> {
  const { model, adapters, notes } = await buildModel(gpu, config, files, options);
  const report = await model.weights.load(options.onTensor);
  if (report.initialised.some((name) => name.includes('extra_'))) await model.language.initialiseExtra();
  return { model, report: loadReport(config, files, adapters, report, notes) };
}

/** Builds the model: every tensor is found in its file and has the shape that it needs. Throws as `openModel`. */
export async function buildModel(
  gpu: Gpu,
  config: ModelConfig,
  files: ModelFiles,
  options: Omit<OpenModelOptions, 'onTensor'>,
): Promise<BuiltModel> {
  const { storage: base, baseProjector = false, sharesBaseOf } = options;
  const notes = await requireBaseConfig(files, config);
  await requireProjectorConfig(files, config, baseProjector);
  const adapters = await openAdapters(files);
  const parts: WeightPart[] = adapterParts(config, files, adapters);
  const language = await openWeightFolder(files.language);
  const vision = towerTensors(await openWeightFolder(files.vision));
  if (baseProjector)
    parts.push({ at: 'projector', label: 'projector', tensors: projectorTensors(language), whole: true });
  parts.push(
    {
      at: 'language',
      label: 'language base',
      tensors: baseProjector ? without(language, FOREIGN) : language,
      base,
      fresh: /lora_|extra_/,
      ignore: new RegExp(`rotary_emb|${FOREIGN.source}`),
    },
    {
      at: 'vision',
      label: 'image tower',
      tensors: vision,
      base,
      plain: PLAIN,
      fresh: /lora_/,
      ignore: new RegExp(`^(?!vision_model\\.)|position_ids|post_layernorm|${afterSelected(config.vision).source}`),
    },
  );
  const known = new Map(
    sharesBaseOf?.parameters.filter(({ name }) => isBase(name)).map((parameter) => [parameter.name, parameter]),
  );
  const weights = new Weights(gpu, { seed: options.seed, parts, shared: (name) => known.get(name) });
  const model = new SqLlava(weights, config);
  weights.requireWhole();
  const lacking = weights
    .report()
    .initialised.find(
      (name) => name.includes('.lora_') && (name.startsWith('language.') ? adapters.main : adapters.vision) !== null,
    );
  if (lacking)
    throw new WeightError(
      `adapter: ${files.adapter?.name} has no '${lacking}'; it belongs to another configuration (targets or layers).`,
    );
  return { model, adapters, language, vision, notes };
}

/** A projector and a tower that a base carries and that are not the model's. */
export const FOREIGN = /mm_projector|vision_tower/;

const without = (tensors: TensorMap, names: RegExp): TensorMap =>
  new Map([...tensors].filter(([name]) => !names.test(name)));

/** The tower by the names of CLIP: transformers 5 saves CLIPVisionModel without `vision_model.`. */
export const towerTensors = (tensors: TensorMap): TensorMap =>
  tensors.has('embeddings.class_embedding')
    ? new Map([...tensors].map(([name, tensor]) => [`vision_model.${name}`, tensor]))
    : tensors;

function adapterParts(config: ModelConfig, files: ModelFiles, { main, vision, trained }: OpenedAdapters): WeightPart[] {
  const parts: WeightPart[] = [];
  if (main) {
    requireSameBranches(files.adapter!.name, main.language, main.config, config.languageLora);
    parts.push({ at: 'language', label: 'language LoRA', tensors: main.language, whole: true });
  }
  if (trained) {
    const strange = [...trained].find(([name]) => !/mm_projector\.|extra_/.test(name));
    if (strange)
      throw new WeightError(
        `adapter: '${strange[0]}' in ${strange[1].file} is not a tensor of the projector; what else was trained cannot be put anywhere.`,
      );
    parts.push({ at: 'projector', label: 'projector', tensors: projectorTensors(trained), whole: true });
    const words = new Map([...trained].filter(([name]) => name.includes('extra_')));
    if (words.size > 0)
      parts.push({ at: 'language', label: 'new words', tensors: words, prefixes: [EXTRA_PREFIX], whole: true });
  }
  if (vision) {
    requireSameBranches(vision.file, vision.tensors, vision.config, config.visionLora);
    const ignore = afterSelected(config.vision);
    parts.push({ at: 'vision', label: 'image LoRA', tensors: vision.tensors, ignore, whole: true });
  }
  return parts;
}

/** Tensors of the tower's blocks after the selected one, which never run. */
function afterSelected({ numLayers, selectLayer }: ClipVisionConfig): RegExp {
  const last = Array.from({ length: -1 - selectLayer }, (_, i) => numLayers - 1 - i);
  return last.length === 0 ? /(?!)/ : new RegExp(`^vision_model\\.encoder\\.layers\\.(${last.join('|')})\\.`);
}

/** Checks that the adapter's settings for each linear are those that the model is built with. */
function requireSameBranches(
  folder: string,
  tensors: TensorMap,
  adapter: AdapterConfig,
  config: LoraConfig | null,
): void {
  const show = (branch: LoraBranch | null): string =>
    branch ? `a branch of rank ${branch.r} scaled by ${Number(branch.scale.toPrecision(6))}` : 'no branch';
  for (const name of tensors.keys()) {
    const module = name.slice(0, name.lastIndexOf('.lora_'));
    const [says, built] = [loraOf(module, adapter), loraOf(module, config)];
    if (says?.r !== built?.r || says?.scale !== built?.scale)
      throw new WeightError(
        `adapter: ${folder}/adapter_config.json gives '${module}' ${show(says)} and the model's configuration ${show(built)}; both must say the same.`,
      );
  }
}

/** Matrices of the base that other ops than `linear` and `embedding` read. */
export const PLAIN = /position_embedding/;

const isBase = (name: string): boolean => /^(language|vision)\./.test(name) && !/lora_|extra_/.test(name);

/** The model without values, on a device opened with `dryRun`: each parameter as large as `openModel` would make it. */
export function bareModel(gpu: Gpu, config: ModelConfig, storage: BaseStorage = 'f32'): SqLlava {
  return new SqLlava(
    new Weights(gpu, {
      bare: (name, shape) => (shape.length === 2 && isBase(name) && !PLAIN.test(name) ? storage : 'f32'),
    }),
    config,
  );
}
