/** @file Requests to a hub: the token is sent to the hub alone, and each refusal becomes one sentence. */
import { CurioError } from '@curio/engine';
import { shownHubName } from './hub-name.ts';
import type { HubName } from './hub-name.ts';
import type { HubAccess } from './access.ts';

/** A repository that cannot be downloaded. */
export class HubError extends CurioError {
  constructor(
    readonly wrong: string,
    remedy: string,
    options?: ErrorOptions,
  ) {
    super(`hub: ${wrong}; ${remedy}.`, options);
  }
}

/** The hub does not answer at present. */
export class HubUnreachable extends HubError {}

type Fetch = typeof fetch;

/** How often a request is repeated after a temporary failure. */
export const RETRIES = 4;
/** Milliseconds that the hub has to answer a request about a repository. */
const ANSWER_MS = 20_000;

const isTemporary = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** `fetch` for files and lists of a repository. It throws HubError for what the hub refuses permanently. */
export const hubFetch =
  (access: HubAccess, repo: HubName): Fetch =>
  async (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init?.headers);
    headers.set('accept-encoding', 'identity'); // byte ranges must refer to the stored bytes
    // Files lie on other servers: fetch drops the token when the hub redirects there, but a listing may link there too.
    if (access.token !== null && address.origin === new URL(access.endpoint).origin)
      headers.set('authorization', `Bearer ${access.token}`);
    // Bytes are stored once, in our own cache.
    const response = await fetch(address, { ...init, headers, cache: 'no-store' });
    if (response.status < 400 || response.status === 416 || isTemporary(response.status)) return response;
    void response.body?.cancel().catch(() => {});
    throw refusal(response, access, repo);
  };

/** Like `hubFetch`, for short answers: read whole, and repeated after a temporary failure. */
export function persistentFetch(access: HubAccess, repo: HubName): Fetch {
  const once = hubFetch(access, repo);
  return async (input, init) => {
    for (let failed = 0; ; failed++) {
      let wrong: string;
      try {
        const response = await once(input, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
        const body = await response.arrayBuffer();
        if (!isTemporary(response.status)) return new Response(body, response);
        wrong = `answered ${statusOf(response)}`;
      } catch (error) {
        if (error instanceof CurioError) throw error;
        const { message, cause } = error as Error;
        wrong = `cannot be reached (${cause instanceof Error && cause.message ? cause.message : message})`;
      }
      if (failed === RETRIES)
        throw new HubUnreachable(
          `${access.endpoint} ${wrong}, ${failed + 1} times, for ${shownHubName(repo)}, which ${access.words.absent}`,
          `try again when the network is better${access.words.instead}`,
        );
      await new Promise((wake) => setTimeout(wake, access.pause * 2 ** failed));
    }
  };
}

const statusOf = ({ status, statusText }: Response): string => `${status} ${statusText}`.trimEnd();

function refusal(response: Response, { endpoint, token, words }: HubAccess, { name, revision }: HubName): HubError {
  const { status, headers, url } = response;
  const page = `${endpoint}/${name}`;
  const code = headers.get('x-error-code');
  if (code === 'GatedRepo')
    return token === null
      ? new HubError(
          `${name} is gated and no token was sent`,
          `accept its terms at ${page} and give your token ${words.token}`,
        )
      : new HubError(`${name} is gated and your token may not read it`, `ask for access at ${page}`);
  if (code === 'RevisionNotFound')
    return new HubError(`${name} has no revision '${revision}'`, `give a branch, a tag or a commit of ${page}`);
  const answer = [statusOf(response), headers.get('x-error-message')].filter(Boolean).join(', ');
  const isHub = new URL(url).origin === new URL(endpoint).origin;
  if (isHub && status === 401 && code === null && token !== null)
    return new HubError(
      `${endpoint} refuses your token (${answer})`,
      `create another at ${endpoint}/settings/tokens and give it ${words.token}`,
    );
  if (code === 'RepoNotFound' || (isHub && code === null && [401, 403, 404].includes(status)))
    return new HubError(
      `${name} ${words.absent}, nor a repository that ${endpoint} shows ${token === null ? 'without a token' : 'to your token'} (${answer})`,
      `check the name, or give a token that may read it ${words.token}`,
    );
  return new HubError(`${url.replace(/[?#].*$/, '')} was answered with ${answer}`, 'try again later');
}
