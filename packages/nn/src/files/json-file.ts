import { WeightError } from '@curio/engine';
import type { ByteFolder } from './tensor-file.ts';

/**
 * Parses a JSON file of a folder; undefined where there is none.
 * @throws WeightError, beginning with `where`, for what is not JSON
 */
export async function readJsonFile(folder: ByteFolder, name: string, where: string): Promise<unknown> {
  const source = await folder.open(name);
  if (!source) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(await source.read(0, source.size)));
  } catch (cause) {
    throw new WeightError(`${where}: ${folder.name}/${name}: not JSON (${(cause as Error).message}).`, { cause });
  }
}
