/** Asks a worker to open a repository, for tests: `window.openHub(name, options)`. */
import type { Asked, Opened } from './worker.ts';

export interface HubPage {
  openHub(name: string, options: Asked): Promise<Opened>;
  /** What workers said and how far they were. */
  readonly said: string[];
  readonly bytes: [done: number, total: number][];
}

const said: string[] = [];
const bytes: [number, number][] = [];
const openHub = (name: string, options: Asked): Promise<Opened> =>
  new Promise((resolve) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<{ say?: string; bytes?: [number, number]; opened?: Opened }>) => {
      if (data.say !== undefined) said.push(data.say);
      if (data.bytes) bytes.push(data.bytes);
      if (!data.opened) return;
      worker.terminate();
      resolve(data.opened);
    };
    worker.postMessage({ name, options });
  });
Object.assign(window, { hub: { openHub, said, bytes } satisfies HubPage });
