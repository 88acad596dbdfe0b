/** @file An HTTP server for a part of OpenAI's API: models and chat completions. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { CurioError } from '@curio/engine';
import { ApiError } from './api-error.ts';
import { complete } from './completion.ts';
import { Queue } from './queue.ts';
import { readCompletion } from './request.ts';
import type { CompletionDefaults } from './request.ts';

export interface ServeOptions extends CompletionDefaults {
  /** What clients must send as `Authorization: Bearer …`; null: nothing. */
  readonly key: string | null;
  /** Requests that may wait. */
  readonly queue: number;
  /** Maximum bytes of a body. */
  readonly maxBody: number;
  /** Called for an internal error, whose details the client does not get. */
  readonly onFault: (error: unknown) => void;
}

/** The server, not listening yet. */
export function createApi(options: ServeOptions): Server {
  const queue = new Queue(options.queue);
  const created = Math.floor(Date.now() / 1000);
  const models = options.models.map(({ name }) => ({ id: name, object: 'model', created, owned_by: 'curio' }));
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requireKey(request, options.key);
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const requireMethod = (method: string): void => {
      if (request.method !== method)
        throw new ApiError(405, `${request.method} ${path}: it takes ${method}.`, null, null, { allow: method });
    };
    if (path === '/v1/models') {
      requireMethod('GET');
      return send(response, 200, { object: 'list', data: models });
    }
    if (path.startsWith('/v1/models/')) {
      requireMethod('GET');
      const id = path.slice('/v1/models/'.length);
      const model = models.find((each) => id === encodeURIComponent(each.id));
      if (model) return send(response, 200, model);
      const names = models.map((each) => `'${each.id}'`).join(', ');
      throw new ApiError(404, `model '${id}' is not here; there is ${names}.`, 'model', 'model_not_found');
    }
    if (path === '/v1/chat/completions') {
      requireMethod('POST');
      const completion = await readCompletion(await readBody(request, options.maxBody), options);
      return complete(response, completion, queue);
    }
    throw new ApiError(404, `${path} is not here; there are /v1/models and /v1/chat/completions.`);
  };
  return createServer((request, response) => {
    route(request, response).catch((error: unknown) => fail(response, error, options.onFault));
  });
}

function requireKey({ headers }: IncomingMessage, key: string | null): void {
  if (key === null) return;
  const given = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (given === undefined)
    throw new ApiError(401, 'there is no key; send it as Authorization: Bearer KEY.', null, 'invalid_api_key');
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(given), digest(key)))
    throw new ApiError(401, 'the key is another than this server was started with.', null, 'invalid_api_key');
}

async function readBody(request: IncomingMessage, most: number): Promise<unknown> {
  const type = request.headers['content-type'] ?? 'missing';
  // A foreign web page may send text/plain to this machine without permission, but not JSON.
  if (!/^application\/json\b/i.test(type))
    throw new ApiError(415, `content-type is ${type}; it must be application/json.`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= most)
      chunks.push(chunk); // a little more is read, so that the client gets the response
    else if (size > 2 * most) request.destroy();
  }
  if (size > most)
    throw new ApiError(413, `the body has ${size} bytes and at most ${most} are taken; send smaller images.`);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new ApiError(400, `the body is not JSON (${(error as Error).message}).`);
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** Reports an error: by status, or as an event if text was already sent. */
function fail(response: ServerResponse, error: unknown, onFault: (error: unknown) => void): void {
  const known =
    error instanceof ApiError ? error : error instanceof CurioError ? new ApiError(400, error.message) : null;
  if (response.destroyed) return;
  if (!known) onFault(error);
  const told = known ?? new ApiError(500, 'a fault of the server; its log says more.');
  if (!response.headersSent) return send(response, told.status, told.body, { ...told.headers });
  response.end(`data: ${JSON.stringify(told.body)}\n\n`);
}
