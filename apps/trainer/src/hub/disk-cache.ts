/**
 * @file A repository of a hub on the disk: `<cache>/models--<owner>--<name>` with `blobs` by digest, `snapshots` of
 * links by commit, and `refs` that say the commit of a branch or tag. Python's huggingface_hub has the same, and each
 * finds what the other downloaded.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import type { Digest, Draft, HubName, RepoCache, RepoFile } from '@curio/hub';
import type { ByteSource } from '@curio/nn';
import { PathInUse, lockFolder } from '../disk/lock.ts';
import { makeFolder, withFile } from '../disk/system-error.ts';
import { fileSource } from '../run/files.ts';

/** Whether a file with all of these bytes exists. */
const isWhole = (path: string, { size }: RepoFile): boolean => statSync(path, { throwIfNoEntry: false })?.size === size;

/** Its snapshots are paths of folders. */
export class DiskCache implements RepoCache<string> {
  private readonly folder: string;
  /** Beside the locks of Python's huggingface_hub, under other names. */
  private readonly locks: string;

  /** @param place folder of the cache */
  constructor(
    readonly place: string,
    repo: HubName,
  ) {
    this.folder = join(place, `models--${repo.name.replace('/', '--')}`);
    this.locks = join(place, '.locks', basename(this.folder));
  }

  async commitOf(revision: string): Promise<string | undefined> {
    const ref = this.ref(revision);
    return existsSync(ref) ? readFileSync(ref, 'utf8').trim() : undefined;
  }

  async snapshot(commit: string): Promise<string | undefined> {
    const path = join(this.folder, 'snapshots', commit);
    return existsSync(path) ? path : undefined;
  }

  isLinked = async (commit: string, file: RepoFile): Promise<boolean> => isWhole(this.linked(commit, file), file);

  isWhole = async (file: RepoFile): Promise<boolean> => isWhole(this.blob(file), file);

  async open(commit: string, file: RepoFile): Promise<ByteSource> {
    const path = this.linked(commit, file);
    return fileSource(isWhole(path, file) ? path : this.blob(file), 'hub');
  }

  openDraft = async (file: RepoFile): Promise<Draft> => new DiskDraft(this.blob(file));

  async link(commit: string, files: readonly RepoFile[]): Promise<void> {
    for (const file of files) this.linkFile(this.linked(commit, file), file);
  }

  async refer(revision: string, commit: string): Promise<void> {
    const ref = this.ref(revision);
    makeFolder(dirname(ref), 'hub');
    // Beside the locks, since every file under refs counts as a branch.
    const draft = join(this.locks, 'ref');
    withFile(ref, () => {
      writeFileSync(draft, commit);
      renameSync(draft, ref);
    });
  }

  async lock(onWait: (owner: string) => void): Promise<() => void> {
    makeFolder(this.locks, 'hub');
    for (let told = false; ; told = true) {
      try {
        return lockFolder(this.locks);
      } catch (error) {
        if (!(error instanceof PathInUse)) throw error;
        if (!told) onWait(error.owner);
      }
      // Two waiting processes do not look at the same moments.
      await new Promise((wake) => setTimeout(wake, 200 + 200 * Math.random()));
    }
  }

  digest(kind: 'sha1' | 'sha256'): Digest {
    const hash = createHash(kind);
    return { update: (bytes) => hash.update(bytes), hex: () => hash.digest('hex') };
  }

  private blob = ({ digest }: RepoFile): string => join(this.folder, 'blobs', digest);
  private ref = (revision: string): string => join(this.folder, 'refs', revision);
  private linked = (commit: string, { path }: RepoFile): string => join(this.folder, 'snapshots', commit, path);

  private linkFile(path: string, file: RepoFile): void {
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
}

/** Drafts of Python's huggingface_hub are left alone: its locks are of a kind that Node cannot take. */
class DiskDraft implements Draft {
  private readonly draft: string;
  private output: number | null = null;
  size: number;

  constructor(private readonly path: string) {
    this.draft = `${path}.curio.incomplete`;
    this.size = statSync(this.draft, { throwIfNoEntry: false })?.size ?? 0;
  }

  read = (offset: number, length: number): Promise<Uint8Array> => fileSource(this.draft, 'hub').read(offset, length);

  async append(bytes: Uint8Array): Promise<void> {
    this.output ??= this.open();
    const output = this.output;
    const write = (): void => {
      for (let done = 0; done < bytes.length; ) done += writeSync(output, bytes, done);
    };
    withFile(this.draft, write, 'hub');
    this.size += bytes.length;
  }

  async clear(): Promise<void> {
    await this.drop();
    this.size = 0;
  }

  async commit(): Promise<void> {
    const output = (this.output ??= this.open()); // also of a file without bytes
    withFile(this.draft, () => fsyncSync(output), 'hub');
    await this.close();
    withFile(this.path, () => renameSync(this.draft, this.path), 'hub');
  }

  async drop(): Promise<void> {
    await this.close();
    rmSync(this.draft, { force: true });
  }

  async close(): Promise<void> {
    if (this.output !== null) closeSync(this.output);
    this.output = null;
  }

  private open(): number {
    makeFolder(dirname(this.path), 'hub');
    return withFile(this.draft, () => openSync(this.draft, 'a'), 'hub');
  }
}
