/** Contents of repositories, and what opening one is refused with. */
import { expect } from 'vitest';
import { digestOf } from '../../testing/src/hub-server.ts';

export function bytes(size: number, seed: number): Uint8Array {
  const made = new Uint8Array(size);
  for (let i = 0; i < size; i++) made[i] = i * 31 + (i >> 9) * seed + seed;
  return made;
}
export const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A part of 16 MiB, and some. */
export const LARGE = bytes(20_000_000, 7);
export const large = (): Map<string, Uint8Array> =>
  new Map([
    ['config.json', text({})],
    ['model.safetensors', LARGE],
  ]);

/** Digests by path, which are compared quickly and shown briefly. */
export const digestsOf = (files: ReadonlyMap<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...files].map(([path, content]) => [path, digestOf(path, content)]).sort());

export async function refused(
  opening: Promise<unknown>,
  kind: new (...args: never[]) => Error,
  sentence: string,
): Promise<void> {
  const error: unknown = await opening.then(
    () => 'opened',
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toBe(sentence);
}
