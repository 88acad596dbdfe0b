/**
 * @file What a cache of one repository must do. Files are kept by digest, and a snapshot lists which of them a commit
 * has, so that a file that several commits share is kept once.
 */
import type { ByteSource } from '@curio/nn';
import type { RepoFile } from './listing.ts';

/** @template Snapshot what opens the files of a commit: a path, or a folder of byte sources */
export interface RepoCache<Snapshot> {
  /** Where it is, for messages. */
  readonly place: string;
  /** The commit that a branch or tag had when it was last recorded. */
  commitOf(revision: string): Promise<string | undefined>;
  /** The files of a commit, all or some; undefined where none was ever linked. */
  snapshot(commit: string): Promise<Snapshot | undefined>;
  /** Whether the snapshot of a commit has a complete copy of a file. */
  isLinked(commit: string, file: RepoFile): Promise<boolean>;
  /** Whether a file is complete. Name and size are enough: its digest was checked when it was downloaded. */
  isWhole(file: RepoFile): Promise<boolean>;
  /** A file that is linked or complete. */
  open(commit: string, file: RepoFile): Promise<ByteSource>;
  /** Refuses files that do not fit into the free space, before the first is downloaded. */
  requireRoom?(files: readonly RepoFile[]): Promise<void>;
  /** A file being downloaded. Only the holder of the lock may open it. */
  openDraft(file: RepoFile): Promise<Draft>;
  /** Adds complete files to the snapshot of a commit. */
  link(commit: string, files: readonly RepoFile[]): Promise<void>;
  /** Records the commit of a branch or tag. */
  refer(revision: string, commit: string): Promise<void>;
  /** Waits until nobody else downloads this repository. @param onWait called once, with who does */
  lock(onWait: (owner: string) => void): Promise<() => void | Promise<void>>;
  digest(kind: 'sha1' | 'sha256'): Digest;
}

/** A file that does not have its name yet. It outlives the process, or the page, and the next one continues it. */
export interface Draft {
  /** Bytes written so far. */
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  append(bytes: Uint8Array): Promise<void>;
  /** Discards all bytes. */
  clear(): Promise<void>;
  /** Gives the file its name; ends the draft. */
  commit(): Promise<void>;
  /** Deletes it; ends the draft. */
  drop(): Promise<void>;
  /** Closes it and keeps its bytes; does nothing once the draft has ended. */
  close(): Promise<void>;
}

/** A hash computed piece by piece. */
export interface Digest {
  update(bytes: Uint8Array): unknown;
  hex(): string;
}
