/**
 * @file Opens what `ask`, `chat`, `caption`, `batch`, `serve` and `eval` talk with: a finished run, or folders in the
 * published layout with one adapter or several on one base. The one place that says how.
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { PRESETS } from '@curio/model';
import type { AskConfig, ModelConfig, Picture, Speaker, SqLlava, TemplateName } from '@curio/model';
import type { BaseStorage } from '@curio/nn';
import { pinnedName } from '@curio/hub';
import { readJson } from '../run/files.ts';
import { RunFolder } from '../run/run-folder.ts';
import { findModel, namedFolder } from '../train/folders.ts';
import { useMatrixUnits } from '../train/matrix-units.ts';
import { baseFolder, openForRun } from '../train/open.ts';
import type { OpenedModel } from '../train/open.ts';

/** What the model is opened for; files that do not say template or aspect have those of the published programs. */
export type Purpose = 'question' | 'self-question' | 'caption';

export interface TalkOptions {
  readonly run?: string;
  /** In place of a run: folders of the base, and one or more adapters, `DIR` or `NAME=DIR`. */
  readonly model?: string;
  readonly vision?: string;
  readonly adapter?: readonly string[];
  readonly storage?: BaseStorage;
  readonly seed: number;
  readonly matrixUnits?: boolean;
}

/** A base with one adapter. */
export interface NamedModel {
  readonly name: string;
  readonly speaker: Speaker;
  /** The template that it is spoken to in where none is asked for. */
  readonly template: TemplateName;
  /** How its pictures become square where nothing is asked for. */
  readonly aspect: 'crop' | 'pad';
  readonly prepare: (picture: Picture, aspect?: 'crop' | 'pad') => Float32Array;
  /** The folders that it came from, by option; of a hub the repository at its commit. */
  readonly from: Readonly<Record<string, string>>;
}

/** The first model, and all of them. */
export interface Talk extends NamedModel {
  /** One for each adapter, on one base. */
  readonly models: readonly NamedModel[];
  readonly ask: AskConfig;
  /** What the base says that is drawn by where nothing else is said; 1 keeps all words. */
  readonly topP: number;
  close(): void;
}

/** The run of `--run`, or the newest, with its adapter. `command` begins the sentence of an error. */
export function finishedRun(
  command: string,
  run: string | undefined,
): { readonly folder: RunFolder; readonly adapter: string } {
  const folder = run === undefined ? RunFolder.newest() : RunFolder.open(run);
  if (!folder)
    throw new ConfigError(
      `${command}: there is no run under runs/; train one with curio train, name one with --run, or a model with --model.`,
    );
  const adapter = folder.file('adapter');
  if (!existsSync(adapter))
    throw new ConfigError(
      `${command}: ${folder.path} is not finished (no ${adapter}); go on with curio train --resume ${folder.path}.`,
    );
  return { folder, adapter };
}

/** Refuses options that do not go together, before anything is read. */
export function requireOneModel(command: string, { run, model, vision, adapter, storage }: TalkOptions): void {
  if (model !== undefined && run !== undefined)
    throw new ConfigError(`${command}: give --run or --model; a run has its own model.`);
  if (model === undefined && (vision ?? adapter ?? storage) !== undefined)
    throw new ConfigError(
      `${command}: --vision, --adapter and --storage go with --model, the language model that they belong to.`,
    );
}

/**
 * Opens the run of `--run` or the newest, or the model of `--model`. The load report goes to stderr. `command` begins
 * the sentence of an error.
 */
