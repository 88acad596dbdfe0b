/**
 * @file Entries of a data set that cannot be trained on: the first ends the run, or each is skipped and listed in
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
/** Skipped entries that are reported one by one. */
const MAX_NOTES = 3;

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
   * @param skipped entries skipped before a resume
   * @param onSkip called once for each skipped entry
   */
  constructor(
    private readonly policy: RunConfig['data']['onBadEntry'],
    skipped: readonly SkippedEntry[] = [],
    private readonly onSkip: (entry: SkippedEntry) => void = () => {},
  ) {
    for (const each of skipped) this.keys.add(keyOf(each));
  }

  /** Those of a run, listed in its folder; the first few are reported by `note` too. */
  static ofRun({ data }: RunConfig, folder: RunFolder, note: (text: string) => void): BadEntries {
    const path = folder.file(SKIPPED);
    const before = existsSync(path) ? readLines<SkippedEntry>(path) : [];
    if (before.length > 0) folder.write(SKIPPED, before.map(line).join(''));
    let notes = 0;
    return new BadEntries(data.onBadEntry, before, (skipped) => {
      withFile(path, () => appendFileSync(path, line(skipped)));
      if (notes++ < MAX_NOTES) note(`skipped: ${skipped.file}: entry ${skipped.entry}: ${skipped.reason}`);
      else if (notes === MAX_NOTES + 1) note(`skipped: more entries, listed in ${path}`);
    });
  }

  /** How many were skipped. */
  get count(): number {
    return this.keys.size;
  }

  /**
   * Skips an entry, under the policy skip. `reason` is the end of a sentence, without its full stop.
   * @throws DataError under the policy fail
   */
  refuse(file: string, { id, entry = 0 }: Pick<Sample, 'id' | 'entry'>, reason: string): void {
    if (this.policy === 'fail')
      throw new DataError(
        `data: ${file}: entry ${entry}: ${reason}; fix it, or skip such entries with --on-bad-entry skip.`,
      );
    const skipped = { file, entry, id, reason };
    if (this.keys.has(keyOf(skipped))) return;
    this.keys.add(keyOf(skipped));
    this.onSkip(skipped);
  }
}

/** An error's sentence, to end another one. */
export const asReason = (error: Error): string => error.message.replace(/\.$/, '');
