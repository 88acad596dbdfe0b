/** @file The files of a repository at a revision, as the hub lists them. */
import { CurioError } from '@curio/engine';
import { COMMIT, shownHubName } from './hub-name.ts';
import type { HubName } from './hub-name.ts';
import { HubError, persistentFetch } from './request.ts';
import type { HubAccess } from './access.ts';

export interface RepoFile {
  readonly path: string;
  readonly size: number;
  /**
   * The digest of its bytes: SHA-256 for files in large file storage, else git's SHA-1. The cache names files by it.
   */
  readonly digest: string;
}

export interface Listing {
  readonly commit: string;
  readonly files: ReadonlyMap<string, RepoFile>;
}

/** Names that could point outside a folder. */
const LEADS_AWAY = /(^|\/)\.{0,2}(\/|$)|[\\:\p{Cc}]/u;

/** @throws HubError if the repository or revision does not exist or may not be read, HubUnreachable */
export async function listRepo(access: HubAccess, repo: HubName): Promise<Listing> {
  const { modelInfo, listFiles } = await import('@huggingface/hub');
  const asked = { hubUrl: access.endpoint, fetch: persistentFetch(access, repo) };
  const fail = (what: string, cause?: unknown): never => {
    throw new HubError(
      `${access.endpoint} ${what} of ${shownHubName(repo)}`,
      `give the address of a Hugging Face hub ${access.words.endpoint}`,
      { cause },
    );
  };
  try {
    const { sha: commit } = await modelInfo({ ...asked, ...repo, additionalFields: ['sha'] });
    if (!COMMIT.test(commit ?? '')) return fail(`gives '${commit}' as the commit`);
    const files = new Map<string, RepoFile>();
    for await (const { type, path, size: listed, oid, lfs } of listFiles({
      ...asked,
      repo: { type: 'model', name: repo.name },
      revision: commit,
      recursive: true,
    })) {
      if (type !== 'file' || LEADS_AWAY.test(path)) continue;
      const [size, digest] = [lfs?.size ?? listed, lfs?.oid ?? oid ?? ''];
      if (!(lfs ? /^[0-9a-f]{64}$/ : COMMIT).test(digest) || !Number.isSafeInteger(size) || size < 0)
        return fail(`lists ${path} with ${size} bytes and digest '${digest}' in the files`);
      files.set(path, { path, size, digest });
    }
    return { commit, files };
  } catch (error) {
    if (error instanceof CurioError) throw error;
    return fail(`sent no list (${(error as Error).message})`, error);
  }
}
