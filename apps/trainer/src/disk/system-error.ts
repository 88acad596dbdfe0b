/** @file What the operating system refuses, as one sentence that names the file and the remedy. */
import { mkdirSync } from 'node:fs';
import { CurioError } from '@curio/engine';

/** A file or folder cannot be read or written. */
export class FileError extends CurioError {}

/** What is wrong and what would be right, by the code of the operating system's error. */
const REASONS: Readonly<Record<string, readonly [wrong: string, right: string]>> = {
  ENOSPC: ['no space is left on its disk', 'free some, or choose a folder on another disk'],
  EDQUOT: ['your quota on its disk is used up', 'free some space, or choose a folder on another disk'],
  EFBIG: ['it grew larger than its file system or your limits allow', 'choose a folder on another disk'],
  EROFS: ['its file system is read-only', 'choose a folder that can be written'],
  EACCES: ['you have no permission for it', 'change its permissions or choose another path'],
  EPERM: ['you have no permission for it', 'change its permissions or choose another path'],
  EISDIR: ['it is a folder', 'give a file'],
  ENOTDIR: ['a file stands where a folder must be', 'give a path through folders'],
  EEXIST: ['something else stands there already', 'move it away or choose another path'],
  ENOTEMPTY: ['the folder is not empty', 'move its files away or choose another path'],
  ENOENT: ['it is not there', 'give the path of one that is'],
  ENAMETOOLONG: ['its name is too long for the file system', 'choose a shorter one'],
  ELOOP: ['its links lead in a circle', 'give a path without them'],
  EMFILE: ['too many files are open', 'raise the limit (ulimit -n)'],
  ENFILE: ['too many files are open on this machine', 'close other programs'],
  EBUSY: ['another program holds it', 'close that one first'],
  EIO: ['its disk reports a fault', 'check the disk, or choose another'],
  EXDEV: ['it would have to move to another disk', 'choose paths on one disk'],
};

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error;

/**
 * The sentence for an error of the operating system; null for any other error.
 * @param path of the file, where the error does not name it (a write to an open file does not)
 * @param where begins the sentence
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

/** Makes a folder and those above it where they are not there. @throws FileError */
export function makeFolder(path: string, where?: string): void {
  withFile(
    path,
    () => {
      try {
        mkdirSync(path, { recursive: true });
      } catch (error) {
        // On a read-only disk the recursive way says ENOENT; the plain one says why.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        mkdirSync(path);
      }
    },
    where,
  );
}

/** Does something with the file at `path`; what the system refuses is told with it. @throws FileError */
export function withFile<T>(path: string, work: () => T, where?: string): T {
  try {
    return work();
  } catch (error) {
    throw fileError(error, path, where) ?? error;
  }
}
