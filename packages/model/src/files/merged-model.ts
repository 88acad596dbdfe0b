/** @file A model with its adapters merged in, as tensors whose numbers are computed while they are written. */
import { ConfigError, WeightError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { isZero, loraOf, mergedTensor, projectorTensors, recoded } from '@curio/nn';
import type { FloatDType, LoraOptions, StreamedTensor, TensorMap } from '@curio/nn';
import { buildModel } from '../checkpoint.ts';
import { loadReport } from './load-report.ts';
import type { FolderConfig, ModelFiles, OpenedAdapters } from './model-config.ts';

export interface MergeDevices {
  /** Merges some rows of a matrix at a time. */
  readonly gpu: Gpu;
  /** Opened with `dryRun`: the model is built on it without values, so that the inputs are checked first. */
  readonly dry: Gpu;
}

/** The type that a tensor is written in. */
type DtypeOf = (shape: readonly number[]) => FloatDType;

export interface MergedModel {
  /** By the names in their files; tensors that the language model does not use are left out. */
  readonly language: readonly StreamedTensor[];
  /** All blocks, even those that never run here: other programs run them. */
  readonly tower: readonly StreamedTensor[];
  /** `model.mm_projector.…`. */
  readonly projector: readonly StreamedTensor[];
  /** Matrices that have a branch. */
  readonly merged: { readonly language: number; readonly tower: number };
  /** The load report. */
  readonly lines: readonly string[];
}

/**
 * The tensors of the merged model.
 * @throws ConfigError for learned rows of new words, which no published layout can hold, and as `openModel`; while
 * they are written, WeightError for a number beyond the range of f16
 */
export async function mergedModel(
  { model: config, baseProjector }: FolderConfig,
  files: ModelFiles,
  dtypeOf: DtypeOf,
  { gpu, dry }: MergeDevices,
): Promise<MergedModel> {
  if (config.vusr === 'token')
    throw new ConfigError(
      `merge: ${files.adapter?.name} has learned rows for the new word [vusr], and a merged folder holds the base's ${config.language.vocabSize} words alone; train with model.vusr role, or keep the adapter beside its base.`,
    );
  const built = await buildModel(dry, config, files, { storage: 'f16', baseProjector });
  const { adapters, notes } = built;
  const weights = built.model.weights.report();
  const report = { ...weights, zero: await zeroBranches(adapters) };
  const used = new Set(weights.parts.find(({ label }) => label === 'language base')!.used);
  const language = new Map([...built.language].filter(([tensor]) => used.has(tensor)));
  const tower = new Map([...built.vision].filter(([tensor]) => tensor.startsWith('vision_model.')));
  const projector = projectorTensors(adapters.trained ?? built.language);
  return {
    language: mergedTensors(gpu, language, adapters.main?.language, config.languageLora, dtypeOf),
    tower: mergedTensors(gpu, tower, adapters.vision?.tensors, config.visionLora, dtypeOf),
    projector: [...projector].map(([tensor, stored]) =>
      recoded(`model.mm_projector.${tensor}`, stored, dtypeOf(stored.shape)),
    ),
    merged: { language: (adapters.main?.language.size ?? 0) / 2, tower: (adapters.vision?.tensors.size ?? 0) / 2 },
    lines: loadReport(config, files, adapters, report, notes).lines,
  };
}

function mergedTensors(
  gpu: Gpu,
  tensors: TensorMap,
  pairs: TensorMap = new Map(),
  lora: LoraOptions | null,
  dtypeOf: DtypeOf,
): StreamedTensor[] {
  const lost = [...pairs.keys()].find((name) => !tensors.has(name.replace(/\.lora_[AB]\.weight$/, '.weight')));
  if (lost) throw new WeightError(`merge: '${lost}' has no matrix in the base; it belongs to another base.`);
  return [...tensors].map(([name, stored]) => {
    const stem = name.replace(/\.weight$/, '');
    const [a, b] = ['A', 'B'].map((half) => pairs.get(`${stem}.lora_${half}.weight`));
    const dtype = dtypeOf(stored.shape);
    if (!a || !b) return recoded(name, stored, dtype);
    return mergedTensor(gpu, name, stored, { a, b, scale: loraOf(stem, lora)!.scale }, dtype);
  });
}

/** Branches without effect, by the names of their parameters. */
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
