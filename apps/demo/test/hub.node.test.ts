/**
 * Models of a hub in the browser's storage: complete, resumed, checked, offline, in two tabs, and with full storage.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { memorySource, openWeightFolder } from '@curio/nn';
import { chromium } from 'playwright';
import type { Browser, BrowserContext, Page } from 'playwright';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';
import { filesOf, gitHash, HubServer, part, refuse, sha256 } from '../../../packages/testing/src/hub-server.ts';
import type { HubPage } from './hub-page/page.ts';
import type { Asked, Opened } from './hub-page/worker.ts';

const built = mkdtempSync(join(tmpdir(), 'curio-hub-page-'));
let hub: HubServer;
let server: Server;
let address: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  const conditions = ['source', 'module', 'browser', 'development|production'];
  await build({
    root: join(import.meta.dirname, 'hub-page'),
    configFile: false,
    logLevel: 'error',
    resolve: { conditions },
    worker: { format: 'es' },
    build: { target: 'es2022', outDir: built, emptyOutDir: true, minify: false },
  });
  server = createServer((request, response) => {
    const name = new URL(request.url!, 'http://localhost').pathname.slice(1) || 'index.html';
    const type = extname(name) === '.js' ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'content-type': type }).end(readFileSync(join(built, name)));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  hub = await HubServer.start();
  browser = await chromium.launch(findChromium());
});
afterAll(async () => {
  await browser.close();
  hub.close();
  server.close();
  rmSync(built, { recursive: true });
});
beforeEach(async () => {
  hub.before = () => false;
  hub.asked.length = 0;
  context = await browser.newContext();
  page = await openPage();
});
afterEach(() => context.close());

async function openPage(): Promise<Page> {
  const opened = await context.newPage();
  await opened.goto(address);
  await opened.waitForFunction('window.hub');
  return opened;
}
const open = (name: string, options: Asked = {}, on = page): Promise<Opened> =>
  on.evaluate(([name, options]) => (window as unknown as { hub: HubPage }).hub.openHub(name, options), [
    name,
    { endpoint: hub.endpoint, pause: 1, ...options },
  ] as const);
const said = (on = page): Promise<string[]> => on.evaluate('window.hub.said');
/** Names of the files in the browser's storage by their sizes. */
const stored = (on = page): Promise<Record<string, number>> =>
  on.evaluate(async () => {
    const sizes: Record<string, number> = {};
    const walk = async (folder: FileSystemDirectoryHandle): Promise<void> => {
      for await (const entry of (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values())
        if (entry.kind === 'directory') await walk(entry as FileSystemDirectoryHandle);
        else sizes[entry.name] = (await (entry as FileSystemFileHandle).getFile()).size;
    };
    await walk(await navigator.storage.getDirectory());
    return sizes;
  });
/** First bytes of the ranges requested from the server of large files. */
const begins = (): number[] =>
  hub.asked.flatMap(({ path, range }) => (path.startsWith('large:') ? Number(/\d+/.exec(range!)) : []));
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const digests = (files: ReadonlyMap<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...files].map(([path, bytes]) => [path, sha256(bytes)]));

const PART = 2 ** 24;
/** A bit more than a part of 16 MiB. */
const LARGE = Uint8Array.from({ length: 20_000_000 }, (_, i) => i * 31 + (i >> 9) * 7);
const FILES = new Map([
  ['config.json', text({ mm_vision_tower: 'vision_tower' })],
  ['model.safetensors', LARGE],
  ['vision_tower/config.json', text({ tower: true })],
]);

test('a repository is downloaded completely, with subfolders; later nothing is downloaded, and offline nothing is requested', async () => {
  const commit = hub.publish('tiny/whole', new Map([...FILES, ['README.md', text('unneeded')]]));
  expect(await open('tiny/whole')).toEqual({ files: digests(FILES) });
  const bytes = (await page.evaluate('window.hub.bytes')) as [number, number][];
  const total = [...FILES.values()].reduce((sum, { length }) => sum + length, 0);
  expect([bytes.at(-1), bytes.every(([done], i) => done >= (bytes[i - 1]?.[0] ?? 0))]).toEqual([[total, total], true]);
  expect(Object.keys(await stored()).sort()).toEqual(
    [...[...FILES.values()].map((file) => (file === LARGE ? sha256(file) : gitHash(file))), commit, 'main'].sort(),
  );
  hub.asked.length = 0;
  await page.reload();
  expect(await open('tiny/whole')).toEqual({ files: digests(FILES) });
  expect(hub.asked.filter(({ path }) => path.includes('resolve'))).toEqual([]);
  hub.asked.length = 0;
  for (const name of ['tiny/whole', `tiny/whole@${commit}`])
    expect(await open(name, { offline: true })).toEqual({ files: digests(FILES) });
  expect(hub.asked).toEqual([]);
  expect(await open('tiny/other', { offline: true })).toEqual({
    error: [
      'HubError',
      "hub: tiny/other is not a model of this page, nor in the browser's storage, and offline is set; open it once with a network.",
    ],
  });
});

