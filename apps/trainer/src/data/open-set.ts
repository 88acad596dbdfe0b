/**
 * @file Opens a data set by its path: a JSON array, JSON Lines or Parquet, or a folder of pictures with a `metadata`
 * file, as in Hugging Face's image folders. Indices of large files are stored in the user's cache.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DataError, WeightError } from '@curio/engine';
import { openSamples, type EntrySamples, type IndexStore, type OpenSamplesOptions } from '@curio/model';
import type { ByteSource } from '@curio/nn';
import { cacheFolder } from '../../../../scripts/cache.mjs';
import { FileError, withFile } from '../disk/system-error.ts';
import { fileSource, isFolder, writeAtomic } from '../run/files.ts';
import { imageFolder, readPlace } from './decode.ts';
import type { PicturePlace, PlacedImages } from './decode.ts';

/** Smaller files are scanned each time, which takes less than a second. */
const KEPT_FROM = 32 << 20;
/** Bytes at either end of a file that are compared, with size and time, to detect changes. */
const ENDS = 65536;
const METADATA = ['metadata.jsonl', 'metadata.parquet'];

export interface OpenedSet {
  readonly samples: EntrySamples;
  /** Pictures by the paths in its samples, including those stored in the data itself. */
  readonly images: PlacedImages;
}

/**
 * Opens a set.
 * @param folder that image paths are relative to; for an image folder the folder itself
 * @throws DataError, FileError
 */
export async function openSet(
  path: string,
  folder: string | null,
  progress?: OpenSamplesOptions['progress'],
): Promise<OpenedSet> {
  const [file, root] = isFolder(path) ? [metadataOf(path), path] : [path, folder];
  if (root !== null && !isFolder(root))
    throw new DataError(
      `data: data.images is '${root}', which is not a folder; give the folder that image paths are relative to.`,
    );
  const files = root === null ? noFolder : imageFolder(root);
  const source = dataSource(file);
  const index = source.size < KEPT_FROM ? undefined : keptIndex(file, root, source.size);
  const samples = await openSamples(file, source, { images: files, index, progress });
  return { samples, images: withEmbedded(samples, files) };
}

const noFolder: PlacedImages = {
  name: 'any folder, since none was given',
  has: () => false,
  read: (path) => lost(path),
  place: (path) => lost(path),
};

async function lost(path: string): Promise<never> {
  throw new DataError(`image: '${path}' not found; give data.images, the folder that image paths are relative to.`);
}

function metadataOf(folder: string): string {
  const found = METADATA.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (found) return found;
  throw new DataError(
    `data: ${folder}: it is a folder without ${METADATA.join(' or ')}; give a file, or an image folder with one of these.`,
  );
}

/** A data file; errors while reading it name it. */
function dataSource(path: string): ByteSource {
  const source = fileSource(path, 'data');
  return {
    ...source,
    read: (offset, length) =>
      source.read(offset, length).catch((error: unknown) => {
        if (!(error instanceof WeightError)) throw error;
        throw new DataError(`data: ${path}: it was shortened while it was being read; start again.`, { cause: error });
      }),
  };
}

function hashOfEnds(path: string, size: number): string {
  const hash = createHash('sha256');
  const file = withFile(path, () => openSync(path, 'r'));
  try {
    for (const at of [0, Math.max(0, size - ENDS)]) {
      const bytes = new Uint8Array(ENDS);
      hash.update(bytes.subarray(0, readSync(file, bytes, 0, ENDS, at)));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Pictures in files, and those whose bytes are in the entries. */
const withEmbedded = (samples: EntrySamples, files: PlacedImages): PlacedImages => {
  const place = async (path: string): Promise<PicturePlace> => {
    const bytes = await samples.embedded(path);
    return bytes ? { bytes, name: `${samples.file}: ${path}` } : files.place(path);
  };
  return { ...files, place, read: async (path) => readPlace(await place(path)) };
};

function keptIndex(file: string, root: string | null, size: number): IndexStore {
  const key = createHash('sha256').update(`${resolve(file)}\0${root === null ? '' : resolve(root)}`);
  const path = join(cacheFolder(), 'data', `${key.digest('hex').slice(0, 24)}.index`);
  return {
    stamp: `${size} ${statSync(file).mtimeMs} ${hashOfEnds(file, size)}`,
    load: async () => (existsSync(path) ? withFile(path, () => readFileSync(path)) : null),
    save: async (bytes) => {
      try {
        writeAtomic(`${path}.${process.pid}`, bytes); // another process may be writing the same file
        renameSync(`${path}.${process.pid}`, path);
      } catch (error) {
        if (!(error instanceof FileError)) throw error; // a full disk only costs time: the file is scanned again
      }
    },
  };
}
