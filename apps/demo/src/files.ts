/** @file The model's files over HTTP, fetched together with one progress over all bytes. */
import { memorySource } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';

export class ModelFiles {
  private constructor(private readonly files: ReadonlyMap<string, Uint8Array>) {}

  /** Fetches every file that `files.json` of the folder lists. @param address ends with a slash */
  static async fetch(address: string, onBytes: (done: number, total: number) => void): Promise<ModelFiles> {
    const sizes = Object.entries(
      JSON.parse(new TextDecoder().decode(await download(`${address}files.json`))) as Record<string, number>,
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

  json<T>(name: string): T | null {
    const bytes = this.files.get(name);
    return bytes ? (JSON.parse(new TextDecoder().decode(bytes)) as T) : null;
  }

  /** One folder of them, or null where none of its files is there. */
  folder(path: string): ByteFolder | null {
    if (![...this.files.keys()].some((name) => name.startsWith(`${path}/`))) return null;
    return {
      name: path,
      open: async (name) => {
        const bytes = this.files.get(`${path}/${name}`);
        return bytes && memorySource(`${path}/${name}`, bytes);
      },
    };
  }
}

async function download(address: string, onBytes: (bytes: number) => void = () => {}): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok || !response.body)
    throw new Error(
      `page: ${address} could not be fetched (${response.status} ${response.statusText}); reload the page.`,
    );
  const parts: Uint8Array[] = [];
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    onBytes(value.length);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}
