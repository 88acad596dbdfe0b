import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CurioError, WeightError } from '@curio/engine';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { httpFolder, openHttpSource } from '../src/files/byte-sources.ts';
import { encodeSafetensors, joinBytes } from '../src/files/safetensors.ts';
import { openWeightFolder } from '../src/files/weight-folder.ts';

const FILE = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7 + (i >> 8)) % 256);

/** What the server does with a request for `begin` to `end`; the number counts the requests. */
type Behaviour = (request: IncomingMessage, response: ServerResponse, range: [number, number], count: number) => void;

let server: Server;
let address: string;
let behaviour: Behaviour;
let requests: string[] = [];

/** 206 with the part, which may be said to be another or hold other bytes. */
function part(
  response: ServerResponse,
  [begin, end]: [number, number],
  headers = {},
  body: Uint8Array = FILE.subarray(begin, end),
): void {
  response.writeHead(206, {
    'content-range': `bytes ${begin}-${end - 1}/${FILE.length}`,
    'content-length': end - begin,
    etag: '"one"',
    ...headers,
  });
  response.end(body);
}
const right: Behaviour = (_, response, range) => part(response, range);

beforeAll(async () => {
  server = createServer((request, response) => {
    const [, begin, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')!;
    requests.push(`${begin}-${end}`);
    behaviour(request, response, [Number(begin), Number(end) + 1], requests.length);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.bin`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
});

const open = async (how: Behaviour, options = {}) => {
  behaviour = how;
  return (await openHttpSource(`${address}?key=secret`, fetch, {
    name: 'model.bin',
    pause: 1,
    retries: 2,
    ...options,
  }))!;
};
/** Opens a file from a good server, which then behaves otherwise, and reads a part. */
const readFrom = async (how: Behaviour, options = {}): Promise<Uint8Array> => {
  const source = await open(right, options);
  behaviour = how;
  requests = [];
  return source.read(1000, 3000);
};
const refused = (reading: Promise<unknown>, message: string) =>
  expect(reading).rejects.toThrow(new WeightError(`http: model.bin: ${message}`));

test('the first request gives the size, and parts are read on demand', async () => {
  const source = await open(right);
  expect([source.size, requests]).toEqual([5000, ['0-0']]);
  expect([...(await source.read(1000, 3000))]).toEqual([...FILE.subarray(1000, 4000)]);
  expect(requests).toEqual(['0-0', '1000-3999']);
});

test('headers are sent with each request; a missing file is undefined, an empty one is empty', async () => {
  const seen: (string | undefined)[] = [];
  const asked: Behaviour = (request, response, range) => (
    seen.push(request.headers.authorization), part(response, range)
  );
  await (await open(asked, { headers: { authorization: 'Bearer x' } })).read(0, 2);
  expect(seen).toEqual(['Bearer x', 'Bearer x']);
  expect(await open((_, response) => response.writeHead(404).end('no'))).toBeUndefined();
  const empty = await open((_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end());
  expect(empty.size).toBe(0);
});

test('an interrupted connection resumes where it stopped', async () => {
  const cutting: Behaviour = (_, response, [begin, end], count) => {
    if (count > 2) return part(response, [begin, end]);
    response.writeHead(206, {
      'content-range': `bytes ${begin}-${end - 1}/5000`,
      'content-length': end - begin,
      etag: '"one"',
    });
    response.write(FILE.subarray(begin, begin + 700), () => response.destroy());
  };
  expect([...(await readFrom(cutting))]).toEqual([...FILE.subarray(1000, 4000)]);
  expect(requests[0]).toBe('1000-3999');
  expect(requests).toHaveLength(3);
});

test('an error of ours from the request is final', async () => {
  let asked = 0;
  const refusing = (): never => {
    asked++;
    throw new CurioError('hub: the token is refused; give another one.');
  };
  await expect(openHttpSource(address, refusing, { pause: 1 })).rejects.toThrow(
    new CurioError('hub: the token is refused; give another one.'),
  );
  expect(asked).toBe(1);
});

test('one that always breaks, or is never made, is given up with a sentence', async () => {
  await refused(
    readFrom((_, response) => response.destroy()),
    'the connection could not be made (fetch failed: other side closed), 3 times; try again when the network is better.',
  );
  await expect(openHttpSource('http://127.0.0.1:9/x.bin?key=secret', fetch, { retries: 0 })).rejects.toThrow(
    /^http: http:\/\/127\.0\.0\.1:9\/x\.bin: the connection could not be made \(fetch failed.*\), 1 times; try again when the network is better\.$/,
  );
  // Ended early without a word: the length was not told.
  await refused(
    readFrom((_, response, [begin, end]) => {
      response.writeHead(206, { 'content-range': `bytes ${begin}-${end - 1}/5000`, etag: '"one"' });
      response.end(begin === 1000 ? FILE.subarray(1000, 1010) : undefined);
    }),
    'the connection was cut off at byte 1010 of 4000, 3 times; try again when the network is better.',
  );
});

test('a busy server is asked again, and named if it stays busy', async () => {
  const busy: Behaviour = (_, response) => response.writeHead(503).end();
  const once: Behaviour = (request, response, range, count) =>
    count === 1 ? busy(request, response, range, count) : part(response, range);
  expect(await readFrom(once)).toHaveLength(3000);
  await refused(
    readFrom(busy),
    'the connection was answered 503 Service Unavailable, 3 times; try again when the network is better.',
  );
});

test('a silent connection counts as interrupted', async () => {
  await refused(
    readFrom(() => {}, { silence: 50, retries: 1 }),
    'the connection was silent for 0.05 s, 2 times; try again when the network is better.',
  );
  await refused(
    readFrom(
      (_, response, [begin, end]) => {
        response.writeHead(206, { 'content-range': `bytes ${begin}-${end - 1}/5000`, etag: '"one"' });
        response.write(FILE.subarray(begin, begin + 10));
      },
      { silence: 50, retries: 1 },
    ),
    'the connection was cut off at byte 1020 of 4000, 2 times; try again when the network is better.',
  );
});

test.each<[string, Behaviour, string]>([
  [
    'ignores Range',
    (_, response) => response.writeHead(200, { etag: '"one"' }).end(FILE),
    'the server answered a request for bytes 1000 to 3999 with the whole file; one that supports ranges is needed.',
  ],
  [
    'refuses',
    (_, response) => response.writeHead(403).end(),
    'the server answered 403 Forbidden to a request for bytes 1000 to 3999; it must be 206.',
  ],
  [
    'sends another part',
    (_, response) => part(response, [0, 3000]),
    "bytes 1000-3999/5000 were asked for and the server sent 'bytes 0-2999/5000'; the file is damaged or has changed.",
  ],
  [
    'lies about the size',
    (_, response, range) => part(response, range, { 'content-range': 'bytes 1000-3999/9000' }),
    "bytes 1000-3999/5000 were asked for and the server sent 'bytes 1000-3999/9000'; the file is damaged or has changed.",
  ],
  [
    'has another file now',
    (_, response, range) => part(response, range, { etag: '"two"' }),
    'it was "one" when it was opened and is "two" now; open it again.',
  ],
  [
    'sends too much',
    (_, response, range) => part(response, range, { 'content-length': 4000 }, FILE.subarray(1000, 5000)),
    'the server sent more than the 3000 bytes asked for; it is damaged.',
  ],
  [
    'compresses',
    (_, response, range) => part(response, range, { 'content-encoding': 'gzip' }),
    'the server sent bytes 1000 to 3999 as gzip; parts must be sent uncompressed.',
  ],
])('a server that %s', async (_, how, message) => {
  await refused(readFrom(how), message);
});

test('a server that ignores ranges is refused when a file is opened, and so is one that hides the size', async () => {
  await refused(
    open((_, response) => response.writeHead(200).end(FILE)),
    'the server answered a request for bytes 0 to 0 with the whole file; one that supports ranges is needed.',
  );
  await refused(
    open((_, response, range) => part(response, range, { 'content-range': 'bytes 0-0/*' })),
    "the server answered a request for byte 0 with 'bytes 0-0/*'; it must say how large the file is.",
  );
});

test('a folder on a server opens with its shards, and only requested parts are fetched', async () => {
  const files: Record<string, Uint8Array> = {
    'model.safetensors.index.json': new TextEncoder().encode('{"weight_map":{"a":"1.safetensors"}}'),
    '1.safetensors': joinBytes(
      encodeSafetensors(
        ['a', 'b'].map((name) => ({ name, dtype: 'F32', shape: [1000], data: new Float32Array(1000).fill(2) })),
      ),
    ),
  };
  let sent = 0;
  behaviour = (request, response, [begin, end]) => {
    const file = files[request.url!.slice(1)];
    if (!file) return response.writeHead(404).end();
    sent += end - begin;
    return part(
      response,
      [begin, end],
      { 'content-range': `bytes ${begin}-${end - 1}/${file.length}` },
      file.subarray(begin, end),
    );
  };
  const folder = httpFolder(address.replace('model.bin', ''), fetch, { name: 'hub', pause: 1 });
  const tensors = await openWeightFolder(folder);
  expect([...tensors.keys()]).toEqual(['a', 'b']);
  sent = 0;
  expect(new Float32Array((await tensors.get('a')!.read()).buffer)).toEqual(new Float32Array(1000).fill(2));
  expect(sent).toBe(4000);
});
