/**
 * @file A trained model on disk: the base in Hugging Face's layout, what was trained as a PEFT folder beside it.
 * docs/sq-llava.md 4.
 *
 *     adapter_config.json, adapter_model.safetensors      LoRA of the language model
 *     Vit-lora/adapter_config.json, …                     LoRA of the image tower
 *     non_lora_trainables.safetensors                     projector (and the rows of new words)
 */
import { WeightError } from '@curio/engine';
import type { Gpu, Parameter } from '@curio/engine';
import {
  encodeAdapter,
  encodeSafetensors,
  openAdapter,
  openWeightFile,
  loraOf,
  openWeightFolder,
  projectorTensors,
  Weights,
} from '@curio/nn';
import type {
  AdapterConfig,
  BaseStorage,
  ByteFolder,
  LoraBranch,
  NamedTensor,
  TensorMap,
  WeightPart,
  WeightsReport,
} from '@curio/nn';
import type { ClipVisionConfig, LoraConfig, ModelConfig } from './config.ts';
import { requireBaseConfig } from './model-config.ts';
import { SqLlava } from './sq-llava.ts';

export interface ModelFiles {
  /** LLaMA's and CLIP's folders. */
  readonly language: ByteFolder;
  readonly vision: ByteFolder;
  /** What was trained; freshly initialised when left out. */
  readonly adapter?: ByteFolder | null;
  /** The adapter's image LoRA: its folder `Vit-lora`. */
  readonly visionAdapter?: ByteFolder | null;
}

const PROJECTOR_FILE = 'non_lora_trainables.safetensors';
const PROJECTOR_PREFIX = 'base_model.model.model.mm_projector.';
const EXTRA_PREFIX = 'base_model.model.';

export interface OpenModelOptions {
  readonly seed?: number;
  /** How the frozen matrices of both towers lie on the device. Default f32. */
  readonly storage?: BaseStorage;
  readonly onTensor?: (done: number, total: number) => void;
}

/**
 * Builds the model and loads it. Throws WeightError for missing tensors and shapes that do not fit, ConfigError where
 * the folders' own files say otherwise than `config`, ShapeError where quantised groups do not fit.
 */
export async function openModel(
  gpu: Gpu,
  config: ModelConfig,
  files: ModelFiles,
  options: OpenModelOptions = {},
): Promise<{ model: SqLlava; report: WeightsReport }> {
  const { language, vision, adapter, visionAdapter } = files;
  await requireBaseConfig(files, config);
  const parts: WeightPart[] = [];
  const base = options.storage;
  if (adapter) {
    const opened = await openAdapter(adapter);
    requireSameBranches(adapter.name, opened.language, opened.config, config.languageLora);
    parts.push({ at: 'language', tensors: opened.language, whole: true });
    const tensors = await openWeightFile(adapter, 'non_lora_trainables');
    if (!tensors)
      throw new WeightError(
        `adapter: ${adapter.name} has no ${PROJECTOR_FILE}; the projector, which was trained with the adapter, stands in it.`,
      );
    parts.push({ at: 'projector', tensors: projectorTensors(tensors), whole: true });
    parts.push({
      at: 'language',
      tensors: new Map([...tensors].filter(([name]) => name.includes('extra_'))),
      prefixes: [EXTRA_PREFIX],
      whole: true,
    });
  }
  if (visionAdapter) {
    const opened = await openAdapter(visionAdapter);
    requireSameBranches(visionAdapter.name, opened.vision, opened.config, config.visionLora);
    parts.push({ at: 'vision', tensors: opened.vision, ignore: afterSelected(config.vision), whole: true });
  }
  parts.push({
    at: 'language',
    tensors: await openWeightFolder(language),
    base,
    fresh: /lora_|extra_/,
    ignore: /rotary_emb|mm_projector/,
  });
  parts.push({
    at: 'vision',
    tensors: await openWeightFolder(vision),
    base,
    plain: PLAIN,
    fresh: /lora_/,
    ignore: /^(?!vision_model\.)|post_layernorm|layers\.\d+\./,
  });
  const weights = new Weights(gpu, { seed: options.seed, parts });
  const model = new SqLlava(weights, config);
  const report = await weights.load(options.onTensor);
  const lacking =
    adapter &&
    report.initialised.find((name) => name.includes('.lora_') && (visionAdapter || name.startsWith('language.')));
  if (lacking)
    throw new WeightError(
      `adapter: ${adapter.name} has no '${lacking}'; it belongs to another configuration (targets or layers).`,
    );
  if (report.initialised.some((name) => name.includes('extra_'))) await model.language.initialiseExtra();
  return { model, report };
}

/** Tensors of the tower's blocks after the selected one, which never run. */
function afterSelected({ numLayers, selectLayer }: ClipVisionConfig): RegExp {
  const last = Array.from({ length: -1 - selectLayer }, (_, i) => numLayers - 1 - i);
  return last.length === 0 ? /(?!)/ : new RegExp(`^vision_model\\.encoder\\.layers\\.(${last.join('|')})\\.`);
}

/** What the adapter's file says of each linear must be what the model is built with. */
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
const PLAIN = /position_embedding/;

/** The model without values, on a device opened with `dryRun`: each parameter as large as `openModel` would make it. */
export function bareModel(gpu: Gpu, config: ModelConfig, storage: BaseStorage = 'f32'): SqLlava {
  const isBase = (name: string): boolean =>
    /^(language|vision)\./.test(name) && !/lora_|extra_/.test(name) && !PLAIN.test(name);
  return new SqLlava(
    new Weights(gpu, { bare: (name, shape) => (shape.length === 2 && isBase(name) ? storage : 'f32') }),
    config,
  );
}

/** Everything that training changes, as the files of an adapter folder by path. */
export async function encodeTrained(
  model: SqLlava,
  base: { language: string; vision: string },
): Promise<Record<string, Uint8Array[]>> {
  const { languageLora, visionLora } = model.config;
  const named = (keep: (name: string) => boolean, rename: (name: string) => string): Promise<NamedTensor[]> =>
    Promise.all(
      model.parameters.filter(({ name }) => keep(name)).map((parameter) => toNamed(parameter, rename(parameter.name))),
    );
  const lora = (scope: string): Promise<NamedTensor[]> =>
    named(
      (name) => name.startsWith(`${scope}.`) && name.includes('.lora_'),
      (name) => name.slice(scope.length + 1),
    );
  const files: Record<string, Uint8Array[]> = {};
  if (languageLora)
    Object.assign(
      files,
      encodeAdapter({ config: peftConfig(languageLora, base.language), language: await lora('language') }),
    );
  if (visionLora) {
    const folder = encodeAdapter(
      { config: peftConfig(visionLora, base.vision), vision: await lora('vision') },
      'Vit-lora',
    );
    for (const [name, content] of Object.entries(folder)) files[`Vit-lora/${name}`] = content;
  }
  files[PROJECTOR_FILE] = encodeSafetensors([
    ...(await named(
      (name) => name.startsWith('projector.'),
      (name) => PROJECTOR_PREFIX + name.slice('projector.'.length),
    )),
    ...(await named(
      (name) => name.includes('extra_'),
      (name) => EXTRA_PREFIX + name.slice('language.'.length),
    )),
  ]);
  return files;
}

const peftConfig = (lora: LoraConfig, base: string): AdapterConfig => ({ ...lora, base });

async function toNamed(parameter: Parameter, name: string): Promise<NamedTensor> {
  return { name, dtype: 'F32', shape: parameter.shape, data: (await parameter.read()) as Float32Array };
}
