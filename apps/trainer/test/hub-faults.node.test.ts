/** What is left on the disk where a download fails, and that sentences name what the command line calls things. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { WeightError } from '@curio/engine';
import { HubError } from '@curio/hub';
import { below, useHub } from './hub-cache.ts';
import { bytes, LARGE, large, refused, text } from '../../../packages/hub/test/contents.ts';
import { digestOf, part } from '../../../packages/testing/src/hub-server.ts';

const at = useHub();

test('sentences name HF_TOKEN and HF_ENDPOINT, and that a name is no folder either', async () => {
  await refused(
    at.open('tiny/none'),
    HubError,
    `hub: tiny/none is not a folder here, nor a repository that ${at.hub.endpoint} shows without a token (401 Unauthorized, Repository not found); check the name, or give a token that may read it in HF_TOKEN.`,
  );
  at.hub.publish('tiny/odd', new Map([['config.json', text({})]]));
  at.hub.before = ({ path }, response) => path.includes('/tree/') && (response.end('<html>'), true);
  await expect(at.open('tiny/odd')).rejects.toThrow(
    /^hub: .* of tiny\/odd; give the address of a Hugging Face hub in HF_ENDPOINT\.$/,
  );
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
