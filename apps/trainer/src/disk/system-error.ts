/** @file Errors of the operating system, as one sentence that names the file and the remedy. */
import { mkdirSync } from 'node:fs';
import { CurioError } from '@curio/engine';

/** A file or folder cannot be read or written. */
export class FileError extends CurioError {}

/** What is wrong and what would be right, by the code of the operating system's error. */
const REASONS: Readonly<Record<string, readonly [wrong: string, right: string]>> = {
  ENOSPC: ['its disk is full', 'free some space, or choose a folder on another disk'],
  EDQUOT: ['your quota on its disk is used up', 'free some space, or choose a folder on another disk'],
  EFBIG: ['it is larger than its file system or your limits allow', 'choose a folder on another disk'],
  EROFS: ['its file system is read-only', 'choose a writable folder'],
  EACCES: ['you have no permission for it', 'change its permissions or choose another path'],
  EPERM: ['you have no permission for it', 'change its permissions or choose another path'],
  EISDIR: ['it is a folder', 'give a file'],
  ENOTDIR: ['part of its path is a file, not a folder', 'give another path'],
  EEXIST: ['it exists already', 'move it away or choose another path'],
  ENOTEMPTY: ['the folder is not empty', 'move its files away or choose another path'],
  ENOENT: ['it does not exist', 'give the path of one that does'],
  ENAMETOOLONG: ['its name is too long for the file system', 'choose a shorter one'],
  ELOOP: ['its symbolic links form a loop', 'give a path without them'],
  EMFILE: ['too many files are open', 'raise the limit (ulimit -n)'],
  ENFILE: ['too many files are open on this machine', 'close other programs'],
  EBUSY: ['another program is using it', 'close that program first'],
  EIO: ['its disk reports an error', 'check the disk, or choose another'],
  EXDEV: ['it would be moved to another disk', 'choose paths on one disk'],
};

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error;

/**
 * Wraps an error of the operating system in a sentence; null for any other error.
 * @param path of the file, for errors that do not name it (a write to an open file does not)
 * @param where how the sentence begins
 */
export function fileError(error: unknown, path?: string, where = 'file'): FileError | null {
  if (!isSystemError(error)) return null;
  const reason = REASONS[error.code!];
  if (!reason) return null;
  const [wrong, right] = reason;
  return new FileError(`${where}: ${error.path ?? path ?? 'a file'}: ${wrong} (${error.code}); ${right}.`, {
    cause: error,
  });
}

/** Creates a folder and its parents if they do not exist. @throws FileError */
export function makeFolder(path: string, where?: string): void {
  withFile(
    path,
    () => {
      try {
        mkdirSync(path, { recursive: true });
      } catch (error) {
        // On a read-only disk the recursive call reports ENOENT; the plain one reports the cause.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        mkdirSync(path);
      }
    },
    where,
  );
}

/** Runs `work` on the file at `path`; errors of the operating system name it. @throws FileError */
export function withFile<T>(path: string, work: () => T, where?: string): T {
  try {
    return work();
  } catch (error) {
    throw fileError(error, path, where) ?? error;
  }
}
