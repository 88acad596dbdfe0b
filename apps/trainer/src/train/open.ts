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
  openTokens,
  preprocessImage,
  readPreprocessorConfig,
  Speaker,
  VUSER_TOKEN,
} from '@curio/model';
import type { ImageConfig, LoadReport, Picture, SqLlava, Tokens } from '@curio/model';
import { EMBEDDED } from '../config/presets.ts';
import type { RunConfig } from '../config/schema.ts';
import { hubNameOf } from '@curio/hub';
import { fileSource, folderSource, readJson } from '../run/files.ts';
import { modelFiles } from './folders.ts';

export interface OpenedModel {
  readonly model: SqLlava;
  readonly tokens: Tokens;
  readonly speaker: Speaker;
  readonly report: LoadReport;
  /** A decoded picture as the image tower takes it. */
  readonly prepare: (picture: Picture, aspect?: 'crop' | 'pad') => Float32Array;
  /** How it does so. */
  readonly imageConfig: (aspect: 'crop' | 'pad') => ImageConfig;
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

/**
 * What an adapter says it was trained on: no path of this machine for the base that comes with the repository or from a
 * hub.
 */
export const baseName = ({ base }: Pick<RunConfig, 'base'>, part: 'language' | 'vision'): string =>
  base[part] === EMBEDDED ? `apps/trainer/base/${part}` : (hubNameOf(base[part]) ?? base[part]);

export interface OpenOptions {
  /** Take the projector out of the base's files. */
  readonly baseProjector?: boolean;
  /** A model that was opened from the same base, whose frozen matrices this one reads too. */
  readonly sharesBaseOf?: SqLlava;
  /** Hears what became of the files. */
  readonly onReport?: (line: string) => void;
}

/**
 * Opens the model of a configuration with what was trained in `adapter`, else in the adapter or projector that it
 * starts from, else with fresh ones.
 */
export async function openForRun(
  gpu: Gpu,
  config: Pick<RunConfig, 'model' | 'base' | 'seed'>,
  adapter?: string,
  { baseProjector, sharesBaseOf, onReport }: OpenOptions = {},
): Promise<OpenedModel> {
  const [language, vision] = [baseFolder(config, 'language'), baseFolder(config, 'vision')];
  const start = config.base.adapter ?? null;
  const projector = adapter === undefined && config.base.projector ? fileSource(config.base.projector) : null;
  const files = { ...modelFiles({ language, vision, adapter: adapter ?? start }), projector };
  const { model, report } = await openModel(gpu, config.model, files, {
    seed: config.seed,
    storage: config.base.storage,
    ...{ baseProjector, sharesBaseOf },
  });
  const tokens = await openTokens(folderSource(language), {
    extra: config.model.vusr === 'token' ? [VUSER_TOKEN] : [],
    rows: config.model.language.vocabSize,
  });
  const image = imageConfig(vision, config.model.vision.imageSize);
  const spare = tokens.withoutRow.map((token) => `tokenizer: ${token} has no row in the model and is read as text`);
  for (const line of [...report.lines, ...spare]) onReport?.(line);
  return {
    model,
    tokens,
    report,
    speaker: new Speaker(model, tokens),
    imageConfig: (aspect) => ({ ...image, mode: aspect }),
    prepare: (picture, aspect = 'pad') => preprocessImage(picture, { ...image, mode: aspect }),
  };
}

function imageConfig(folder: string, size: number): ImageConfig {
  const path = join(folder, 'preprocessor_config.json');
  if (!existsSync(path)) return { size, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD };
  return readPreprocessorConfig(readJson(path, 'preprocessor') as Record<string, unknown>, 'pad', size);
}
