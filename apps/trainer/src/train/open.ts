/**
 * @file Opens a model for a run: the base from its folders, the trained weights from an adapter folder, and tokenizer
 * and image settings.
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
  /** Preprocesses a decoded picture for the image tower. */
  readonly prepare: (picture: Picture, aspect?: 'crop' | 'pad') => Float32Array;
  /** The preprocessing of `prepare`. */
  readonly imageConfig: (aspect: 'crop' | 'pad') => ImageConfig;
}

/** Folders of the base that comes with this repository: apps/trainer/base. */
const embedded = (part: 'language' | 'vision'): string => fileURLToPath(new URL(`../base/${part}`, import.meta.url));
/** The source file is one level deeper than the built one. */
const embeddedBase = (part: 'language' | 'vision'): string =>
  existsSync(embedded(part)) ? embedded(part) : fileURLToPath(new URL(`../../base/${part}`, import.meta.url));

/** Folder of one part of the base. @throws ConfigError if it does not exist */
export function baseFolder({ base }: Pick<RunConfig, 'base'>, part: 'language' | 'vision'): string {
  const path = base[part] === EMBEDDED ? embeddedBase(part) : base[part];
  if (!existsSync(path))
    throw new ConfigError(
      `config: base.${part} is '${base[part]}' and ${path} does not exist; give a folder in Hugging Face layout.`,
    );
  return path;
}

/**
 * The base's name in an adapter's files: a path of this machine only if it is neither this repository's base nor from a
 * hub.
 */
export const baseName = ({ base }: Pick<RunConfig, 'base'>, part: 'language' | 'vision'): string =>
  base[part] === EMBEDDED ? `apps/trainer/base/${part}` : (hubNameOf(base[part]) ?? base[part]);

export interface OpenOptions {
  /** Read the projector from the base's files. */
  readonly baseProjector?: boolean;
  /** A model opened from the same base, whose frozen matrices this one shares. */
  readonly sharesBaseOf?: SqLlava;
  /** Called with each line of the load report. */
  readonly onReport?: (line: string) => void;
}

/**
 * Opens the model of a configuration with the trained weights of `adapter`, else of the adapter or projector that the
 * run starts from, else new ones.
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
  const spare = tokens.withoutRow.map(
    (token) => `tokenizer: ${token} has no row in the model's embedding and is tokenised as text`,
  );
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
