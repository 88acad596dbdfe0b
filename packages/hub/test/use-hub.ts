/** A hub for the tests of a file, each of which begins with an empty cache and nothing asked. */
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { openSnapshot, parseHubName, type HubAccess, type SnapshotOptions } from '../src/index.ts';
import { HubServer } from '../../testing/src/hub-server.ts';
import { digestsOf } from './contents.ts';
import { MemoryCache } from './memory-cache.ts';

/** Unlike those of any app, so that sentences show which of their words are the app's. */
const WORDS = {
  endpoint: 'under "hub"',
  token: 'under "token"',
  offline: ['the plane is in the air', 'land'],
  absent: 'is not on board',
  instead: ', or ask the crew',
} as const;

export function useHub() {
  let hub: HubServer;
  let cache: MemoryCache;
  beforeAll(async () => {
    hub = await HubServer.start();
  });
  afterAll(() => hub.close());
  beforeEach(() => {
    hub.before = () => false;
    hub.asked.length = 0;
    cache = new MemoryCache();
  });
  return {
    get hub() {
      return hub;
    },
    /** Of the repository that a test opens. */
    get cache() {
      return cache;
    },
    /** Gives the digests of the files that opening it gives. */
    open: async (
      name: string,
      { into = cache, ...change }: Partial<HubAccess> & { into?: MemoryCache } = {},
      options: SnapshotOptions = {},
    ): Promise<Record<string, string>> => {
      const access = { endpoint: hub.endpoint, token: null, offline: false, pause: 1, words: WORDS };
      return digestsOf(await openSnapshot({ ...access, ...change }, parseHubName(name)!, into, options));
    },
    /** Paths of the files that were asked for. */
    downloads: (): string[] =>
      hub.asked.flatMap(({ path }) => /\/resolve\/\w+\/(.*)$/.exec(path)?.[1] ?? []).map(decodeURIComponent),
    /** First bytes of what was asked of the server of large files. */
    begins: (): number[] =>
      hub.asked.flatMap(({ path, range }) => (path.startsWith('large:') ? Number(/\d+/.exec(range!)) : [])),
  };
}
