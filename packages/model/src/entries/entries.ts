/** @file Entries of a data set as they lie in a file, each read when it is asked for. */

/** The entries of a file, numbered from 0. */
export interface Entries {
  /** The file, for messages. */
  readonly file: string;
  readonly count: number;
  /** An entry as a JSON value; bytes of embedded pictures are a Uint8Array in it. */
  read(entry: number): Promise<unknown>;
}

/** What a scan tells of each entry, in order. Nothing of it needs to be kept. */
export type VisitEntry = (value: unknown, entry: number) => void | Promise<void>;
