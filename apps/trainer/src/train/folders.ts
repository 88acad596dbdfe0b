/**
 * @file A model by the folders that hold it: what their files say decides, not their names. A folder of the image tower
 * that is not named is looked for by the name that the config.json gives it.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { llavaHolder, readModelConfig, requireConfigFile } from '@curio/model';
import type { FolderConfig, ModelConfig, ModelFiles } from '@curio/model';
import { folderSource } from '../run/files.ts';

/** Folders on a command line. */
export interface ModelFolders {
  readonly model: string;
  readonly vision?: string;
  readonly adapter?: string;
}

export const MODEL = 'folder of the language model, or of a merged model, in Hugging Face layout';
export const VISION = 'folder of the image tower; default: what mm_vision_tower of config.json names';
export const ADAPTER = 'folder of what was trained: adapter and projector, or stage 1’s projector';

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
 * Finds the folders and reads what they say.
 * @param fresh as of `readModelConfig`
 * @throws ConfigError for a folder that is not there, and as `readModelConfig`
 */
export async function findModel({ model, vision, adapter }: ModelFolders, fresh?: ModelConfig): Promise<FoundModel> {
  for (const [option, path] of [
    ['model', model],
    ['vision', vision],
    ['adapter', adapter],
  ] as const)
    if (path !== undefined && !existsSync(path))
      throw new ConfigError(`model: --${option} ${path} is not there; give a folder on this machine.`);
  const folders = { language: model, vision: vision ?? (await findTower(model, adapter)), adapter: adapter ?? null };
  return { ...(await readModelConfig(modelFiles(folders), fresh)), folders };
}

/** The folder of the tower that a model's files name. @throws ConfigError where they name none or it is not there */
export async function findTower(model: string, adapter?: string): Promise<string> {
  const holder = llavaHolder({
    language: folderSource(model),
    adapter: adapter === undefined ? null : folderSource(adapter),
  });
  const name = (await requireConfigFile(holder)).mm_vision_tower;
  if (typeof name !== 'string')
    throw new ConfigError(
      `model: ${holder.name}/config.json names no image tower (mm_vision_tower); give its folder with --vision, and what was trained with --adapter.`,
    );
  const near = [model, ...(adapter === undefined ? [] : [adapter])].map((path) => join(dirname(path), basename(name)));
  // A merged model brings its tower along, under a name that another folder may have too: that one is looked at first.
  const inside = join(holder.name, name);
  const places = [name, ...near, inside];
  const found = [inside, ...places].find((path) => existsSync(join(path, 'config.json')));
  if (found === undefined)
    throw new ConfigError(
      `model: ${holder.name}/config.json names the image tower '${name}', and there is no config.json in ${[...new Set(places)].join(', ')}; give its folder with --vision.`,
    );
  return found;
}
