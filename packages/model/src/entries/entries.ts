/** @file Entries of a data set, read from their file on demand. */

/** The entries of a file, numbered from 0. */
export interface Entries {
  /** The file, for messages. */
  readonly file: string;
  readonly count: number;
  /** An entry as a JSON value; bytes of embedded pictures are a Uint8Array in it. */
  read(entry: number): Promise<unknown>;
}

/** What a scan reports of each entry, in order. None of it needs to be stored. */
export type VisitEntry = (value: unknown, entry: number) => void | Promise<void>;
