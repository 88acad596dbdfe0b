/**
 * @file What a cache of one repository must do. Files are kept by digest, and a snapshot says which of them a commit
 * has, so that a file that several commits share is kept once.
 */
import type { ByteSource } from '@curio/nn';
import type { RepoFile } from './listing.ts';

/** @template Snapshot what opens the files of a commit: a path, or a folder of byte sources */
export interface RepoCache<Snapshot> {
  /** Where it lies, for messages. */
  readonly place: string;
  /** The commit that a branch or tag had when it was last recorded. */
  commitOf(revision: string): Promise<string | undefined>;
  /** The files of a commit, all or some; undefined where none was ever linked. */
  snapshot(commit: string): Promise<Snapshot | undefined>;
  /** Whether the snapshot of a commit has a file, whole. */
  isLinked(commit: string, file: RepoFile): Promise<boolean>;
  /** Whether a file is there whole. One with the right name and size was checked when it came. */
  isWhole(file: RepoFile): Promise<boolean>;
  /** A file that is linked or whole. */
  open(commit: string, file: RepoFile): Promise<ByteSource>;
  /** Refuses files that cannot fit beside what is there, before the first is downloaded. */
  requireRoom?(files: readonly RepoFile[]): Promise<void>;
  /** A file on its way. Only the holder of the lock may open it. */
  openDraft(file: RepoFile): Promise<Draft>;
  /** Puts whole files into the snapshot of a commit. */
  link(commit: string, files: readonly RepoFile[]): Promise<void>;
  /** Records the commit of a branch or tag. */
  refer(revision: string, commit: string): Promise<void>;
  /** Waits until nobody else downloads this repository. @param onWait hears once who does */
  lock(onWait: (owner: string) => void): Promise<() => void | Promise<void>>;
  digest(kind: 'sha1' | 'sha256'): Digest;
}

/** A file without its name. What is in it outlives the process, or the page, and is continued by the next. */
export interface Draft {
  /** Bytes that are there. */
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  append(bytes: Uint8Array): Promise<void>;
  /** Forgets all bytes. */
  clear(): Promise<void>;
  /** Makes it the file, for good; ends the draft. */
  commit(): Promise<void>;
  /** Deletes it; ends the draft. */
  drop(): Promise<void>;
  /** Leaves it as it is; of no effect after the end. */
  close(): Promise<void>;
}

/** A hash that is fed piece by piece. */
export interface Digest {
  update(bytes: Uint8Array): unknown;
  hex(): string;
}
