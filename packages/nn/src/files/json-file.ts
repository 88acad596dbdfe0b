import { WeightError } from '@curio/engine';
import { parseJson } from './json.ts';
import type { ByteFolder, ByteSource } from './tensor-file.ts';

/**
 * Parses a JSON file of a folder, with or without a byte order mark; undefined if there is none.
 * @throws WeightError, beginning with `where`, for what is not JSON, is not UTF-8 or repeats a name
 */
export async function readJsonFile(folder: ByteFolder, name: string, where: string): Promise<unknown> {
  const source = await folder.open(name);
  return source && readJsonSource(source, `${where}: ${folder.name}/${name}`);
}

/** Parses JSON, as `readJsonFile`. @param where names the source and begins the error message */
export async function readJsonSource(source: ByteSource, where: string): Promise<unknown> {
  const bytes = await source.read(0, source.size);
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const fail = (what: string): never => {
    throw new WeightError(`${where}: ${what}; it must be a single JSON value.`);
  };
  return parseJson(isMarked ? bytes.subarray(3) : bytes, fail, Infinity);
}
