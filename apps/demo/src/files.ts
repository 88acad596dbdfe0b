/**
 * @file The model's files over HTTP, fetched together with one progress over all bytes, and kept as Blobs: browsers
 * keep large Blobs on disk, and weights are read from them tensor by tensor.
 */
import { blobSource } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';

export class ModelFiles {
  private constructor(private readonly files: ReadonlyMap<string, Blob>) {}

  /** Fetches every file that `files.json` of the folder lists. @param address ends with a slash */
  static async fetch(address: string, onBytes: (done: number, total: number) => void): Promise<ModelFiles> {
    const sizes = Object.entries(
      JSON.parse(await (await download(`${address}files.json`)).text()) as Record<string, number>,
    );
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    let done = 0;
    const files = await Promise.all(
      sizes.map(
        async ([name]) => [name, await download(address + name, (bytes) => onBytes((done += bytes), total))] as const,
      ),
    );
    return new ModelFiles(new Map(files));
  }

  has(name: string): boolean {
    return this.files.has(name);
  }

  async json<T>(name: string): Promise<T | null> {
    const file = this.files.get(name);
    return file ? (JSON.parse(await file.text()) as T) : null;
  }

  /** The files of one folder, or null if none of them exists. */
  folder(path: string): ByteFolder | null {
    if (![...this.files.keys()].some((name) => name.startsWith(`${path}/`))) return null;
    return {
      name: path,
      open: async (name) => {
        const file = this.files.get(`${path}/${name}`);
        return file && blobSource(`${path}/${name}`, file);
      },
    };
  }
}

async function download(address: string, onBytes: (bytes: number) => void = () => {}): Promise<Blob> {
  const response = await fetch(address).catch((error: Error) => {
    throw new Error(`page: ${address} could not be fetched (${error.message}); look at the connection and try again.`);
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
