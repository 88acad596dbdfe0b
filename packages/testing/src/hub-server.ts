/**
 * A hub on loopback, and beside it the server that it hands large files on to: the addresses that downloads use, as
 * huggingface.co answers them. Tests change answers by `before`.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative } from 'node:path';

type Files = ReadonlyMap<string, Uint8Array>;

/** Files of these go to large file storage, as `.gitattributes` has it. */
const LARGE = /\.(bin|safetensors|model)$/;
const PAGE = 4;

const digests = new WeakMap<Uint8Array, string>();
export function sha256(bytes: Uint8Array): string {
  const digest = digests.get(bytes) ?? createHash('sha256').update(bytes).digest('hex');
  digests.set(bytes, digest);
  return digest;
}
export const gitHash = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
/** What names a file in the cache. */
export const digestOf = (path: string, bytes: Uint8Array): string =>
  LARGE.test(path) ? sha256(bytes) : gitHash(bytes);

/** All files of a folder, as a repository. */
export const filesOf = (folder: string): Map<string, Uint8Array> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path), readFileSync(path)]),
  );

export interface Asked {
  readonly method: string;
  /** Of the hub without its address, or of the other server with `large:` before it. */
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** True where it has answered. */
export type Before = (asked: Asked, response: ServerResponse, request: IncomingMessage) => boolean | undefined;

export class HubServer {
  readonly asked: Asked[] = [];
  /** Looks at each request first. */
  before: Before = () => false;
  private readonly repos = new Map<string, Map<string, { commit: string; files: Files }>>();
  /** Large files by digest. */
  private readonly stored = new Map<string, Uint8Array>();
  private readonly servers: Server[] = [];
  endpoint = '';
  /** Address of the server of large files. */
  large = '';

  static async start(): Promise<HubServer> {
    const hub = new HubServer();
    hub.endpoint = await hub.listen((asked, response) => hub.answer(asked, response));
    hub.large = await hub.listen((asked, response) => hub.answerLarge(asked, response), 'large:');
    return hub;
  }

  close(): void {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  /** Puts files under a branch. @returns the commit */
  publish(name: string, files: Files, revision = 'main'): string {
    const commit = createHash('sha1')
      .update([...files].map(([path, bytes]) => path + gitHash(bytes)).join())
      .digest('hex');
    const revisions = this.repos.get(name) ?? new Map();
    for (const key of [revision, commit]) revisions.set(key, { commit, files });
    for (const [path, bytes] of files) if (LARGE.test(path)) this.stored.set(sha256(bytes), bytes);
    this.repos.set(name, revisions);
    return commit;
  }

  private async listen(answer: (asked: Asked, response: ServerResponse) => void, prefix = ''): Promise<string> {
    const server = createServer((request, response) => {
      const { range, authorization } = request.headers;
      const asked = { method: request.method!, path: prefix + request.url!, range, authorization };
      // Pages of other servers may ask, as of huggingface.co.
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('access-control-expose-headers', 'content-range, etag, link, x-error-code, x-error-message');
      if (asked.method === 'OPTIONS') {
        response.setHeader('access-control-allow-headers', 'authorization, range');
        return void response.writeHead(204).end();
      }
      this.asked.push(asked);
      if (!this.before(asked, response, request)) answer(asked, response);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    this.servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  private answer({ path, range }: Asked, response: ServerResponse): void {
    const url = new URL(path, this.endpoint);
    const [, name, kind, rest] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(url.pathname) ??
      /^\/([^/]+\/[^/]+)\/(resolve)\/(.+)$/.exec(url.pathname) ??
      [];
    const revisions = this.repos.get(name ?? '');
    if (!revisions) return refuse(response, 401, 'RepoNotFound', 'Repository not found');
    const revision = kind === 'resolve' ? rest!.slice(0, rest!.indexOf('/')) : decodeURIComponent(rest!);
    const found = revisions.get(revision);
    if (!found) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const { commit, files } = found;
    if (kind === 'revision') {
      const about = { _id: '1', id: name, sha: commit, private: false, gated: false, downloads: 0, likes: 0 };
      return json(response, { ...about, lastModified: '2024-01-01T00:00:00.000Z' });
    }
    if (kind === 'tree') {
      const entries = [...files].map(([file, bytes]) => entryOf(file, bytes));
      const begin = Number(url.searchParams.get('cursor') ?? 0);
      const next = `${this.endpoint}${url.pathname}?recursive=true&cursor=${begin + PAGE}`;
      if (begin + PAGE < entries.length) response.setHeader('link', `<${next}>; rel="next"`);
      return json(response, entries.slice(begin, begin + PAGE));
    }
    const file = decodeURIComponent(rest!.slice(rest!.indexOf('/') + 1));
    const bytes = files.get(file);
    if (!bytes) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    if (!LARGE.test(file)) return part(response, bytes, range);
    response.writeHead(302, { location: `${this.large}/${sha256(bytes)}?signature=x`, 'x-linked-size': bytes.length });
    response.end();
  }

  private answerLarge({ path, range }: Asked, response: ServerResponse): void {
    part(response, this.stored.get(/\/(\w+)\?/.exec(path)![1]!)!, range);
  }
}

const entryOf = (path: string, bytes: Uint8Array) =>
  LARGE.test(path)
    ? {
        ...{ type: 'file', path, size: bytes.length, oid: gitHash(Buffer.from(`pointer to ${path}`)) },
        lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 },
      }
    : { type: 'file', path, size: bytes.length, oid: gitHash(bytes) };

export function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, status: number, code: string | null, message: string): void {
  response.writeHead(status, { ...(code && { 'x-error-code': code }), 'x-error-message': message }).end(message);
}

/** The part of a file that was asked for; `cut` bytes of it at most, and then the connection breaks. */
export function part(response: ServerResponse, bytes: Uint8Array, range: string | undefined, cut = Infinity): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  const [begin, end] = [Number(first ?? 0), Math.min(Number(last ?? bytes.length - 1) + 1, bytes.length)];
  response.writeHead(range ? 206 : 200, {
    'content-length': end - begin,
    etag: `"${sha256(bytes)}"`,
    ...(range && { 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}` }),
  });
  if (end - begin <= cut) response.end(bytes.subarray(begin, end));
  else response.write(bytes.subarray(begin, begin + cut), () => setTimeout(() => response.destroy(), 20));
}
