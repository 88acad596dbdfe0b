/** A cache of one repository in memory. */
import { createHash } from 'node:crypto';
import { memorySource, type ByteSource } from '@curio/nn';
import type { Digest, Draft, RepoCache } from '../src/cache.ts';
import type { RepoFile } from '../src/listing.ts';

/** The files of a commit. */
export type MemorySnapshot = ReadonlyMap<string, Uint8Array>;

export class MemoryCache implements RepoCache<MemorySnapshot> {
  readonly place = 'the memory';
  /** By digest. */
  readonly files = new Map<string, Uint8Array>();
  readonly drafts = new Map<string, Uint8Array>();
  /** Digests of the files of each commit, and the commits of branches. */
  readonly commits = new Map<string, Map<string, string>>();
  readonly revisions = new Map<string, string>();
  private last: Promise<void> | null = null;

  async commitOf(revision: string): Promise<string | undefined> {
    return this.revisions.get(revision);
  }

  async snapshot(commit: string): Promise<MemorySnapshot | undefined> {
    const linked = this.commits.get(commit);
    return linked && new Map([...linked].map(([path, digest]) => [path, this.files.get(digest)!]));
  }

  async isLinked(commit: string, { path }: RepoFile): Promise<boolean> {
    return this.commits.get(commit)?.has(path) ?? false;
  }

  async isWhole({ digest, size }: RepoFile): Promise<boolean> {
    return this.files.get(digest)?.length === size;
  }

  async open(_: string, { path, digest }: RepoFile): Promise<ByteSource> {
    return memorySource(path, this.files.get(digest)!);
  }

  async openDraft({ digest }: RepoFile): Promise<Draft> {
    const { drafts, files } = this;
    const bytes = (): Uint8Array => drafts.get(digest) ?? new Uint8Array(0);
    return {
      get size() {
        return bytes().length;
      },
      read: async (offset, length) => bytes().slice(offset, offset + length),
      append: async (more) => void drafts.set(digest, Buffer.concat([bytes(), more])),
      clear: async () => void drafts.delete(digest),
      commit: async () => {
        files.set(digest, bytes());
        drafts.delete(digest);
      },
      drop: async () => void drafts.delete(digest),
      close: async () => {},
    };
  }

  async link(commit: string, files: readonly RepoFile[]): Promise<void> {
    const linked = this.commits.get(commit) ?? new Map<string, string>();
    for (const { path, digest } of files) linked.set(path, digest);
    this.commits.set(commit, linked);
  }

  async refer(revision: string, commit: string): Promise<void> {
    this.revisions.set(revision, commit);
  }

  async lock(onWait: (owner: string) => void): Promise<() => void> {
    const before = this.last;
    let release = (): void => {};
    const mine = new Promise<void>((resolve) => (release = resolve));
    this.last = mine;
    if (before) onWait('somebody else');
    await before;
    return () => {
      if (this.last === mine) this.last = null;
      release();
    };
  }

  digest(kind: 'sha1' | 'sha256'): Digest {
    const hash = createHash(kind);
    return { update: (bytes) => hash.update(bytes), hex: () => hash.digest('hex') };
  }
}
