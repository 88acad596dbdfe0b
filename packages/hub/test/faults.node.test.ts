/** What a hub refuses, and all that can go wrong on the way from it: one sentence each, and nothing half written. */
import { WeightError } from '@curio/engine';
import { expect, test } from 'vitest';
import { HubError, HubUnreachable } from '../src/index.ts';
import { digestOf, json, part, refuse } from '../../testing/src/hub-server.ts';
import type { Before } from '../../testing/src/hub-server.ts';
import { bytes, digestsOf, LARGE, large, refused, text } from './contents.ts';
import { MemoryCache } from './memory-cache.ts';
import { useHub } from './use-hub.ts';

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
  const other = new MemoryCache();
  const page = `${at.hub.endpoint}/tiny/private`;
  const sentence = (token: string | null, text: string) =>
    refused(at.open('tiny/private', { token, into: other }), HubError, text);
  await sentence(
    null,
    `hub: tiny/private is gated and no token was sent; accept its terms at ${page} and give your token under "token".`,
  );
  await sentence('hf_other', `hub: tiny/private is gated and your token may not read it; ask for access at ${page}.`);
  await sentence(
    'hf_wrong',
    `hub: ${at.hub.endpoint} refuses your token (401 Unauthorized, Invalid credentials in Authorization header); create another at ${at.hub.endpoint}/settings/tokens and give it under "token".`,
  );
  expect(other.drafts.size + other.files.size).toBe(0);
});

test('a missing repository, revision or file is reported in a sentence', async () => {
  await refused(
    at.open('tiny/none'),
    HubError,
    `hub: tiny/none is not on board, nor a repository that ${at.hub.endpoint} shows without a token (401 Unauthorized, Repository not found); check the name, or give a token that may read it under "token".`,
  );
  await refused(
    at.open('tiny/none', { token: 'hf_x' }),
    HubError,
    `hub: tiny/none is not on board, nor a repository that ${at.hub.endpoint} shows to your token (401 Unauthorized, Repository not found); check the name, or give a token that may read it under "token".`,
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
  expect(Object.keys(await at.open('tiny/away'))).toEqual(['config.json']);
});

test('a connection that is cut goes on where it broke off, and a later download where an earlier one did', async () => {
  at.hub.publish('tiny/cut', large());
  at.hub.before = ({ path, range }, response) =>
    path.startsWith('large:') && (part(response, LARGE, range, 6_000_000), true);
  expect(await at.open('tiny/cut')).toEqual(digestsOf(large()));
  const [first, ...rest] = at.begins();
  expect(first).toBe(0);
  expect(new Set(rest).size).toBe(rest.length); // after the first byte, which tells the size, each at a place of its own
  expect(rest).toContain(16_777_216);

  // The second part never comes.
  const into = new MemoryCache();
  at.hub.before = ({ path, range }, response) => {
    if (!path.startsWith('large:') || Number(/\d+/.exec(range!)) < 16_777_216) return false;
    part(response, LARGE, range, 0);
    return true;
  };
  await refused(
    at.open('tiny/cut', { into }),
    WeightError,
    'http: tiny/cut/model.safetensors: the connection was cut off at byte 16777216 of 20000000, 5 times; try again when the network is better.',
  );
  expect([...into.drafts.values()].map(({ length }) => length)).toEqual([16_777_216]);
  expect(into.commits.size).toBe(0);
  at.hub.before = () => false;
  at.hub.asked.length = 0;
  const said: number[] = [];
  expect(await at.open('tiny/cut', { into }, { onBytes: (done) => said.push(done) })).toEqual(digestsOf(large()));
  expect(at.begins()).toEqual([0, 16_777_216]); // the size first, by the first byte
  expect(said[1]).toBe(said[0]! + 16_777_216);
  expect(into.drafts.size).toBe(0);
});

test('a damaged or overlong draft is started over, and a file of another size is replaced', async () => {
  at.hub.publish('tiny/damaged', large());
  const digest = digestOf('a.bin', LARGE);
  for (const [kind, content] of [
    ['drafts', bytes(9_000_000, 3)],
    ['drafts', bytes(20_000_001, 3)],
    ['files', bytes(5, 1)],
  ] as const) {
    const into = new MemoryCache();
    into[kind].set(digest, content);
    expect(await at.open('tiny/damaged', { into })).toEqual(digestsOf(large()));
    expect([into.drafts.size, into.files.size]).toEqual([0, 2]);
  }
});

test('sizes and digests other than the listed ones are refused, and nothing of the file is left', async () => {
  const config = text({ a: 1 });
  at.hub.publish('tiny/lying', new Map([['config.json', config]]));
  const left = (): number => at.cache.files.size + at.cache.drafts.size;
  const lie = (body: Uint8Array) => {
    at.hub.before = ({ path, range }, response) => path.includes('resolve') && (part(response, body, range), true);
  };
  lie(text({ a: 12 }));
  await refused(
    at.open('tiny/lying'),
    HubError,
    'hub: tiny/lying/config.json has 8 bytes on the server and the hub lists 7; try again later, or give another revision.',
  );
  expect(left()).toBe(0);
  const other = text({ a: 2 });
  lie(other);
  await refused(
    at.open('tiny/lying'),
    HubError,
    `hub: tiny/lying/config.json arrived with digest ${digestOf('x', other)} and the hub lists ${digestOf('x', config)}; it was deleted, try again.`,
  );
  expect(left()).toBe(0);
  // Longer than it says in its own head.
  at.hub.before = ({ path, range }, response) => {
    if (!path.includes('resolve') || range === 'bytes=0-0') return false;
    response.writeHead(206, { 'content-range': 'bytes 0-6/7', etag: 'W/"x"' }).end(text({ a: 12345 }));
    return true;
  };
  await expect(at.open('tiny/lying')).rejects.toThrow(/^http: tiny\/lying\/config\.json: /);
  expect(at.cache.files.size).toBe(0);
});

test('a hub that sends no listings, or impossible ones, is refused in a sentence', async () => {
  const commit = at.hub.publish('tiny/odd', new Map([['config.json', text({})]]));
  const remedy = 'give the address of a Hugging Face hub under "hub"';
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
  const files = await at.open('tiny/busy');
  failures = Infinity;
  const said: string[] = [];
  at.hub.asked.length = 0;
  expect(await at.open('tiny/busy', {}, { say: (line) => said.push(line) })).toEqual(files);
  expect(at.hub.asked).toHaveLength(5);
  const wrong = `hub: ${at.hub.endpoint} answered 503 Service Unavailable, 5 times, for tiny/busy, which is not on board`;
  expect(said).toEqual([`${wrong}; the copy in the memory is used.`]);
  await refused(
    at.open('tiny/busy', { into: new MemoryCache() }),
    HubUnreachable,
    `${wrong}; try again when the network is better, or ask the crew.`,
  );
  await refused(
    at.open('tiny/busy', { into: new MemoryCache(), endpoint: 'http://127.0.0.1:9' }),
    HubUnreachable,
    'hub: http://127.0.0.1:9 cannot be reached (bad port), 5 times, for tiny/busy, which is not on board; try again when the network is better, or ask the crew.',
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
  expect(await at.open('tiny/slow')).toEqual(digestsOf(large()));
});
