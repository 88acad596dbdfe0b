/** @file The seconds that a part of the first run has. */
import { tell } from './report.ts';

/** What is left of a part's seconds. */
export class Deadline {
  private readonly end: number;
  readonly left: string[] = [];

  constructor(readonly seconds: number) {
    this.end = performance.now() + 1000 * seconds;
  }

  /**
   * Whether there is no time for `what`, which is noted; with a share below 1 the rest of the time is kept for what
   * follows.
   */
  passed(what: string, share = 1): boolean {
    const isOver = performance.now() > this.end - 1000 * this.seconds * (1 - share);
    if (isOver) this.left.push(what);
    return isOver;
  }

  /** Says what was left out. */
  tell(): void {
    if (this.left.length > 0) tell({ fact: 'left out for want of time', value: this.left });
  }
}
