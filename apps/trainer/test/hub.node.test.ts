/** Repositories of a hub as folders: what is downloaded, and how it lies in the cache. */
import fs, { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { lockFolder } from '../src/disk/lock.ts';
import { HubError } from '@curio/hub';
import { COMMAND_LINE_WORDS, hubSettings } from '../src/hub/settings.ts';
import { openTalk } from '../src/talk/open.ts';
import { below, useHub } from './hub-cache.ts';
import { bytes, large, refused, text } from '../../../packages/hub/test/contents.ts';
import { digestOf, filesOf } from '../../../packages/testing/src/hub-server.ts';
import { root } from './published.ts';

const at = useHub();

test('the environment determines hub, cache and token', () => {
  const home = mkdtempSync(join(tmpdir(), 'curio-home-'));
  expect(hubSettings({ HF_HOME: home, HF_HUB_CACHE: '' })).toEqual({
    ...{ endpoint: 'https://huggingface.co', cache: join(home, 'hub'), token: null, offline: false, pause: 500 },
    words: COMMAND_LINE_WORDS,
  });
  writeFileSync(join(home, 'token'), 'hf_file\n');
  expect(hubSettings({ HF_HOME: home, HF_HUB_OFFLINE: 'ON' })).toMatchObject({ token: 'hf_file', offline: true });
  const all = {
    HF_HOME: home,
    HF_TOKEN: ' hf_own ',
    HF_ENDPOINT: 'http://x/y/',
    HF_HUB_CACHE: '/c',
    HF_HUB_OFFLINE: '0',
  };
  expect(hubSettings(all)).toMatchObject({ endpoint: 'http://x/y', cache: '/c', token: 'hf_own', offline: false });
  expect(hubSettings({}).cache).toBe(join(homedir(), '.cache/huggingface/hub'));
  expect(hubSettings({ HF_HUB_CACHE: '~/x' }).cache).toBe(join(homedir(), 'x'));
  expect(hubSettings({ XDG_CACHE_HOME: home }).cache).toBe(join(home, 'huggingface/hub'));
});

test("settings, tokenizer and one format of weights are downloaded into the cache's layout, and only once", async () => {
  const files = filesOf(join(root, 'transformers-5/language'));
  const unneeded = {
    'pytorch_model-00001-of-00001.bin': bytes(50, 1),
    'pytorch_model.bin.index.json': text({ weight_map: { a: 'pytorch_model-00001-of-00001.bin' } }),
    'README.md': text('hello'),
    'tf_model.h5': bytes(50, 2),
    'checkpoint-10/model.safetensors': bytes(50, 3),
    'model.fp16.safetensors': bytes(50, 4),
    '../outside.json': text({}),
  };
  const commit = at.hub.publish('tiny/language', new Map([...Object.entries(unneeded), ...files]));
  const said: number[][] = [];
  const folder = await at.open('tiny/language', {}, { onBytes: (done, total) => said.push([done, total]) });
  expect(folder).toBe(join(at.repoFolder('tiny/language'), 'snapshots', commit));
  expect(below(folder)).toEqual([...files.keys()].sort());
  for (const [path, content] of files) {
    expect(readlinkSync(join(folder, path))).toBe(`../../blobs/${digestOf(path, content)}`);
    expect(Buffer.compare(readFileSync(join(folder, path)), content)).toBe(0);
  }
  expect(below(join(at.repoFolder('tiny/language'), 'refs'))).toEqual(['main']);
  expect(readFileSync(join(at.repoFolder('tiny/language'), 'refs/main'), 'utf8')).toBe(commit);
  expect(below(join(at.repoFolder('tiny/language'), 'blobs'))).toHaveLength(files.size);
  expect(below(join(at.cache, '.locks'))).toEqual([]);
  const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  expect(said.at(-1)).toEqual([size, size]);

  at.hub.asked.length = 0;
  expect(await at.open('tiny/language')).toBe(folder);
  expect(at.downloads()).toEqual([]);
});

test('a branch is followed, a tag and a commit are kept, and unchanged files are not downloaded again', async () => {
  const [a, b] = [bytes(100, 1), bytes(100, 2)];
  const first = at.hub.publish(
    'tiny/moving',
    new Map(Object.entries({ 'config.json': text(1), 'model.safetensors': a })),
  );
  at.hub.publish(
    'tiny/moving',
    new Map(Object.entries({ 'config.json': text(1), 'model.safetensors': a })),
    'refs/pr/1',
  );
  const before = await at.open('tiny/moving');
  const second = at.hub.publish(
    'tiny/moving',
    new Map(Object.entries({ 'config.json': text(1), 'model.safetensors': b })),
  );
  at.hub.asked.length = 0;
  const after = await at.open('tiny/moving');
  expect([before, after].map((path) => path.slice(-40))).toEqual([first, second]);
  expect(new Set(at.downloads())).toEqual(new Set(['model.safetensors']));
  expect(await at.open(`tiny/moving@${first}`)).toBe(before);
  expect(await at.open('tiny/moving@refs/pr/1')).toBe(before);
  expect(below(join(at.repoFolder('tiny/moving'), 'refs'))).toEqual(['main', 'refs/pr/1']);
});

test('offline only the cache is used', async () => {
  const commit = at.hub.publish('tiny/offline', new Map([['config.json', text({})]]));
  await refused(
    at.open('tiny/offline', { offline: true }),
    HubError,
    `hub: tiny/offline is not a folder here, nor in ${at.cache}, and HF_HUB_OFFLINE is set; unset it, or give a folder on this machine.`,
  );
  const folder = await at.open('tiny/offline');
  at.hub.asked.length = 0;
  expect(await at.open('tiny/offline', { offline: true })).toBe(folder);
  expect(await at.open(`tiny/offline@${commit}`, { offline: true })).toBe(folder);
  await refused(
    at.open('tiny/offline@v2', { offline: true }),
    HubError,
    `hub: tiny/offline@v2 is not a folder here, nor in ${at.cache}, and HF_HUB_OFFLINE is set; unset it, or give a folder on this machine.`,
  );
  expect(at.hub.asked).toEqual([]);
});

test('of several at once, one downloads and the others wait', async () => {
  at.hub.publish('tiny/shared', large());
  const said: string[] = [];
  const folders = await Promise.all(
    Array.from({ length: 4 }, () => at.open('tiny/shared', {}, { say: (line) => said.push(line) })),
  );
  expect(new Set(folders).size).toBe(1);
  expect(at.begins().filter((at) => at === 16_777_216)).toHaveLength(1);
  expect(said).toHaveLength(3);
  expect(said[0]).toMatch(/^hub: process \d+ on \S+ is downloading tiny\/shared; waiting for it to finish\.$/);
  expect(below(join(at.cache, '.locks'))).toEqual([]);
  // A lock that its owner left behind counts no more: that of a process that has ended.
  const locks = join(at.cache, '.locks/models--tiny--shared');
  lockFolder(locks)();
  writeFileSync(join(locks, 'lock-1'), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), began: null }));
  rmSync(join(at.repoFolder('tiny/shared'), 'refs'), { recursive: true });
  await at.open('tiny/shared');
});

