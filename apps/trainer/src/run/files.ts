/**
 * @file Files for the packages below, and files that are whole or not there: everything is written under another name
 * and renamed.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeightError } from '@curio/engine';
import type { ByteFolder, ByteSource } from '@curio/nn';

/** A file as a source of bytes; it is opened for each read, so nothing has to be closed. */
export function fileSource(path: string): ByteSource {
  return {
    name: basename(path),
    size: statSync(path).size,
    read: async (offset, length) => {
      const file = await open(path);
      try {
        const bytes = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
          if (bytesRead === 0)
            throw new WeightError(
              `weights: ${path}: it ended at byte ${offset + done} and ${offset + length} were expected; it was cut while being read.`,
            );
          done += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    },
  };
}

export function folderSource(path: string): ByteFolder {
  return {
    name: path,
    open: async (name) => (existsSync(join(path, name)) ? fileSource(join(path, name)) : undefined),
  };
}

/** Writes a file whole: a reader sees the old one or the new one, also after a crash. */
export function writeWhole(path: string, content: string | Uint8Array | readonly Uint8Array[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.partial`;
  const chunks =
    typeof content === 'string'
      ? [new TextEncoder().encode(content)]
      : content instanceof Uint8Array
        ? [content]
        : content;
  try {
    const file = openSync(draft, 'w');
    try {
      for (const chunk of chunks) for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Writes a folder whole, from contents by path under it; a folder that stands there is replaced. */
export function writeFolderWhole(
  path: string,
  files: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[]>>,
): void {
  const draft = `${path}.partial`;
  const old = `${path}.old`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    for (const [name, content] of Object.entries(files)) writeWhole(join(draft, name), content);
    if (existsSync(path)) renameSync(path, old);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (existsSync(old) && !existsSync(path)) renameSync(old, path);
    throw error;
  }
  rmSync(old, { recursive: true, force: true });
}

/** Parses a JSON file; `where` begins the sentence of an error. */
export function readJson(path: string, where: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new WeightError(`${where}: ${path}: not JSON (${(cause as Error).message}).`, { cause });
  }
}
