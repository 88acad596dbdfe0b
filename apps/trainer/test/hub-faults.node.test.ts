/** What a hub refuses, and all that can go wrong on the way from it: one sentence each, and nothing half written. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { WeightError } from '@curio/engine';
import { HubError, HubUnreachable } from '@curio/hub';
import { below, bytes, LARGE, large, refused, text, useHub } from './hub-cache.ts';
import { digestOf, json, part, refuse } from '../../../packages/testing/src/hub-server.ts';
import type { Before } from '../../../packages/testing/src/hub-server.ts';

const at = useHub();

test('the token is sent to the hub, and to no other server', async () => {
  at.hub.publish('tiny/private', large());
  const asked: Before = ({ path, authorization }, response) => {
    if (path.startsWith('large:') || authorization === 'Bearer hf_right') return false;
    if (authorization === undefined) refuse(response, 401, 'GatedRepo', 'Access to model tiny/private is restricted.');
    else if (authorization === 'Bearer hf_other') refuse(response, 403, 'GatedRepo', 'not in the list');
    else refuse(response, 401, null, 'Invalid credentials in Authorization header');
    return true;
  };
  at.hub.before = asked;
  await at.open('tiny/private', { token: 'hf_right' });
  const seen = at.hub.asked.map(({ path, authorization }) => `${path.startsWith('large:')} ${authorization}`);
  expect(new Set(seen)).toEqual(new Set(['false Bearer hf_right', 'true undefined']));

  // Nor where a list leads to one.
  at.hub.asked.length = 0;
  at.hub.before = ({ path }, response) => {
    if (path.includes('/tree/')) response.setHeader('link', `<${at.hub.large}/more>; rel="next"`);
    return path === 'large:/more' && (json(response, []), true);
  };
  await at.open('tiny/private', { token: 'hf_right' });
  expect(at.hub.asked.find(({ path }) => path === 'large:/more')).toMatchObject({ authorization: undefined });

  at.hub.before = asked;
  const page = `${at.hub.endpoint}/tiny/private`;
  const sentence = (token: string | null, text: string) =>
    refused(at.open('tiny/private', { token, cache: `${at.cache}-2` }), HubError, text);
  await sentence(
    null,
    `hub: tiny/private is gated and no token was sent; accept its terms at ${page} and give your token in HF_TOKEN.`,
  );
  await sentence('hf_other', `hub: tiny/private is gated and your token may not read it; ask for access at ${page}.`);
  await sentence(
    'hf_wrong',
    `hub: ${at.hub.endpoint} refuses your token (401 Unauthorized, Invalid credentials in Authorization header); create another at ${at.hub.endpoint}/settings/tokens and give it in HF_TOKEN.`,
  );
  expect(existsSync(`${at.cache}-2`)).toBe(false);
});

test('a missing repository, revision or file is reported in a sentence', async () => {
  await refused(
    at.open('tiny/none'),
    HubError,
    `hub: tiny/none is not a folder here, nor a repository that ${at.hub.endpoint} shows without a token (401 Unauthorized, Repository not found); check the name, or give a token that may read it in HF_TOKEN.`,
  );
  await refused(
    at.open('tiny/none', { token: 'hf_x' }),
    HubError,
    `hub: tiny/none is not a folder here, nor a repository that ${at.hub.endpoint} shows to your token (401 Unauthorized, Repository not found); check the name, or give a token that may read it in HF_TOKEN.`,
  );
  at.hub.publish('tiny/there', new Map([['config.json', text({})]]));
  await refused(
    at.open('tiny/there@v2'),
    HubError,
    `hub: tiny/there has no revision 'v2'; give a branch, a tag or a commit of ${at.hub.endpoint}/tiny/there.`,
  );
  at.hub.before = ({ path }, response) =>
    path.includes('resolve') && (refuse(response, 404, 'EntryNotFound', 'no'), true);
  const commit = at.hub.publish('tiny/there', new Map([['config.json', text({})]]));
  await refused(
    at.open('tiny/there'),
    HubError,
    `hub: ${at.hub.endpoint}/tiny/there/resolve/${commit}/config.json was answered with 404 Not Found, no; try again later.`,
  );
  at.hub.before = () => false;
  at.hub.publish('tiny/data', new Map([['train.parquet', bytes(9, 1)]]));
  await refused(
    at.open('tiny/data'),
    HubError,
    'hub: tiny/data has no config.json, adapter or weights among its 1 files; give a repository in Hugging Face layout.',
  );
  const index = text({ weight_map: { a: 'model-1.safetensors', b: '../x.safetensors' } });
  // Names that lead out of the folder are none, even where the hub lists them.
  const away = { '../x.safetensors': bytes(9, 1), '../tower/config.json': text({}) };
  const config = text({ mm_vision_tower: '../tower' });
  const shard = { 'model.safetensors.index.json': index, 'model-1.safetensors': LARGE };
  at.hub.publish('tiny/half', new Map(Object.entries({ ...shard, ...away })));
  await refused(
    at.open('tiny/half'),
    HubError,
    "hub: tiny/half: model.safetensors.index.json names the shard '../x.safetensors', which the repository does not have; ask its owner, or give another revision.",
  );
  at.hub.publish('tiny/away', new Map(Object.entries({ 'config.json': config, ...away })));
  expect(below(await at.open('tiny/away'))).toEqual(['config.json']);
  expect(below(at.cache).filter((path) => path.endsWith('tower/config.json'))).toEqual([]);
});

test('an interrupted connection resumes where it stopped, and so does what a killed process left', async () => {
  at.hub.publish('tiny/cut', large());
  at.hub.before = ({ path, range }, response) =>
    path.startsWith('large:') && (part(response, LARGE, range, 6_000_000), true);
  const folder = await at.open('tiny/cut');
  expect(Buffer.compare(readFileSync(join(folder, 'model.safetensors')), LARGE)).toBe(0);
  const [first, ...rest] = at.begins();
  expect(first).toBe(0);
  expect(new Set(rest).size).toBe(rest.length); // after the first byte, which tells the size, each at a place of its own
  expect(rest).toContain(16_777_216);

  at.hub.publish('tiny/stopped', large());
  rmSync(at.repoFolder('tiny/cut'), { recursive: true });
  // The second part never comes.
  const cutAt = (asked: { path: string; range: string | undefined }, response: Parameters<typeof part>[0]): boolean => {
    if (!asked.path.startsWith('large:')) return false;
    if (Number(/\d+/.exec(asked.range!)) < 16_777_216) return false;
    part(response, LARGE, asked.range, 0);
    return true;
  };
  at.hub.before = cutAt;
  await refused(
    at.open('tiny/stopped'),
    WeightError,
    'http: tiny/stopped/model.safetensors: the connection was cut off at byte 16777216 of 20000000, 5 times; try again when the network is better.',
  );
  expect(
    below(at.repoFolder('tiny/stopped'))
      .map((path) => path.replace(/\w{40,}/, 'DIGEST'))
      .sort(),
  ).toEqual(['blobs/DIGEST', 'blobs/DIGEST.curio.incomplete']);
  expect(below(join(at.cache, '.locks'))).toEqual([]);
  at.hub.before = () => false;
  at.hub.asked.length = 0;
  const said: number[] = [];
  const whole = await at.open('tiny/stopped', {}, { onBytes: (done) => said.push(done) });
  expect(at.begins()).toEqual([0, 16_777_216]); // the size first, by the first byte
  expect(said[1]).toBe(said[0]! + 16_777_216);
  expect(Buffer.compare(readFileSync(join(whole, 'model.safetensors')), LARGE)).toBe(0);
  expect(below(join(at.repoFolder('tiny/stopped'), 'blobs')).filter((name) => name.includes('.'))).toEqual([]);
});

test('a damaged or overlong draft is started over, and a file of another size is replaced', async () => {
  at.hub.publish('tiny/damaged', large());
  const blob = join(at.repoFolder('tiny/damaged'), 'blobs', digestOf('a.bin', LARGE));
  mkdirSync(dirname(blob), { recursive: true });
  for (const [path, content] of [
    [`${blob}.curio.incomplete`, bytes(9_000_000, 3)],
    [`${blob}.curio.incomplete`, bytes(20_000_001, 3)],
    [blob, bytes(5, 1)],
  ] as const) {
    writeFileSync(path, content);
    const folder = await at.open('tiny/damaged');
    expect(Buffer.compare(readFileSync(join(folder, 'model.safetensors')), LARGE)).toBe(0);
    expect(below(dirname(blob))).toHaveLength(2);
    rmSync(join(at.repoFolder('tiny/damaged'), 'snapshots'), { recursive: true });
    rmSync(blob);
  }
});

test('sizes and digests other than the listed ones are refused, and nothing of the file is left', async () => {
  const config = text({ a: 1 });
  at.hub.publish('tiny/lying', new Map([['config.json', config]]));
  const left = (): string[] => below(at.repoFolder('tiny/lying'));
  const lie = (body: Uint8Array) => {
    at.hub.before = ({ path, range }, response) => path.includes('resolve') && (part(response, body, range), true);
  };
  lie(text({ a: 12 }));
  await refused(
    at.open('tiny/lying'),
    HubError,
    'hub: tiny/lying/config.json has 8 bytes on the server and the hub lists 7; try again later, or give another revision.',
  );
  expect(left()).toEqual([]);
  const other = text({ a: 2 });
  lie(other);
  await refused(
    at.open('tiny/lying'),
    HubError,
    `hub: tiny/lying/config.json arrived with digest ${digestOf('x', other)} and the hub lists ${digestOf('x', config)}; it was deleted, try again.`,
  );
  expect(left()).toEqual([]);
  // Longer than it says in its own head.
  at.hub.before = ({ path, range }, response) => {
    if (!path.includes('resolve') || range === 'bytes=0-0') return false;
    response.writeHead(206, { 'content-range': 'bytes 0-6/7', etag: 'W/"x"' }).end(text({ a: 12345 }));
    return true;
  };
  await expect(at.open('tiny/lying')).rejects.toThrow(/^http: tiny\/lying\/config\.json: /);
  expect(left().filter((path) => !path.endsWith('.curio.incomplete'))).toEqual([]);
});

test('a hub that sends no listings, or impossible ones, is refused in a sentence', async () => {
  const commit = at.hub.publish('tiny/odd', new Map([['config.json', text({})]]));
  const remedy = 'give the address of a Hugging Face hub in HF_ENDPOINT';
  const answers = (kind: string, body: unknown) => {
    at.hub.before = ({ path }, response) => path.includes(`/${kind}/`) && (json(response, body), true);
  };
  answers('revision', { lastModified: 0, sha: '../../x' });
  await refused(
    at.open('tiny/odd'),
    HubError,
    `hub: ${at.hub.endpoint} gives '../../x' as the commit of tiny/odd; ${remedy}.`,
  );
  answers('revision', 'hello');
  await refused(
    at.open('tiny/odd'),
    HubError,
    `hub: ${at.hub.endpoint} gives 'undefined' as the commit of tiny/odd; ${remedy}.`,
  );
  for (const [entry, shown] of [
    [{ size: 2, oid: '../../../x' }, "2 bytes and digest '../../../x'"],
    [{ size: -2, oid: commit }, `-2 bytes and digest '${commit}'`],
    [{ size: 2, lfs: { oid: commit, size: 2 } }, `2 bytes and digest '${commit}'`],
  ] as const) {
    answers('tree', [{ type: 'file', path: 'config.json', ...entry }]);
    await refused(
      at.open('tiny/odd'),
      HubError,
      `hub: ${at.hub.endpoint} lists config.json with ${shown} in the files of tiny/odd; ${remedy}.`,
    );
  }
  at.hub.before = ({ path }, response) => path.includes('/tree/') && (response.end('<html>'), true);
  await expect(at.open('tiny/odd')).rejects.toThrow(
    /^hub: .* sent no list \(Unexpected token .*\) of tiny\/odd; give the/,
  );
});

test('a hub that fails temporarily is asked again; then the cached copy is used, with a message', async () => {
  at.hub.publish('tiny/busy', new Map([['config.json', text({})]]));
  let failures = 3;
  at.hub.before = (_, response) => failures-- > 0 && (refuse(response, 503, null, 'busy'), true);
  const folder = await at.open('tiny/busy');
  failures = Infinity;
  const said: string[] = [];
  at.hub.asked.length = 0;
  expect(await at.open('tiny/busy', {}, { say: (line) => said.push(line) })).toBe(folder);
  expect(at.hub.asked).toHaveLength(5);
  const wrong = `hub: ${at.hub.endpoint} answered 503 Service Unavailable, 5 times, for tiny/busy, which is not a folder here`;
  expect(said).toEqual([`${wrong}; the copy in ${at.cache} is used.`]);
  await refused(
    at.open('tiny/busy', { cache: `${at.cache}-2` }),
    HubUnreachable,
    `${wrong}; try again when the network is better, or give a folder on this machine.`,
  );
  await refused(
    at.open('tiny/busy', { cache: `${at.cache}-2`, endpoint: 'http://127.0.0.1:9' }),
    HubUnreachable,
    'hub: http://127.0.0.1:9 cannot be reached (bad port), 5 times, for tiny/busy, which is not a folder here; try again when the network is better, or give a folder on this machine.',
  );
  // A file, too: the first answer to each request is 500.
  const failed = new Set<string>();
  at.hub.publish('tiny/slow', large());
  at.hub.before = ({ path, range }, response) => {
    if (failed.has(path + range)) return false;
    failed.add(path + range);
    refuse(response, 500, null, 'oops');
    return true;
  };
  expect(below(await at.open('tiny/slow'))).toEqual(['config.json', 'model.safetensors']);
});