test('if links are forbidden, the files themselves are in the snapshot', async () => {
  at.hub.publish('tiny/plain', new Map([['config.json', text({})]]));
  const { symlinkSync } = fs;
  fs.symlinkSync = () => {
    throw Object.assign(new Error('no'), { code: 'EPERM', syscall: 'symlink' });
  };
  syncBuiltinESMExports();
  try {
    const folder = await at.open('tiny/plain');
    expect(fs.lstatSync(join(folder, 'config.json')).isFile()).toBe(true);
    at.hub.asked.length = 0;
    expect(await at.open('tiny/plain')).toBe(folder);
    expect(at.downloads()).toEqual([]);
  } finally {
    fs.symlinkSync = symlinkSync;
    syncBuiltinESMExports();
  }
});

test('a model in use is called by its name, and its source is pinned', async () => {
  const [model, adapter, vision] = ['language', 'adapter', 'tower'].map((part) => {
    const name = `tiny/${part}`;
    return `${name}@${at.hub.publish(name, filesOf(join(root, 'transformers-5', part)))}`;
  });
  vi.stubEnv('HF_ENDPOINT', at.hub.endpoint);
  vi.stubEnv('HF_HUB_CACHE', at.cache);
  try {
    const options = { vision: 'tiny/tower', adapter: ['one=tiny/adapter', 'tiny/adapter'], seed: 1 };
    const talk = await openTalk('ask', { ...options, model: 'tiny/language' });
    talk.close();
    expect(talk.models.map(({ name }) => name)).toEqual(['one', 'adapter']);
    for (const { from } of talk.models) expect(from).toEqual({ model, vision, adapter });
  } finally {
    vi.unstubAllEnvs();
  }
});
