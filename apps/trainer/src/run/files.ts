/**
 * @file Files as byte sources for the packages below, and atomic writes: everything is written under a temporary name
 * and renamed.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { WeightError } from '@curio/engine';
import type { ByteFolder, ByteSource } from '@curio/nn';
import { hubNameOf } from '@curio/hub';
import { FileError, fileError, makeFolder, withFile } from '../disk/system-error.ts';

/**
 * A file as a source of bytes; it is opened for each read, so nothing has to be closed.
 * @param where how errors begin
 */
export function fileSource(path: string, where?: string): ByteSource {
  return {
    name: basename(path),
    size: withFile(path, () => statSync(path), where).size,
    read: async (offset, length, into) => {
      const file = await open(path).catch((error: unknown) => {
        throw fileError(error, path, where) ?? error;
      });
      try {
        // Not zeroed: every byte is read, or the read fails.
        const bytes =
          into && into.length >= length
            ? into.subarray(0, length)
            : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
        let done = 0;
        while (done < length) {
          const { bytesRead } = await file.read(bytes, done, length - done, offset + done).catch((error: unknown) => {
            throw fileError(error, path, where) ?? error; // a folder, for example, can be opened but not read
          });
          if (bytesRead === 0)
            throw new WeightError(
              `weights: ${path}: it ended at byte ${offset + done} and ${offset + length} were expected; it was truncated while being read.`,
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

/** A folder as a source of files. A folder of the hub's cache is named by its repository. */
export function folderSource(path: string): ByteFolder {
  return {
    name: hubNameOf(path) ?? path,
    open: async (name) => (existsSync(join(path, name)) ? fileSource(join(path, name)) : undefined),
  };
}

/** Writes a file atomically: readers see the old file or the new one, even after a crash. @throws FileError */
export function writeAtomic(path: string, content: string | Uint8Array | readonly Uint8Array[]): void {
  const draft = `${path}.partial`;
  const chunks =
    typeof content === 'string'
      ? [new TextEncoder().encode(content)]
      : content instanceof Uint8Array
        ? [content]
        : content;
  withFile(path, () => {
    makeFolder(dirname(path));
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
  });
}

/**
 * Writes a folder atomically, from contents by relative path; an existing folder is replaced.
 * @throws FileError
 */
export function writeFolderAtomic(
  path: string,
  files: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[]>>,
): void {
  const draft = `${path}.partial`;
  const old = `${path}.old`;
  withFile(path, () => {
    rmSync(draft, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
    try {
      makeFolder(draft);
      for (const [name, content] of Object.entries(files)) writeAtomic(join(draft, name), content);
      if (existsSync(path)) renameSync(path, old);
      renameSync(draft, path);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (existsSync(old) && !existsSync(path)) renameSync(old, path);
      throw error;
    }
    rmSync(old, { recursive: true, force: true });
  });
}

/** Removes what a crash of `writeAtomic` or `writeFolderAtomic` left in a folder. */
export function removeLeftovers(path: string): void {
  for (const name of readdirSync(path)) {
    const stem = join(path, name.replace(/\.(partial|old)$/, ''));
    if (name.endsWith('.old') && !existsSync(stem)) renameSync(join(path, name), stem);
    else if (/\.(partial|old)$/.test(name)) rmSync(join(path, name), { recursive: true, force: true });
  }
}

/** Whether the path is a file, not a folder. */
export const isFile = (path: string): boolean => statOf(path)?.isFile() ?? false;
export const isFolder = (path: string): boolean => statOf(path)?.isDirectory() ?? false;

/** Undefined if the path does not exist. @throws FileError if it cannot be inspected */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw fileError(error, path) ?? error;
  }
}

/**
 * The text of a file, without the byte order mark that editors on Windows write.
 * @param where how errors begin
 * @throws FileError if it cannot be read or is not UTF-8
 */
export function readText(path: string, where: string): string {
  const bytes = withFile(path, () => readFileSync(path), where);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const wide = bytes.length > 1 && bytes[0]! + bytes[1]! === 0xff + 0xfe;
    throw new FileError(`${where}: ${path}: it is ${wide ? 'UTF-16' : 'not UTF-8'}; save it as UTF-8.`, { cause });
  }
}

/** Parses a JSON file. @param where how errors begin @throws FileError as `readText`; WeightError */
export function readJson(path: string, where: string): unknown {
  const text = readText(path, where);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WeightError(`${where}: ${path}: not JSON (${(cause as Error).message}).`, { cause });
  }
}
