/** @file Writes a new folder of large files atomically: it exists complete or not at all. */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '@curio/engine';
import type { StreamedFile } from '@curio/nn';
import { isFolder } from '../run/files.ts';
import { isLock, lockFolder } from './lock.ts';
import { makeFolder, withFile } from './system-error.ts';

/**
 * Writes files into a new folder while their bytes are produced. They are in `<path>.partial` until all are complete;
 * the leftovers of a killed process there are deleted first.
 * @param onBytes called with the number of bytes written so far
 * @throws ConfigError if the folder is not empty, or another process writes it; FileError
 */
export async function writeNewFolder(
  path: string,
  files: readonly StreamedFile[],
  onBytes?: (done: number, total: number) => void,
): Promise<void> {
  requireNew(path);
  const draft = `${path}.partial`;
  makeFolder(draft);
  const release = lockFolder(draft);
  try {
    requireNew(path); // another process may have been faster
    clear(draft);
    const total = files.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    for (const file of files)
      await writeFile(join(draft, file.name), file, (bytes) => onBytes?.((done += bytes), total));
    withFile(path, () => {
      if (isFolder(path)) rmdirSync(path);
      // The lock is renamed too, so that no other process starts over in a folder that is about to move.
      renameSync(draft, path);
    });
    release();
    for (const name of readdirSync(path)) if (isLock(name)) rmSync(join(path, name));
  } catch (error) {
    clear(draft);
    release();
    withFile(draft, () => rmdirSync(draft));
    throw error;
  }
}

/** @throws ConfigError if the folder is not empty */
export function requireNew(path: string): void {
  if (isFolder(path) && withFile(path, () => readdirSync(path)).length > 0)
    throw new ConfigError(`out: ${path} is not empty; choose another folder, or delete this one first.`);
}

function clear(draft: string): void {
  for (const name of readdirSync(draft)) if (!isLock(name)) rmSync(join(draft, name), { recursive: true, force: true });
}

async function writeFile(path: string, { chunks }: StreamedFile, onBytes: (bytes: number) => void): Promise<void> {
  makeFolder(dirname(path));
  const file = withFile(path, () => openSync(path, 'wx'));
  try {
    for await (const chunk of chunks()) {
      withFile(path, () => {
        for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done);
      });
      onBytes(chunk.length);
    }
    withFile(path, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}
