/**
 * @file Opens a model for a run: the base from its folders, what was trained from an adapter folder, tokenizer and
 * image settings beside them.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import {
  CLIP_MEAN,
  CLIP_STD,
  openModel,
  preprocessImage,
  readPreprocessorConfig,
  Speaker,
  Tokens,
  VUSER_TOKEN,
} from '@curio/model';
import type { ImageConfig, Picture, SqLlava } from '@curio/model';
import type { WeightsReport } from '@curio/nn';
import { EMBEDDED } from '../config/presets.ts';
import type { RunConfig } from '../config/schema.ts';
import { folderSource, readJson } from '../run/files.ts';

export interface OpenedModel {
  readonly model: SqLlava;
  readonly tokens: Tokens;
  readonly speaker: Speaker;
  readonly report: WeightsReport;
  /** A decoded picture as the image tower takes it. */
  readonly prepare: (picture: Picture, aspect?: 'crop' | 'pad') => Float32Array;
}

/** Folders of the base that comes with this repository: apps/trainer/base. */
const embedded = (part: 'language' | 'vision'): string => fileURLToPath(new URL(`../base/${part}`, import.meta.url));
/** From the sources the folder is one level further up than from the built file. */
const embeddedBase = (part: 'language' | 'vision'): string =>
  existsSync(embedded(part)) ? embedded(part) : fileURLToPath(new URL(`../../base/${part}`, import.meta.url));

/** Folder of one part of the base. @throws ConfigError when it is not there */
export function baseFolder({ base }: Pick<RunConfig, 'base'>, part: 'language' | 'vision'): string {
  const path = base[part] === EMBEDDED ? embeddedBase(part) : base[part];
  if (!existsSync(path))
    throw new ConfigError(
      `config: base.${part} is '${base[part]}' and ${path} is not there; give a folder in Hugging Face layout.`,
    );
  return path;
}

/** What an adapter says it was trained on: no path of this machine for the base that comes with the repository. */
export const baseName = ({ base }: Pick<RunConfig, 'base'>, part: 'language' | 'vision'): string =>
  base[part] === EMBEDDED ? `apps/trainer/base/${part}` : base[part];

/** Opens the model of a configuration with what was trained in `adapter`, or with fresh adapters and projector. */
export async function openForRun(gpu: Gpu, config: RunConfig, adapter?: string): Promise<OpenedModel> {
  const [language, vision] = [baseFolder(config, 'language'), baseFolder(config, 'vision')];
  const { model, report } = await openModel(
    gpu,
    config.model,
    {
      language: folderSource(language),
      vision: folderSource(vision),
      adapter: adapter ? folderSource(adapter) : null,
      visionAdapter: adapter && existsSync(join(adapter, 'Vit-lora')) ? folderSource(join(adapter, 'Vit-lora')) : null,
    },
    { seed: config.seed, storage: config.base.storage },
  );
  const json = readJson(join(language, 'tokenizer.json'), 'tokenizer') as object;
  const tokens = new Tokens(json, {
    extra: config.model.vusr === 'token' ? [VUSER_TOKEN] : [],
    rows: config.model.language.vocabSize,
  });
  const image = imageConfig(vision, config.model.vision.imageSize);
  return {
    model,
    tokens,
    report,
    speaker: new Speaker(model, tokens),
    prepare: (picture, aspect = 'pad') => preprocessImage(picture, { ...image, mode: aspect }),
  };
}

function imageConfig(folder: string, size: number): ImageConfig {
  const path = join(folder, 'preprocessor_config.json');
  if (!existsSync(path)) return { size, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD };
  return readPreprocessorConfig(readJson(path, 'preprocessor') as Record<string, unknown>, 'pad', size);
}
