/**
 * @file A model with its adapters merged in, as Hugging Face folders: the language model with LLaVA's keys and the
 * projector among its tensors, the image tower in a folder inside. docs/sq-llava.md 4.7.
 *
 *     config.json                                     LLaMA's and LLaVA's keys
 *     generation_config.json, tokenizer.model, …      the base's, as they are
 *     model-00001-of-00003.safetensors, …             model.layers.…, lm_head.weight, model.mm_projector.…
 *     vision_tower/config.json, model.safetensors     vision_model.…
 *     vision_tower/preprocessor_config.json           the tower's, as it is
 */
import { ConfigError, WeightError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import {
  copiedFile,
  isZero,
  loraOf,
  mergedTensor,
  projectorTensors,
  recoded,
  shardSafetensors,
  textFile,
} from '@curio/nn';
import type { ByteFolder, FloatDType, LoraOptions, StreamedFile, StreamedTensor, TensorMap } from '@curio/nn';
import { buildModel } from '../checkpoint.ts';
import { clipVisionToHf, llamaToHf } from './hf-config.ts';
import { llavaToHf } from './llava-config.ts';
import { loadReport } from './load-report.ts';
import type { FolderConfig, ModelFiles, OpenedAdapters } from './model-config.ts';

/** Folder of the tower inside. */
export const TOWER_FOLDER = 'vision_tower';

/** What is copied from the base as it is. */
const COPIED = [
  'generation_config.json',
  'tokenizer.model',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

export interface MergeOptions {
  /** Merges some rows of a matrix at a time. */
  readonly gpu: Gpu;
  /** Opened with `dryRun`: the model is built on it without values, so that the inputs are checked first. */
  readonly dry: Gpu;
  readonly storage: 'f32' | 'f16' | 'bf16';
  /** Bytes of a file of weights. Default as `shardSafetensors`. */
  readonly mostBytes?: number;
}

export interface MergedFolder {
  readonly files: readonly StreamedFile[];
  /** Matrices that take a branch. */
  readonly merged: number;
  /** The load report. */
  readonly lines: readonly string[];
}

const DTYPES = { f32: ['F32', 'float32'], f16: ['F16', 'float16'], bf16: ['BF16', 'bfloat16'] } as const;

/**
 * The files of the merged model; their bytes are made as they are written.
 * @throws ConfigError for learned rows of new words, which no published layout holds, and as `openModel`; while they
 * are written WeightError for a number that f16 does not hold
 */
export async function mergedFolder(
  { model: config, saysTemplate, imageAspect, baseProjector }: FolderConfig,
  files: ModelFiles,
  { gpu, dry, storage, mostBytes }: MergeOptions,
): Promise<MergedFolder> {
  if (config.vusr === 'token')
    throw new ConfigError(
      `merge: ${files.adapter?.name} has learned rows for the new word [vusr], and a merged folder holds the base's ${config.language.vocabSize} words alone; train with model.vusr role, or keep the adapter beside its base.`,
    );
  const built = await buildModel(dry, config, files, { storage: 'f16', baseProjector });
  const { adapters, notes } = built;
  const weights = built.model.weights.report();
  const report = { ...weights, zero: await zeroBranches(adapters) };
  const [dtype, name] = DTYPES[storage];
  const used = new Set(weights.parts.find(({ label }) => label === 'language base')!.used);
  const language = new Map([...built.language].filter(([tensor]) => used.has(tensor)));
  // Blocks that never run here are kept: others run them.
  const tower = new Map([...built.vision].filter(([tensor]) => tensor.startsWith('vision_model.')));
  const projector = projectorTensors(adapters.trained ?? built.language);
  const merging = (tensors: TensorMap, pairs: TensorMap | undefined, lora: LoraOptions | null): StreamedTensor[] =>
    mergedTensors(gpu, tensors, pairs, lora, dtype);
  const languageTensors = merging(language, adapters.main?.language, config.languageLora);
  const towerTensors = merging(tower, adapters.vision?.tensors, config.visionLora);
  const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  const { chat_template_name, ...llava } = llavaToHf(config, TOWER_FOLDER);
  const about = {
    ...llamaToHf(config.language),
    ...llava,
    ...(saysTemplate && { chat_template_name }),
    image_aspect_ratio: imageAspect === 'crop' ? 'square' : imageAspect,
    architectures: ['LlavaLlamaForCausalLM'],
    model_type: 'llava',
    torch_dtype: name,
  };
  return {
    files: [
      textFile('config.json', json(about)),
      textFile(`${TOWER_FOLDER}/config.json`, json({ ...clipVisionToHf(config.vision), torch_dtype: name })),
      ...(await copiedFiles(files.language, files.vision)),
      ...shardSafetensors(
        [
          ...languageTensors,
          ...[...projector].map(([tensor, stored]) => recoded(`model.mm_projector.${tensor}`, stored, dtype)),
        ],
        { mostBytes },
      ),
      ...shardSafetensors(towerTensors, { mostBytes }).map((file) => ({
        ...file,
        name: `${TOWER_FOLDER}/${file.name}`,
      })),
    ],
    merged: ((adapters.main?.language.size ?? 0) + (adapters.vision?.tensors.size ?? 0)) / 2,
    lines: loadReport(config, files, adapters, report, notes).lines,
  };
}

/** The files beside the weights that stay as they are. */
export async function copiedFiles(language: ByteFolder, vision: ByteFolder | null): Promise<StreamedFile[]> {
  const copied = await Promise.all([
    ...COPIED.map((file) => copiedFile(language, file)),
    vision && copiedFile(vision, 'preprocessor_config.json', `${TOWER_FOLDER}/preprocessor_config.json`),
  ]);
  return copied.filter((file) => file !== undefined && file !== null);
}

function mergedTensors(
  gpu: Gpu,
  tensors: TensorMap,
  pairs: TensorMap = new Map(),
  lora: LoraOptions | null,
  dtype: FloatDType,
): StreamedTensor[] {
  const lost = [...pairs.keys()].find((name) => !tensors.has(name.replace(/\.lora_[AB]\.weight$/, '.weight')));
  if (lost) throw new WeightError(`merge: '${lost}' has no matrix beside it in the base; it belongs to another one.`);
  return [...tensors].map(([name, stored]) => {
    const stem = name.replace(/\.weight$/, '');
    const [a, b] = ['A', 'B'].map((half) => pairs.get(`${stem}.lora_${half}.weight`));
    if (!a || !b) return recoded(name, stored, dtype);
    return mergedTensor(gpu, name, stored, { a, b, scale: loraOf(stem, lora)!.scale }, dtype);
  });
}

/** Branches that have no effect, by the names of their parameters. */
async function zeroBranches({ main, vision }: OpenedAdapters): Promise<string[]> {
  const zero: string[] = [];
  for (const [scope, tensors] of [
    ['language', main?.language],
    ['vision', vision?.tensors],
  ] as const)
    for (const [name, stored] of tensors ?? [])
      if (name.endsWith('.lora_B.weight') && (await isZero(stored))) zero.push(`${scope}.${name}`);
  return zero;
}