test('a published folder opens from the storage, its weights tensor by tensor', async () => {
  const folder = join(import.meta.dirname, '../../../packages/testing/published/transformers-5/language');
  hub.publish('tiny/language', filesOf(folder));
  const { tensors, error } = await open('tiny/language', { tensors: true });
  expect(error).toBeUndefined();
  const want: Record<string, string> = {};
  for (const [name, stored] of await openWeightFolder({
    name: 'language',
    open: async (file) => {
      const path = join(folder, file);
      return existsSync(path) ? memorySource(file, new Uint8Array(readFileSync(path))) : undefined;
    },
  }))
    want[name] = sha256(await stored.read());
  expect(Object.keys(want).length).toBeGreaterThan(20);
  expect(tensors).toEqual(want);
});

test('a branch is followed, a tag is kept; if the hub does not answer, the stored copy is used, with a message', async () => {
  const first = new Map([['config.json', text(1)]]);
  const second = new Map([['config.json', text(2)]]);
  hub.publish('tiny/moving', first);
  hub.publish('tiny/moving', first, 'refs/pr/1');
  expect(await open('tiny/moving@refs/pr/1')).toEqual({ files: digests(first) });
  expect(await open('tiny/moving')).toEqual({ files: digests(first) });
  hub.publish('tiny/moving', second);
  expect(await open('tiny/moving')).toEqual({ files: digests(second) });
  expect(await open('tiny/moving@refs/pr/1')).toEqual({ files: digests(first) });
  hub.before = (_, response) => (refuse(response, 503, null, 'busy'), true);
  expect(await open('tiny/moving')).toEqual({ files: digests(second) });
  expect(await said()).toEqual([
    `hub: ${hub.endpoint} answered 503 Service Unavailable, 5 times, for tiny/moving, which is not a model of this page; the copy in the browser's storage is used.`,
  ]);
  hub.before = () => false;
  expect(await open('tiny/moving@v9')).toEqual({
    error: [
      'HubError',
      `hub: tiny/moving has no revision 'v9'; give a branch, a tag or a commit of ${hub.endpoint}/tiny/moving.`,
    ],
  });
});

test('an interrupted connection resumes where it stopped, and so does a reloaded page', async () => {
  hub.publish('tiny/cut', FILES);
  hub.before = ({ path, range }, response) =>
    path.startsWith('large:') && (part(response, LARGE, range, 6_000_000), true);
  expect(await open('tiny/cut')).toEqual({ files: digests(FILES) });
  expect(new Set(begins()).size).toBe(begins().length - 1); // the first byte alone tells the size

  const other = new Map([...FILES, ['model.safetensors', LARGE.map((byte) => byte ^ 1)]]);
  hub.publish('tiny/left', other);
  hub.asked.length = 0;
  const reached = new Promise<void>((resolve) => {
    hub.before = ({ path, range }) => {
      if (!path.startsWith('large:') || !range!.startsWith(`bytes=${PART}-`)) return false;
      resolve();
      return true; // never answered
    };
  });
  void open('tiny/left').catch(() => {}); // ends with its page
  await reached;
  expect((await stored())[`${sha256(other.get('model.safetensors')!)}.incomplete`]).toBe(PART);
  hub.before = () => false;
  hub.asked.length = 0;
  await page.reload();
  expect(await open('tiny/left')).toEqual({ files: digests(other) });
  expect(begins()).toEqual([0, PART]);
});

test('a damaged stored file is noticed and downloaded again', async () => {
  hub.publish('tiny/damaged', FILES);
  hub.before = ({ path, range }, response) => {
    if (!path.startsWith('large:') || !range!.startsWith(`bytes=${PART}-`)) return false;
    refuse(response, 403, null, 'enough');
    return true;
  };
  expect((await open('tiny/damaged')).error?.[0]).toBe('HubError');
  hub.before = () => false;
  const draft = `${sha256(LARGE)}.incomplete`;
  expect((await stored())[draft]).toBe(PART);
  await page.evaluate(async (draft) => {
    let folder = await navigator.storage.getDirectory();
    for (const name of ['curio-hub', 'models--tiny--damaged', 'blobs']) folder = await folder.getDirectoryHandle(name);
    const output = await (await folder.getFileHandle(draft)).createWritable({ keepExistingData: true });
    await output.write({ type: 'write', position: 1000, data: Uint8Array.of(1, 2, 3, 4) });
    await output.close();
  }, draft);
  expect(await open('tiny/damaged')).toEqual({ files: digests(FILES) });
});

