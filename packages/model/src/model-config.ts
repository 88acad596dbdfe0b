/** @file What the folders of a model say of it, by their `config.json` files. docs/sq-llava.md 4.5 to 4.7. */
import { ConfigError } from '@curio/engine';
import { readJsonFile } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';
import type { ModelConfig } from './config.ts';
import { clipVisionFromHf, llamaFromHf, unknownKeys } from './hf-config.ts';
import type { Json } from './hf-config.ts';

const CONFIG_FILE = 'config.json';

/** An object out of a folder's JSON file; undefined where there is no file. */
export async function readObject(folder: ByteFolder, name: string): Promise<Json | undefined> {
  const json = await readJsonFile(folder, name, 'config');
  if (json === undefined) return undefined;
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`config: ${folder.name}/${name} holds ${JSON.stringify(json)}; it must be an object.`);
  return json as Json;
}

/**
 * Holds a configuration against the `config.json` of the base's folders, where they are there.
 * @returns what was found in them and is of no use here, a sentence each
 * @throws ConfigError where both say something else of the same thing, or the base is of another kind
 */
export async function requireBaseConfig(
  { language, vision }: { readonly language: ByteFolder; readonly vision: ByteFolder },
  config: ModelConfig,
): Promise<string[]> {
  const notes: string[] = [];
  for (const [part, folder] of [
    ['language', language],
    ['vision', vision],
  ] as const) {
    const where = `${folder.name}/${CONFIG_FILE}`;
    const json = await readObject(folder, CONFIG_FILE);
    if (!json) {
      notes.push(`${folder.name} has no ${CONFIG_FILE}; it is taken to be what the configuration says`);
      continue;
    }
    const says =
      part === 'language'
        ? llamaFromHf(json, where)
        : { ...clipVisionFromHf(json, where), selectLayer: config.vision.selectLayer };
    requireSame(says, config[part], where, `model.${part}`);
    const unknown = unknownKeys(json, part === 'language' ? 'llama' : 'clip');
    if (unknown.length > 0) notes.push(`${where}: not known, and not used: ${unknown.join(', ')}`);
  }
  return notes;
}

/** Every value of `says`, which stands in the file `where`, must be that of `config`. */
export function requireSame<T extends object>(says: T, config: T, where: string, path: string): void {
  for (const key of Object.keys(says) as (keyof T & string)[])
    if (says[key] !== config[key])
      throw new ConfigError(
        `config: ${path}.${key} is ${JSON.stringify(config[key])} and ${where} says ${JSON.stringify(says[key])}; the weights are made for what stands beside them.`,
      );
}
