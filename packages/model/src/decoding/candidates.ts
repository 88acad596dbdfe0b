/** @file Choosing one of several sampled candidates. */

/** Callbacks of candidates, deferred by index until a candidate is chosen. */
export class Deferred {
  private readonly calls = new Map<number, (() => void)[]>();

  add(index: number, call: () => void): void {
    const list = this.calls.get(index);
    if (list) list.push(call);
    else this.calls.set(index, [call]);
  }

  /** Makes the deferred calls of a candidate, in order. */
  run(index: number): void {
    for (const call of this.calls.get(index) ?? []) call();
    this.calls.delete(index);
  }
}

/** Index of the highest probability; the first of equals. */
export function mostProbable(probabilities: readonly number[]): number {
  return probabilities.reduce((best, each, i) => (each > probabilities[best]! ? i : best), 0);
}
