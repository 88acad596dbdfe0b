/**
 * @file Entries of a data set that cannot be trained on: the first ends the run, or each is left out and listed in
 * `skipped.jsonl` of the run's folder.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { DataError } from '@curio/engine';
import type { Sample } from '@curio/model';
import type { RunConfig } from '../config/schema.ts';
import { withFile } from '../disk/system-error.ts';
import { line, readLines } from '../run/log.ts';
import type { RunFolder } from '../run/run-folder.ts';

const SKIPPED = 'skipped.jsonl';
/** Entries that are told one by one. */
const TOLD = 3;

/** A line of `skipped.jsonl`. */
export interface SkippedEntry {
  readonly file: string;
  readonly entry: number;
  readonly id: string;
  readonly reason: string;
}

const keyOf = ({ file, entry }: Pick<SkippedEntry, 'file' | 'entry'>): string => `${entry} ${file}`;

export class BadEntries {
  private readonly keys = new Set<string>();

  /**
   * @param policy of the configuration
   * @param skipped left out before a resume
   * @param onSkip told once of each entry that is left out
   */
  constructor(
    private readonly policy: RunConfig['data']['onBadEntry'],
    skipped: readonly SkippedEntry[] = [],
    private readonly onSkip: (entry: SkippedEntry) => void = () => {},
  ) {
    for (const each of skipped) this.keys.add(keyOf(each));
  }

  /** Those of a run, which are listed in its folder; the first few are told by `note` as well. */
  static ofRun({ data }: RunConfig, folder: RunFolder, note: (text: string) => void): BadEntries {
    const path = folder.file(SKIPPED);
    const before = existsSync(path) ? readLines<SkippedEntry>(path) : [];
    if (before.length > 0) folder.write(SKIPPED, before.map(line).join(''));
    let told = 0;
    return new BadEntries(data.onBadEntry, before, (skipped) => {
      withFile(path, () => appendFileSync(path, line(skipped)));
      if (told++ < TOLD) note(`left out: ${skipped.file}: entry ${skipped.entry}: ${skipped.reason}`);
      else if (told === TOLD + 1) note(`left out: more entries, listed in ${path}`);
    });
  }

  /** How many were left out. */
  get count(): number {
    return this.keys.size;
  }

  /**
   * Leaves an entry out under the policy skip. `reason` is the end of a sentence without its full stop.
   * @throws DataError under the policy fail
   */
  refuse(file: string, { id, entry = 0 }: Pick<Sample, 'id' | 'entry'>, reason: string): void {
    if (this.policy === 'fail')
      throw new DataError(
        `data: ${file}: entry ${entry}: ${reason}; mend it, or leave such entries out with --on-bad-entry skip.`,
      );
    const skipped = { file, entry, id, reason };
    if (this.keys.has(keyOf(skipped))) return;
    this.keys.add(keyOf(skipped));
    this.onSkip(skipped);
  }
}

/** The sentence of an error as the end of another one. */
export const asReason = (error: Error): string => error.message.replace(/\.$/, '');
