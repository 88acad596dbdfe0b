/**
 * @file The model's files over HTTP, fetched together with one progress for all bytes, and kept as Blobs: browsers
 * keep large Blobs on disk, and the weights of a large file are read from there tensor by tensor. Reading a file
 * waits for that file only.
 */
import { blobSource, memorySource } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';
import type { Listing } from '../page-model.ts';

/** Files of at most this many bytes are read whole: each read of a Blob takes a millisecond or two, however short. */
const AT_ONCE = 1 << 24;

export class ModelFiles {
  /** By their names in the model's folders; each arrives in its own time. */
  private constructor(private readonly files: ReadonlyMap<string, Promise<Blob>>) {}

  /** Begins to fetch every file that `files.json` of the folder lists. @param address ends with a slash */
  static async fetch(address: string, onBytes: (done: number, total: number) => void): Promise<ModelFiles> {
    // The only file with a constant name: revalidated, so that it never lists files of an older build.
    const listed = await (await download(`${address}files.json`, () => {}, 'no-cache')).text();
    const files = Object.entries(JSON.parse(listed) as Listing);
    const total = files.reduce((sum, [, { size }]) => sum + size, 0);
    let done = 0;
    const count = (bytes: number): void => onBytes((done += bytes), total);
    const fetched = files.map(([name, { file }]) => [name, download(address + file, count)] as const);
    for (const [, file] of fetched) file.catch(() => {}); // reported to whoever reads the file
    return new ModelFiles(new Map(fetched));
  }

  async json<T>(name: string): Promise<T | null> {
    const file = await this.files.get(name);
    return file ? (JSON.parse(await file.text()) as T) : null;
  }

  /** The files of one folder, or null if none of them exists. */
  folder(path: string): ByteFolder | null {
    if (![...this.files.keys()].some((name) => name.startsWith(`${path}/`))) return null;
    return {
      name: path,
      open: async (name) => {
        const file = await this.files.get(`${path}/${name}`);
        if (!file) return undefined;
        const source = `${path}/${name}`;
        return file.size <= AT_ONCE
          ? memorySource(source, new Uint8Array(await file.arrayBuffer()))
          : blobSource(source, file);
      },
    };
  }
}

async function download(address: string, onBytes: (bytes: number) => void, cache?: RequestCache): Promise<Blob> {
  const response = await fetch(address, { cache }).catch((error: Error) => {
    throw new Error(`page: ${address} could not be fetched (${error.message}); check the connection and try again.`);
  });
  if (!response.ok || !response.body)
    throw new Error(`page: ${address} could not be fetched (${response.status} ${response.statusText}); try again.`);
  const parts: Uint8Array[] = [];
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    onBytes(value.length);
  }
  return new Blob(parts as BlobPart[]);
}
