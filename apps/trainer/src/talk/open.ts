/**
 * @file Opens the model for `ask`, `chat`, `caption`, `batch`, `serve` and `eval`: that of a finished run, or of
 * folders in the published layout, with one adapter or several on one base.
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

/** Purpose of the model, which decides template and aspect, as in the published programs, where its files do not. */
export type Purpose = 'question' | 'self-question' | 'caption';

export interface TalkOptions {
  readonly run?: string;
  /** Instead of a run: folders of the base, and one or more adapters, `DIR` or `NAME=DIR`. */
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
  /** Default chat template. */
  readonly template: TemplateName;
  /** Default way to make pictures square. */
  readonly aspect: 'crop' | 'pad';
  readonly prepare: (picture: Picture, aspect?: 'crop' | 'pad') => Float32Array;
  /** Its folders by option; for a hub, the repository at its commit. */
  readonly from: Readonly<Record<string, string>>;
}

/** The first model, and all of them. */
export interface Talk extends NamedModel {
  /** One per adapter, on one base. */
  readonly models: readonly NamedModel[];
  readonly ask: AskConfig;
  /** Default top-p, from the base's generation_config.json; 1 keeps all tokens. */
  readonly topP: number;
  close(): void;
}

/** The run of `--run`, or the newest, with its adapter. `command` is how errors begin. */
export function finishedRun(
  command: string,
  run: string | undefined,
): { readonly folder: RunFolder; readonly adapter: string } {
  const folder = run === undefined ? RunFolder.newest() : RunFolder.open(run);
  if (!folder)
    throw new ConfigError(
      `${command}: there is no run under runs/; train one with curio train, or give --run or --model.`,
    );
  const adapter = folder.file('adapter');
  if (!existsSync(adapter))
    throw new ConfigError(
      `${command}: ${folder.path} is not finished (it has no ${adapter}); continue with curio train --resume ${folder.path}.`,
    );
  return { folder, adapter };
}

/** Refuses conflicting options before anything is read. */
export function requireOneModel(command: string, { run, model, vision, adapter, storage }: TalkOptions): void {
  if (model !== undefined && run !== undefined)
    throw new ConfigError(
      `${command}: --run and --model are both given; a run has its own model, so give one of the two.`,
    );
  if (model === undefined && (vision ?? adapter ?? storage) !== undefined)
    throw new ConfigError(
      `${command}: --vision, --adapter and --storage need --model, the language model that they belong to.`,
    );
}

/**
 * Opens the run of `--run` or the newest, or the model of `--model`. The load report goes to stderr. `command` is how
 * errors begin.
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

/** `NAME=DIR`, or a folder, whose own name is used. */
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
        `${command}: the adapters ${adapters[first]!.folder} and ${folder} are both called '${name}'; rename one with --adapter NAME=${folder}.`,
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

/** Models by their folders; where these give no template or aspect, those of the published evaluation are used. */
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
    // The published programs follow the checkpoint for questions, and crop to the centre for everything else.
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

/** `top_p` of the base's generation_config.json, which is transformers' default for sampling. */
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