test('sizes and digests other than the listed ones are refused, and nothing of the file is left', async () => {
  const config = text({ a: 1 });
  hub.publish('tiny/lying', new Map([['config.json', config]]));
  const lie = (body: Uint8Array) => {
    hub.before = ({ path, range }, response) => path.includes('resolve') && (part(response, body, range), true);
  };
  lie(text({ a: 12 }));
  expect((await open('tiny/lying')).error).toEqual([
    'HubError',
    'hub: tiny/lying/config.json has 8 bytes on the server and the hub lists 7; try again later, or give another revision.',
  ]);
  expect(await stored()).toEqual({});
  const other = text({ a: 2 });
  lie(other);
  expect((await open('tiny/lying')).error).toEqual([
    'HubError',
    `hub: tiny/lying/config.json arrived with digest ${gitHash(other)} and the hub lists ${gitHash(config)}; it was deleted, try again.`,
  ]);
  expect(await stored()).toEqual({});
});

test('the token is sent to the hub, and to no other server', async () => {
  hub.publish('tiny/private', FILES);
  hub.before = ({ path, authorization }, response) => {
    if (path.startsWith('large:') || authorization === 'Bearer hf_right') return false;
    refuse(response, 401, 'GatedRepo', 'Access to model tiny/private is restricted.');
    return true;
  };
  expect((await open('tiny/private')).error).toEqual([
    'HubError',
    `hub: tiny/private is gated and no token was sent; accept its terms at ${hub.endpoint}/tiny/private and give your token in the option token.`,
  ]);
  hub.asked.length = 0;
  expect(await open('tiny/private', { token: 'hf_right' })).toEqual({ files: digests(FILES) });
  const seen = hub.asked.map(({ path, authorization }) => `${path.startsWith('large:')} ${authorization}`);
  expect(new Set(seen)).toEqual(new Set(['false Bearer hf_right', 'true undefined']));
});

test('two tabs that open one repository download it once', async () => {
  hub.publish('tiny/both', FILES);
  const second = await openPage();
  const told = async (): Promise<string[]> => [...(await said()), ...(await said(second))];
  hub.before = ({ path, range }, response) => {
    if (!path.startsWith('large:')) return false;
    // Not before the other tab waits.
    void expect
      .poll(told, { timeout: 60_000 })
      .not.toEqual([])
      .then(() => part(response, LARGE, range));
    return true;
  };
  const both = await Promise.all([open('tiny/both'), open('tiny/both', {}, second)]);
  expect(both).toEqual([{ files: digests(FILES) }, { files: digests(FILES) }]);
  expect(begins()).toEqual([0, 0, PART]);
  expect(await told()).toEqual(['hub: another tab is downloading tiny/both; waiting for it to finish.']);
});

test('full storage: one sentence, before or during the download, and what arrived is kept', async () => {
  hub.publish('tiny/large', FILES);
  // A private window, which the other tests use, keeps its files in memory and counts them when they are opened.
  await context.close();
  context = await chromium.launchPersistentContext(mkdtempSync(join(built, 'profile-')), findChromium());
  page = await openPage();
  const limited = await context.newCDPSession(page);
  const allow = (quotaSize?: number) => limited.send('Storage.overrideQuotaForOrigin', { origin: address, quotaSize });
  await allow(10_000_000);
  expect((await open('tiny/large')).error).toEqual([
    'HubError',
    expect.stringMatching(
      /^hub: tiny\/large needs 20\.0 MB more, and this browser has [\d.]+ k?B of the 10\.0 MB that it allows the page; free some in the browser's settings, or use a smaller model; what has arrived is kept\.$/,
    ),
  ]);
  expect(begins()).toEqual([]);
  /** Lets free space vanish when the server answers a request for the large file. */
  const shrinkAt = (begin: number, quotaSize: number) => {
    hub.before = ({ path, range }, response) => {
      if (!path.startsWith('large:') || range !== `bytes=${begin}-${Math.min(begin + PART, LARGE.length) - 1}`)
        return false;
      void allow(quotaSize).then(() => part(response, LARGE, range));
      return true;
    };
  };
  const allowed = (size: string) =>
    `and this browser has [\\d.]+ k?M?B of the ${size} MB that it allows the page; free some in the browser's settings, or use a smaller model; what has arrived is kept\\.$`;
  await allow(30_000_000);
  shrinkAt(0, 5_000_000);
  expect((await open('tiny/large')).error).toEqual([
    'HubError',
    expect.stringMatching(new RegExp(`^hub: tiny/large/model\\.safetensors does not fit, ${allowed('5\\.0')}`)),
  ]);
  await allow(30_000_000);
  shrinkAt(PART, 18_000_000);
  expect((await open('tiny/large')).error).toEqual([
    'HubError',
    expect.stringMatching(new RegExp(`^hub: tiny/large/model\\.safetensors does not fit, ${allowed('18\\.0')}`)),
  ]);
  hub.before = () => false;
  hub.asked.length = 0;
  await allow(60_000_000); // the browser takes room in steps
  expect(await open('tiny/large')).toEqual({ files: digests(FILES) });
  expect(hub.asked.filter(({ range }) => range === `bytes=0-${PART - 1}`)).toEqual([]);
});

test('what is not a name is refused', async () => {
  expect(await open('one')).toEqual({
    error: ['ConfigError', "hub: 'one' is not the name of a repository; write owner/name or owner/name@REVISION."],
  });
});
