/** A hub and a cache for each test, and what tests ask about them. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { openSnapshot, parseHubName, type SnapshotOptions } from '@curio/hub';
import { DiskCache } from '../src/hub/disk-cache.ts';
import { COMMAND_LINE_WORDS, type HubSettings } from '../src/hub/settings.ts';
import { HubServer } from '../../../packages/testing/src/hub-server.ts';

/** A hub for the tests of a file, each of which begins with a cache of its own and nothing asked. */
export function useHub() {
  let hub: HubServer;
  let cache: string;
  beforeAll(async () => {
    hub = await HubServer.start();
  });
  afterAll(() => hub.close());
  beforeEach(() => {
    hub.before = () => false;
    hub.asked.length = 0;
    cache = mkdtempSync(join(tmpdir(), 'curio-hub-'));
  });
  return {
    get hub() {
      return hub;
    },
    get cache() {
      return cache;
    },
    open: (name: string, change: Partial<HubSettings> = {}, options: SnapshotOptions = {}): Promise<string> => {
      const access = { endpoint: hub.endpoint, token: null, offline: false, pause: 1, words: COMMAND_LINE_WORDS };
      const repo = parseHubName(name)!;
      return openSnapshot({ ...access, ...change }, repo, new DiskCache(change.cache ?? cache, repo), options);
    },
    /** Paths of the files that were asked for. */
    downloads: (): string[] =>
      hub.asked.flatMap(({ path }) => /\/resolve\/\w+\/(.*)$/.exec(path)?.[1] ?? []).map(decodeURIComponent),
    /** First bytes of what was asked of the server of large files. */
    begins: (): number[] =>
      hub.asked.flatMap(({ path, range }) => (path.startsWith('large:') ? Number(/\d+/.exec(range!)) : [])),
    repoFolder: (name: string): string => join(cache, `models--${name.replace('/', '--')}`),
  };
}

/** Paths of all files and links below a folder. */
export const below = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .sort()
    : [];