export async function openTalk(command: string, options: TalkOptions, purpose: Purpose = 'question'): Promise<Talk> {
  requireOneModel(command, options);
  const adapters = adaptersOf(command, options.adapter ?? []);
  const gpu = await openGpu({ seed: options.seed });
  try {
    if (options.matrixUnits) await useMatrixUnits(gpu);
    const { model } = options;
    const opened =
      model === undefined
        ? await openRun(gpu, command, options, purpose)
        : await openFolders(gpu, { ...options, model }, adapters, purpose);
    return { ...opened, ...opened.models[0]!, close: () => gpu.close() };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

interface NamedAdapter {
  readonly name: string;
  readonly folder: string | undefined;
}

/** `NAME=DIR`, or a folder that is called by its own name. */
function adaptersOf(command: string, given: readonly string[]): NamedAdapter[] {
  const adapters = given.map((text): NamedAdapter => {
    const cut = existsSync(text) ? -1 : text.indexOf('=');
    return cut > 0
      ? { name: text.slice(0, cut), folder: text.slice(cut + 1) }
      : { name: basename(resolve(text)), folder: text };
  });
  adapters.forEach(({ name, folder }, i) => {
    const first = adapters.findIndex((other) => other.name === name);
    if (first < i)
      throw new ConfigError(
        `${command}: the adapters ${adapters[first]!.folder} and ${folder} are both called '${name}'; give one another name by --adapter NAME=${folder}.`,
      );
  });
  return adapters;
}

const onReport = (line: string): void => console.error(line);

async function openRun(
  gpu: Gpu,
  command: string,
  { run }: TalkOptions,
  purpose: Purpose,
): Promise<Pick<Talk, 'models' | 'ask' | 'topP'>> {
  const { folder, adapter } = finishedRun(command, run);
  const config = folder.readConfig();
  const opened = await openForRun(gpu, config, adapter, { onReport });
  const name = basename(resolve(folder.path));
  const aspect = purpose === 'caption' ? 'crop' : 'pad';
  return {
    models: [named(name, opened, config.model, aspect, { run: name })],
    ask: config.ask,
    topP: topPOf(baseFolder(config, 'language')),
  };
}

/** Models by their folders, spoken to as the published evaluation does where they do not say how. */
async function openFolders(
  gpu: Gpu,
  { model, vision, seed, storage }: TalkOptions & { readonly model: string },
  adapters: readonly NamedAdapter[],
  purpose: Purpose,
): Promise<Pick<Talk, 'models' | 'ask' | 'topP'>> {
  const models: NamedModel[] = [];
  let first: SqLlava | undefined;
  const wanted = adapters.length > 0 ? adapters : [{ name: basename(resolve(model)), folder: undefined }];
  const language = await namedFolder('model', model);
  for (const { name, folder } of wanted) {
    const found = await findModel({ model: language, vision, adapter: folder });
    const template = found.saysTemplate ? found.model.template : purpose === 'self-question' ? 'v1_sq' : 'v1';
    const base = { ...found.folders, storage: storage ?? found.storage };
    const config = { model: { ...found.model, template }, base, seed };
    const opened = await openForRun(gpu, config, undefined, {
      ...{ baseProjector: found.baseProjector, sharesBaseOf: first, onReport },
    });
    first ??= opened.model;
    // The published programs follow the checkpoint for questions, and cut the centre for all else.
    const squared = found.saysTemplate ? (found.imageAspect ?? 'pad') : (found.imageAspect ?? 'crop');
    const aspect = purpose === 'question' || (purpose === 'self-question' && found.saysTemplate) ? squared : 'crop';
    const { vision: tower, adapter } = found.folders;
    const from = {
      ...{ model: pinnedName(language), vision: pinnedName(tower) },
      ...(adapter !== null && { adapter: pinnedName(adapter) }),
    };
    models.push(named(name, opened, config.model, aspect, from));
  }
  return { models, ask: PRESETS['7b'].ask, topP: topPOf(language) };
}

const named = (
  name: string,
  { speaker, prepare }: OpenedModel,
  { template }: ModelConfig,
  aspect: 'crop' | 'pad',
  from: NamedModel['from'],
): NamedModel => ({
  ...{ name, speaker, template, aspect, from },
  prepare: (picture, own = aspect) => prepare(picture, own),
});

/** `top_p` of the base's generation_config.json, which transformers draws by where none is given. */
function topPOf(folder: string): number {
  const path = join(folder, 'generation_config.json');
  if (!existsSync(path)) return 1;
  const { top_p: topP = 1 } = (readJson(path, 'generation') ?? {}) as { top_p?: unknown };
  if (typeof topP !== 'number' || !(topP > 0 && topP <= 1))
    throw new ConfigError(
      `generation: ${path}: top_p is ${JSON.stringify(topP)}; it must be a number above 0 and at most 1.`,
    );
  return topP;
}
