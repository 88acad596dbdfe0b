/**
 * @file What learning stores on this device, in the browser's private file system (OPFS): drawings, and the newest
 * checkpoint. A checkpoint counts as complete once its last file, the state, is there.
 */
const FOLDER = 'learning';
const DRAWINGS = 'drawings.json';
const STATE = 'state.json';
const CHECKPOINT = /^checkpoint-(\d+)$/;

export interface StoredCheckpoint {
  readonly state: unknown;
  /** By path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const folder = async (): Promise<FileSystemDirectoryHandle> =>
  (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });

async function write(into: FileSystemDirectoryHandle, name: string, content: Uint8Array | string): Promise<void> {
  const file = await into.getFileHandle(encodeURIComponent(name), { create: true });
  const stream = await file.createWritable();
  try {
    await stream.write(content as Uint8Array<ArrayBuffer> | string);
  } catch (error) {
    await stream.abort().catch(() => {});
    throw error;
  }
  await stream.close();
}

const readFile = async (from: FileSystemDirectoryHandle, name: string): Promise<File> =>
  (await from.getFileHandle(name)).getFile();

/** Numbers of the stored checkpoints, complete or not, newest first. */
async function checkpoints(within: FileSystemDirectoryHandle): Promise<number[]> {
  const found: number[] = [];
  for await (const name of within.keys()) {
    const number = CHECKPOINT.exec(name)?.[1];
    if (number !== undefined) found.push(Number(number));
  }
  return found.sort((a, b) => b - a);
}

/** Writes a checkpoint, then removes the earlier ones. @throws DOMException QuotaExceededError on a full disk */
export async function storeCheckpoint(files: Readonly<Record<string, Uint8Array>>, state: unknown): Promise<void> {
  const within = await folder();
  const before = await checkpoints(within);
  const name = `checkpoint-${(before[0] ?? 0) + 1}`;
  const into = await within.getDirectoryHandle(name, { create: true });
  try {
    for (const [path, bytes] of Object.entries(files)) await write(into, path, bytes);
    await write(into, STATE, JSON.stringify(state));
  } catch (error) {
    await within.removeEntry(name, { recursive: true }).catch(() => {});
    throw error;
  }
  for (const number of before) await within.removeEntry(`checkpoint-${number}`, { recursive: true }).catch(() => {});
}

/** The newest complete checkpoint; null if there is none or the browser stores nothing. */
export async function newestCheckpoint(): Promise<StoredCheckpoint | null> {
  try {
    const within = await folder();
    for (const number of await checkpoints(within)) {
      const from = await within.getDirectoryHandle(`checkpoint-${number}`);
      const text = await readFile(from, STATE)
        .then((file) => file.text())
        .catch(() => null);
      if (text === null) continue;
      const files = new Map<string, Uint8Array>();
      for await (const name of from.keys())
        if (name !== STATE)
          files.set(decodeURIComponent(name), new Uint8Array(await (await readFile(from, name)).arrayBuffer()));
      return { state: JSON.parse(text) as unknown, files };
    }
  } catch {
    // A private window stores nothing; what a browser left half-written when it was closed is not a checkpoint.
  }
  return null;
}

export async function removeCheckpoints(): Promise<void> {
  const within = await folder();
  for (const number of await checkpoints(within)) await within.removeEntry(`checkpoint-${number}`, { recursive: true });
}

/** @throws DOMException QuotaExceededError on a full disk */
export const storeDrawings = async (drawings: readonly unknown[]): Promise<void> =>
  write(await folder(), DRAWINGS, JSON.stringify(drawings));

/** What was stored last; nothing if there is none or the browser stores nothing. */
export async function storedDrawings(): Promise<unknown[]> {
  try {
    const text = await (await readFile(await folder(), DRAWINGS)).text();
    const drawings = JSON.parse(text) as unknown;
    return Array.isArray(drawings) ? drawings : [];
  } catch {
    return [];
  }
}
