/** Opens a repository and says what its files, and its weights, are. */
import { openWeightFolder } from '@curio/nn';
import { type HubOptions, openHub } from '../../src/hub/open-hub.ts';

export interface Asked extends HubOptions {
  readonly tensors?: boolean;
}

export interface Opened {
  /** SHA-256 of each file by its path. */
  readonly files?: Readonly<Record<string, string>>;
  /** SHA-256 of each tensor's bytes, where asked for. */
  readonly tensors?: Readonly<Record<string, string>>;
  /** Name and sentence of an error. */
  readonly error?: readonly [name: string, sentence: string];
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function open(name: string, { tensors: asked, ...options }: Asked): Promise<Opened> {
  try {
    const folder = await openHub(name, {
      ...options,
      say: (say) => postMessage({ say }),
      onBytes: (...bytes) => postMessage({ bytes }),
    });
    const [files, tensors]: Record<string, string>[] = [{}, {}];
    for (const path of folder.paths) {
      const source = (await folder.open(path))!;
      files![path] = await sha256(await source.read(0, source.size));
    }
    if (!asked) return { files };
    for (const [name, stored] of await openWeightFolder(folder)) tensors![name] = await sha256(await stored.read());
    return { files, tensors };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: [name, message] };
  }
}

addEventListener('message', ({ data }: MessageEvent<{ name: string; options: Asked }>) => {
  void open(data.name, data.options).then((opened) => postMessage({ opened }));
});
