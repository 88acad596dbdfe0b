/**
 * @file Downloads one file of a repository into the cache. An interrupted download continues where it stopped; a file
 * gets its name only when size and digest are right.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ByteSource } from '@curio/nn';
import { makeFolder, withFile } from '../disk/system-error.ts';
import type { RepoFile } from './listing.ts';
import { HubError } from './request.ts';

/** Bytes per request: the most that a killed process loses. */
const PART = 1 << 24;

/** Whether a file with all of these bytes exists; one with the right name and size was checked when it came. */
export const isWhole = (path: string, { size }: Pick<RepoFile, 'size'>): boolean =>
  statSync(path, { throwIfNoEntry: false })?.size === size;

/**
 * Downloads a file where it is not there yet. The caller holds the lock of the repository.
 * @param name for messages
 * @param open the file on the server
 * @param onBytes hears of bytes as they come, those of an earlier download at once
 * @throws HubError where size or digest are wrong, FileError, WeightError as `openHttpSource`
 */
export async function downloadFile(
  file: RepoFile,
  path: string,
  name: string,
  open: () => Promise<ByteSource>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  if (isWhole(path, file)) return onBytes(file.size);
  // Drafts of Python's huggingface_hub are left alone: its locks are of a kind that Node cannot take.
  const draft = `${path}.curio.incomplete`;
  makeFolder(dirname(path), 'hub');
  const before = statSync(draft, { throwIfNoEntry: false })?.size ?? 0;
  const begin = before <= file.size ? before : 0;
  const got = await fill(file, draft, begin, name, open, onBytes);
  if (got === file.digest) return withFile(path, () => renameSync(draft, path), 'hub');
  rmSync(draft);
  if (begin > 0) {
    onBytes(-file.size); // an earlier download was damaged: start over
    return downloadFile(file, path, name, open, onBytes);
  }
  throw new HubError(`${name} came with digest ${got} and the hub lists ${file.digest}`, 'it was deleted, try again');
}

/** Downloads what a draft lacks. @returns the digest of the whole file */
async function fill(
  { size, digest }: RepoFile,
  draft: string,
  begin: number,
  name: string,
  open: () => Promise<ByteSource>,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash = hashFor(digest, size);
  if (begin > 0) for await (const part of createReadStream(draft, { end: begin - 1 })) hash.update(part as Buffer);
  onBytes(begin);
  const source = begin < size ? await open() : null;
  if (source && source.size !== size)
    throw new HubError(
      `${name} has ${source.size} bytes on the server and the hub lists ${size}`,
      'try again later, or give another revision',
    );
  const output = withFile(draft, () => openSync(draft, begin > 0 ? 'a' : 'w'), 'hub');
  try {
    for (let at = begin; at < size; at += PART) {
      const part = await source!.read(at, Math.min(PART, size - at));
      hash.update(part);
      const write = (): void => {
        for (let done = 0; done < part.length; ) done += writeSync(output, part, done);
      };
      withFile(draft, write, 'hub');
      onBytes(part.length);
    }
    withFile(draft, () => fsyncSync(output), 'hub');
  } finally {
    closeSync(output);
  }
  return hash.digest('hex');
}

/** For large files the hub gives SHA-256, for others git's hash, which includes a header. */
const hashFor = (digest: string, size: number): Hash =>
  digest.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
