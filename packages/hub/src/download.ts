/**
 * @file Downloads one file of a repository into its cache. An interrupted download continues where it stopped; a file
 * gets its name only when size and digest are right.
 */
import type { ByteSource } from '@curio/nn';
import type { Digest, Draft, RepoCache } from './cache.ts';
import type { RepoFile } from './listing.ts';
import { HubError } from './request.ts';

/** Bytes per request: the most that a killed process loses. */
const PART = 1 << 24;

/**
 * Downloads a file that the cache lacks. The caller holds the lock of the repository.
 * @param name for messages
 * @param open the file on the server
 * @param onBytes called with the number of bytes that have arrived, first with those of an earlier download
 * @throws HubError where size or digest are wrong, WeightError as `openHttpSource`, what the cache throws
 */
export async function downloadFile(
  cache: Pick<RepoCache<unknown>, 'isWhole' | 'openDraft' | 'digest'>,
  file: RepoFile,
  name: string,
  open: () => Promise<ByteSource>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  if (await cache.isWhole(file)) return onBytes(file.size);
  const draft = await cache.openDraft(file);
  try {
    if (draft.size > file.size) await draft.clear();
    const begin = draft.size;
    let got = await fill(file, draft, digestFor(cache, file), name, open, onBytes);
    if (got !== file.digest && begin > 0) {
      onBytes(-file.size); // an earlier download was damaged: start over
      await draft.clear();
      got = await fill(file, draft, digestFor(cache, file), name, open, onBytes);
    }
    if (got === file.digest) return await draft.commit();
    await draft.drop();
    throw new HubError(
      `${name} arrived with digest ${got} and the hub lists ${file.digest}`,
      'it was deleted, try again',
    );
  } finally {
    await draft.close();
  }
}

/** Downloads what a draft lacks. @returns the digest of the whole file */
async function fill(
  { size }: RepoFile,
  draft: Draft,
  digest: Digest,
  name: string,
  open: () => Promise<ByteSource>,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const begin = draft.size;
  for (let at = 0; at < begin; at += PART) digest.update(await draft.read(at, Math.min(PART, begin - at)));
  onBytes(begin);
  const source = begin < size ? await open() : null;
  if (source && source.size !== size)
    throw new HubError(
      `${name} has ${source.size} bytes on the server and the hub lists ${size}`,
      'try again later, or give another revision',
    );
  for (let at = begin; at < size; at += PART) {
    const part = await source!.read(at, Math.min(PART, size - at));
    digest.update(part);
    await draft.append(part);
    onBytes(part.length);
  }
  return digest.hex();
}

/** For large files the hub gives SHA-256, for others git's hash, which includes a header. */
function digestFor(cache: Pick<RepoCache<unknown>, 'digest'>, { digest, size }: RepoFile): Digest {
  if (digest.length === 64) return cache.digest('sha256');
  const sha1 = cache.digest('sha1');
  sha1.update(new TextEncoder().encode(`blob ${size}\0`));
  return sha1;
}
