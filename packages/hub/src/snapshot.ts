/**
 * @file A repository of a hub at a revision, complete in a cache. Commits and listings come from @huggingface/hub. Its
 * own download is not used: it starts over after each interruption, checks neither size nor digest, lets two processes
 * write to the same partial file, and fetches weights in every format.
 */
import { openHttpSource, readJsonSource } from '@curio/nn';
import type { ByteSource } from '@curio/nn';
import type { HubAccess } from './access.ts';
import type { RepoCache } from './cache.ts';
import { downloadFile } from './download.ts';
import { COMMIT, shownHubName } from './hub-name.ts';
import type { HubName } from './hub-name.ts';
import { listRepo } from './listing.ts';
import type { Listing, RepoFile } from './listing.ts';
import { neededFiles } from './needed-files.ts';
import { hubFetch, HubError, HubUnreachable, RETRIES } from './request.ts';

export interface SnapshotOptions {
  /** False: only settings and tokenizer. */
  readonly weights?: boolean;
  /** Receives lines for the user. */
  readonly say?: (line: string) => void;
  /** Receives how many of the needed bytes have arrived, during a download. */
  readonly onBytes?: (done: number, total: number) => void;
}

/**
 * The files of a repository at a revision, after downloading what the cache lacks. If the hub does not answer, the copy
 * in the cache is used, and the user is told.
 * @param cache of this repository
 * @throws HubError; WeightError for a connection that stays broken; what the cache throws
 */
export async function openSnapshot<Snapshot>(
  access: HubAccess,
  repo: HubName,
  cache: RepoCache<Snapshot>,
  { weights = true, say = () => {}, onBytes = () => {} }: SnapshotOptions = {},
): Promise<Snapshot> {
  const cached = async (): Promise<Snapshot | undefined> => {
    const commit = COMMIT.test(repo.revision) ? repo.revision : await cache.commitOf(repo.revision);
    return commit !== undefined && COMMIT.test(commit) ? cache.snapshot(commit) : undefined;
  };
  if (access.offline) {
    const found = await cached();
    if (found !== undefined) return found;
    const { absent, offline } = access.words;
    throw new HubError(`${shownHubName(repo)} ${absent}, nor in ${cache.place}, and ${offline[0]}`, offline[1]);
  }
  let listing: Listing;
  try {
    listing = await listRepo(access, repo);
  } catch (error) {
    const found = error instanceof HubUnreachable ? await cached() : undefined;
    if (found === undefined) throw error;
    say(`hub: ${(error as HubUnreachable).wrong}; the copy in ${cache.place} is used.`);
    return found;
  }
  const download = new Download(access, repo, cache, listing, say);
  try {
    return await download.complete(weights, onBytes);
  } finally {
    await download.end();
  }
}

class Download<Snapshot> {
  private release: (() => void | Promise<void>) | undefined;

  constructor(
    private readonly access: HubAccess,
    private readonly repo: HubName,
    private readonly cache: RepoCache<Snapshot>,
    private readonly listing: Listing,
    private readonly say: (line: string) => void,
  ) {}

  async complete(weights: boolean, onBytes: (done: number, total: number) => void): Promise<Snapshot> {
    const { cache, repo } = this;
    const { commit } = this.listing;
    const readSettings = async (file: RepoFile): Promise<unknown> => {
      await this.hold(file, () => {});
      return readJsonSource(await cache.open(commit, file), `hub: ${repo.name}/${file.path}`);
    };
    const files = await neededFiles(this.listing, repo.name, weights, readSettings);
    const missing: RepoFile[] = [];
    for (const file of files) if (!(await cache.isLinked(commit, file))) missing.push(file);
    await cache.requireRoom?.(missing);
    const total = missing.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    for (const file of missing) await this.hold(file, (bytes) => onBytes((done += bytes), total));
    // Last of all, so that an unfinished snapshot is never taken for a complete one.
    if (missing.length > 0) await this.locked(() => cache.link(commit, missing));
    if (repo.revision !== commit && (await cache.commitOf(repo.revision)) !== commit)
      await this.locked(() => cache.refer(repo.revision, commit));
    return (await cache.snapshot(commit))!;
  }

  /** Releases the lock on the repository. */
  async end(): Promise<void> {
    await this.release?.();
  }

  /** Downloads a file if it is missing. */
  private async hold(file: RepoFile, onBytes: (bytes: number) => void): Promise<void> {
    if (await this.cache.isLinked(this.listing.commit, file)) return;
    const name = `${this.repo.name}/${file.path}`;
    await this.locked(() => downloadFile(this.cache, file, name, () => this.open(file, name), onBytes));
  }

  private async locked(work: () => Promise<void>): Promise<void> {
    this.release ??= await this.cache.lock((owner) =>
      this.say(`hub: ${owner} is downloading ${shownHubName(this.repo)}; waiting for it to finish.`),
    );
    await work();
  }

  private async open({ path }: RepoFile, name: string): Promise<ByteSource> {
    const { endpoint, pause } = this.access;
    const file = path.split('/').map(encodeURIComponent).join('/');
    const address = `${endpoint}/${this.repo.name}/resolve/${this.listing.commit}/${file}`;
    const options = { name, retries: RETRIES, pause };
    return (await openHttpSource(address, hubFetch(this.access, this.repo), options))!; // 404 is thrown
  }
}
