/**
 * @file A repository of a hub as a folder: `<cache>/models--<owner>--<name>` with `blobs` by digest, `snapshots` of
 * links by commit, and `refs` that say the commit of a branch or tag. Python's huggingface_hub has the same, and each
 * finds what the other downloaded.
 *
 * Commits and lists come from @huggingface/hub. Its own download is not used: it begins anew after each cut, checks
 * neither size nor digest, lets two processes write into one draft, and fetches weights in every format there is.
 */
import { existsSync, lstatSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { openHttpSource } from '@curio/nn';
import type { ByteSource } from '@curio/nn';
import { FolderInUse, lockFolder } from '../disk/lock.ts';
import { makeFolder, withFile } from '../disk/system-error.ts';
import { readJson } from '../run/files.ts';
import { downloadFile, isWhole } from './download.ts';
import { COMMIT, shownHubName } from './hub-name.ts';
import type { HubName } from './hub-name.ts';
import { listRepo } from './listing.ts';
import type { Listing, RepoFile } from './listing.ts';
import { neededFiles } from './needed-files.ts';
import { hubFetch, HubError, HubUnreachable, RETRIES } from './request.ts';
import type { HubSettings } from './settings.ts';

export interface SnapshotOptions {
  /** False: only settings and tokenizer. */
  readonly weights?: boolean;
  /** Receives lines for the user. */
  readonly say?: (line: string) => void;
  /** Receives how many of the needed bytes are there, during a download. */
  readonly onBytes?: (done: number, total: number) => void;
}

/**
 * The folder of a repository at a revision, after downloading what the cache lacks. If the hub does not answer, the
 * copy in the cache is used, and the user is told.
 * @throws HubError, FileError; WeightError for a connection that stays broken
 */
export async function openSnapshot(
  settings: HubSettings,
  repo: HubName,
  { weights = true, say = () => {}, onBytes = () => {} }: SnapshotOptions = {},
): Promise<string> {
  const { getRepoFolderName } = await import('@huggingface/hub');
  const folder = join(settings.cache, getRepoFolderName({ type: 'model', name: repo.name }));
  const cached = cachedSnapshot(folder, repo.revision);
  if (settings.offline) {
    if (cached !== undefined) return cached;
    throw new HubError(
      `${shownHubName(repo)} is no folder here and not in ${settings.cache}, and HF_HUB_OFFLINE is set`,
      'unset it, or give a folder on this machine',
    );
  }
  let listing: Listing;
  try {
    listing = await listRepo(settings, repo);
  } catch (error) {
    if (!(error instanceof HubUnreachable) || cached === undefined) throw error;
    say(`hub: ${error.wrong}; the copy in ${settings.cache} is used.`);
    return cached;
  }
  return new Snapshot(settings, repo, folder, listing).complete(weights, say, onBytes);
}

/** The cached snapshot of a revision, complete or not. */
function cachedSnapshot(folder: string, revision: string): string | undefined {
  const ref = join(folder, 'refs', revision);
  const commit = COMMIT.test(revision) ? revision : existsSync(ref) ? readFileSync(ref, 'utf8').trim() : '';
  const path = join(folder, 'snapshots', commit);
  return COMMIT.test(commit) && existsSync(path) ? path : undefined;
}

class Snapshot {
  private release: (() => void) | undefined;
  /** Beside the locks of Python's huggingface_hub, under other names. */
  private readonly locks: string;
  private readonly path: string;

  constructor(
    private readonly settings: HubSettings,
    private readonly repo: HubName,
    private readonly folder: string,
    private readonly listing: Listing,
  ) {
    this.locks = join(settings.cache, '.locks', folder.slice(dirname(folder).length + 1));
    this.path = join(folder, 'snapshots', listing.commit);
  }

  async complete(
    weights: boolean,
    say: (line: string) => void,
    onBytes: (done: number, total: number) => void,
  ): Promise<string> {
    try {
      const readSettings = async (file: RepoFile): Promise<unknown> =>
        readJson(await this.hold(file, say, () => {}), 'hub');
      const files = await neededFiles(this.listing, this.repo.name, weights, readSettings);
      const missing = files.filter((file) => !isWhole(join(this.path, file.path), file));
      const total = missing.reduce((sum, { size }) => sum + size, 0);
      let done = 0;
      for (const file of missing) await this.hold(file, say, (bytes) => onBytes((done += bytes), total));
      // Last of all, so that an unfinished snapshot is never taken for a complete one.
      for (const file of missing) this.link(file);
      if (!this.isReferred()) await this.refer(say);
      return this.path;
    } finally {
      this.release?.();
    }
  }

  private blob = ({ digest }: RepoFile): string => join(this.folder, 'blobs', digest);

  /** Path of a file's bytes, which are downloaded if missing. */
  private async hold(file: RepoFile, say: (line: string) => void, onBytes: (bytes: number) => void): Promise<string> {
    const path = join(this.path, file.path);
    if (isWhole(path, file)) return path;
    this.release ??= await this.lock(say);
    const name = `${this.repo.name}/${file.path}`;
    await downloadFile(file, this.blob(file), name, () => this.open(file, name), onBytes);
    return this.blob(file);
  }

  private async open({ path }: RepoFile, name: string): Promise<ByteSource> {
    const { endpoint, pause } = this.settings;
    const file = path.split('/').map(encodeURIComponent).join('/');
    const address = `${endpoint}/${this.repo.name}/resolve/${this.listing.commit}/${file}`;
    const options = { name, retries: RETRIES, pause };
    return (await openHttpSource(address, hubFetch(this.settings, this.repo), options))!; // 404 is thrown
  }

  /** Waits until no other process downloads this repository. */
  private async lock(say: (line: string) => void): Promise<() => void> {
    makeFolder(this.locks, 'hub');
    for (let told = false; ; told = true) {
      try {
        return lockFolder(this.locks);
      } catch (error) {
        if (!(error instanceof FolderInUse)) throw error;
        if (!told) say(`hub: ${error.owner} downloads ${shownHubName(this.repo)}; this waits for its end.`);
      }
      // Two waiting processes do not look at the same moments.
      await new Promise((wake) => setTimeout(wake, 200 + 200 * Math.random()));
    }
  }

  private link(file: RepoFile): void {
    const path = join(this.path, file.path);
    if (isWhole(path, file)) return;
    makeFolder(dirname(path), 'hub');
    rmSync(path, { force: true }); // such as a link to a file that was deleted
    const blob = this.blob(file);
    try {
      symlinkSync(relative(dirname(path), blob), path);
    } catch {
      if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return; // Python was faster
      // Where links are forbidden, as on Windows, or unknown, the file itself goes there, as in Python.
      withFile(path, () => renameSync(blob, path), 'hub');
    }
  }

  private get ref(): string {
    return join(this.folder, 'refs', this.repo.revision);
  }

  private isReferred(): boolean {
    const { commit } = this.listing;
    return this.repo.revision === commit || (existsSync(this.ref) && readFileSync(this.ref, 'utf8') === commit);
  }

  /** Records the commit of a branch or tag. */
  private async refer(say: (line: string) => void): Promise<void> {
    this.release ??= await this.lock(say);
    makeFolder(dirname(this.ref), 'hub');
    // Beside the locks, since every file under refs counts as a branch.
    const draft = join(this.locks, 'ref');
    withFile(this.ref, () => {
      writeFileSync(draft, this.listing.commit);
      renameSync(draft, this.ref);
    });
  }
}
