/** What comes of a repository, and when. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { HubError } from '../src/index.ts';
import { digestOf, filesOf } from '../../testing/src/hub-server.ts';
import { bytes, digestsOf, large, refused, text } from './contents.ts';
import { MemoryCache } from './memory-cache.ts';
import { useHub } from './use-hub.ts';

const published = (folder: string) => filesOf(resolve(import.meta.dirname, '../../testing/published', folder));
const at = useHub();

test('settings, tokenizer and one format of weights come, and only once', async () => {
  const files = published('transformers-5/language');
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
  const snapshot = await at.open('tiny/language', {}, { onBytes: (done, total) => said.push([done, total]) });
  expect(snapshot).toEqual(digestsOf(files));
  expect(new Set(at.cache.files.keys())).toEqual(new Set([...files].map(([path, content]) => digestOf(path, content))));
  expect([...at.cache.revisions]).toEqual([['main', commit]]);
  const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  expect(said.at(-1)).toEqual([size, size]);

  at.hub.asked.length = 0;
  expect(await at.open('tiny/language')).toEqual(snapshot);
  expect(at.downloads()).toEqual([]);
});

test('of an adapter its own weights and Vit-lora are downloaded, of a merged model its tower too', async () => {
  const adapter = published('transformers-4.31/adapter');
  at.hub.publish('tiny/adapter', adapter);
  const expected = [...adapter.keys()].filter((path) => path !== 'trainer_state.json').sort();
  expect(Object.keys(await at.open('tiny/adapter')).sort()).toEqual(expected);
  const inside = { 'vision_tower/config.json': text({}), 'vision_tower/model.safetensors': bytes(9, 1) };
  const said = { 'config.json': text({ mm_vision_tower: 'vision_tower' }), 'model.safetensors': bytes(9, 2) };
  at.hub.publish('tiny/merged', new Map(Object.entries({ ...said, ...inside, 'other/config.json': text({}) })));
  expect(Object.keys(await at.open('tiny/merged')).sort()).toEqual(Object.keys({ ...said, ...inside }).sort());
  const settings = await at.open('tiny/merged@main', { into: new MemoryCache() }, { weights: false });
  expect(Object.keys(settings)).toEqual(['config.json', 'vision_tower/config.json']);
});

test('a branch is followed, a tag and a commit are kept, and unchanged files are not downloaded again', async () => {
  const version = (seed: number) =>
    new Map(Object.entries({ 'config.json': text(1), 'model.safetensors': bytes(100, seed) }));
  const first = at.hub.publish('tiny/moving', version(1));
  at.hub.publish('tiny/moving', version(1), 'refs/pr/1');
  expect(await at.open('tiny/moving')).toEqual(digestsOf(version(1)));
  const second = at.hub.publish('tiny/moving', version(2));
  at.hub.asked.length = 0;
  expect(await at.open('tiny/moving')).toEqual(digestsOf(version(2)));
  expect(new Set(at.downloads())).toEqual(new Set(['model.safetensors']));
  expect(await at.open(`tiny/moving@${first}`)).toEqual(digestsOf(version(1)));
  expect(await at.open('tiny/moving@refs/pr/1')).toEqual(digestsOf(version(1)));
  expect([...at.cache.revisions]).toEqual([
    ['main', second],
    ['refs/pr/1', first],
  ]);
});

test('offline only the cache is used', async () => {
  const commit = at.hub.publish('tiny/offline', new Map([['config.json', text({})]]));
  const sentence = (name: string): string =>
    `hub: ${name} is not on board, nor in the memory, and the plane is in the air; land.`;
  await refused(at.open('tiny/offline', { offline: true }), HubError, sentence('tiny/offline'));
  const snapshot = await at.open('tiny/offline');
  at.hub.asked.length = 0;
  expect(await at.open('tiny/offline', { offline: true })).toEqual(snapshot);
  expect(await at.open(`tiny/offline@${commit}`, { offline: true })).toEqual(snapshot);
  await refused(at.open('tiny/offline@v2', { offline: true }), HubError, sentence('tiny/offline@v2'));
  expect(at.hub.asked).toEqual([]);
});

test('of several at once, one downloads and the others wait', async () => {
  at.hub.publish('tiny/shared', large());
  const said: string[] = [];
  const each = Array.from({ length: 4 }, () => at.open('tiny/shared', {}, { say: (line) => said.push(line) }));
  for (const snapshot of await Promise.all(each)) expect(snapshot).toEqual(digestsOf(large()));
  expect(at.begins().filter((begin) => begin === 16_777_216)).toHaveLength(1);
  expect(said).toEqual(Array(3).fill('hub: somebody else is downloading tiny/shared; waiting for it to finish.'));
});

test('where the cache has no room nothing is downloaded', async () => {
  at.hub.publish('tiny/big', large());
  const asked: [string, number][] = [];
  const into = Object.assign(new MemoryCache(), {
    requireRoom: async (files: readonly { path: string; size: number }[]) => {
      asked.push(...files.map(({ path, size }): [string, number] => [path, size]));
      throw new HubError('tiny/big does not fit', 'take a smaller one');
    },
  });
  await refused(at.open('tiny/big', { into }), HubError, 'hub: tiny/big does not fit; take a smaller one.');
  expect(asked).toEqual([
    ['config.json', 2],
    ['model.safetensors', 20_000_000],
  ]);
  expect(at.begins()).toEqual([]);
});
