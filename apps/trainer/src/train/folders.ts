/**
 * @file Finds a model's folders, on this machine or on a hub, and reads its configuration from their files. An image
 * tower that is not given is found by its name in config.json.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { HubError, openSnapshot, parseHubName } from '@curio/hub';
import { llavaHolder, readModelConfig, requireConfigFile } from '@curio/model';
import type { FolderConfig, ModelConfig, ModelFiles } from '@curio/model';
import { DiskCache } from '../hub/disk-cache.ts';
import { hubSettings } from '../hub/settings.ts';
import { folderSource } from '../run/files.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';

/** Folders on the command line, or names on a hub. */
export interface ModelFolders {
  readonly model: string;
  readonly vision?: string;
  readonly adapter?: string;
}

export const MODEL =
  'language model, or merged model, in Hugging Face layout: a folder, or owner/name[@revision] on a hub';
export const VISION = 'image tower, likewise; default: mm_vision_tower of config.json';
export const ADAPTER = 'trained weights, likewise: adapter and projector, or stage 1’s projector';

export interface FoundModel extends FolderConfig {
  readonly folders: { readonly language: string; readonly vision: string; readonly adapter: string | null };
}

/** The files of a model, for `openModel`. */
export function modelFiles({ language, vision, adapter }: FoundModel['folders']): ModelFiles {
  const towerLora = adapter === null ? null : join(adapter, 'Vit-lora');
  return {
    language: folderSource(language),
    vision: folderSource(vision),
    adapter: adapter === null ? null : folderSource(adapter),
    visionAdapter: towerLora !== null && existsSync(towerLora) ? folderSource(towerLora) : null,
  };
}

/**
 * The folder that an option names. A repository on a hub is downloaded unless it is in the cache.
 * @param weights false: only settings and tokenizer are needed
 * @throws ConfigError if it is neither a folder nor a repository's name; as `openSnapshot`
 */
export async function namedFolder(option: string, name: string, weights = true): Promise<string> {
  if (existsSync(name)) return name;
  const repo = parseHubName(name);
  if (!repo)
    throw new ConfigError(
      `model: --${option} ${name} does not exist; give a folder on this machine, or owner/name on a hub.`,
    );
  const progress = new Progress(openTerminal(process.stderr), []);
  try {
    const settings = hubSettings();
    return await openSnapshot(settings, repo, new DiskCache(settings.cache, repo), {
      weights,
      say: (line) => progress.note(line),
      onBytes: (done, total) => progress.downloaded(name, done, total),
    });
  } finally {
    progress.end();
  }
}

/**
 * Finds the folders and reads their configuration.
 * @param fresh as in `readModelConfig`
 * @param weights false: only settings and tokenizer of language model and tower are needed; an adapter is always
 * downloaded completely, since its configuration is read from its tensors
 * @throws ConfigError for a folder that does not exist; as `namedFolder` and `readModelConfig`
 */
export async function findModel(named: ModelFolders, fresh?: ModelConfig, weights = true): Promise<FoundModel> {
  const language = await namedFolder('model', named.model, weights);
  const adapter = named.adapter === undefined ? null : await namedFolder('adapter', named.adapter);
  const vision =
    named.vision === undefined
      ? await findTower(language, adapter ?? undefined, weights)
      : await namedFolder('vision', named.vision, weights);
  const folders = { language, vision, adapter };
  return { ...(await readModelConfig(modelFiles(folders), fresh)), folders };
}

/**
 * The folder of the image tower that a model's files name: on this machine, else on a hub.
 * @throws ConfigError if they name none or it does not exist; HubError if it cannot be downloaded
 */
export async function findTower(model: string, adapter?: string, weights = true): Promise<string> {
  const holder = llavaHolder({
    language: folderSource(model),
    adapter: adapter === undefined ? null : folderSource(adapter),
  });
  const name = (await requireConfigFile(holder)).mm_vision_tower;
  if (typeof name !== 'string')
    throw new ConfigError(
      `model: ${holder.name}/config.json names no image tower (mm_vision_tower); give its folder with --vision, and the trained weights with --adapter.`,
    );
  const near = [model, ...(adapter === undefined ? [] : [adapter])].map((path) => join(dirname(path), basename(name)));
  // A merged model contains its tower, under a name that another folder may have too, so look inside it first.
  const inside = join(adapter ?? model, name);
  const places = [name, ...near, inside];
  const found = [inside, ...places].find((path) => existsSync(join(path, 'config.json')));
  if (found !== undefined) return found;
  const nowhere = `${holder.name}/config.json names the image tower '${name}', and there is no config.json in ${[...new Set(places)].join(', ')}`;
  if (!parseHubName(name)) throw new ConfigError(`model: ${nowhere}; give its folder with --vision.`);
  try {
    return await namedFolder('vision', name, weights);
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    throw new HubError(`${nowhere}, and ${error.wrong}`, 'give it with --vision', { cause: error });
  }
}
