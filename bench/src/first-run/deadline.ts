/** @file The time limit of a part of the first run. */
import { emit } from './report.ts';

/** The remaining time of a part. */
export class Deadline {
  private readonly end: number;
  readonly left: string[] = [];

  constructor(readonly seconds: number) {
    this.end = performance.now() + 1000 * seconds;
  }

  /**
   * Whether there is no time left for `what`, which is then noted; with a share below 1, the rest of the time is
   * reserved for what follows.
   */
  passed(what: string, share = 1): boolean {
    const isOver = performance.now() > this.end - 1000 * this.seconds * (1 - share);
    if (isOver) this.left.push(what);
    return isOver;
  }

  /** Reports what was skipped. */
  emit(): void {
    if (this.left.length > 0) emit({ fact: 'left out for want of time', value: this.left });
  }
}
