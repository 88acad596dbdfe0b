/** @file Of several texts that were drawn in place of one, the one that is kept. */

/** What is told of texts, kept by their number until one of them is chosen. */
export class Withheld {
  private readonly told = new Map<number, (() => void)[]>();

  keep(index: number, tell: () => void): void {
    const list = this.told.get(index);
    if (list) list.push(tell);
    else this.told.set(index, [tell]);
  }

  release(index: number): void {
    for (const tell of this.told.get(index) ?? []) tell();
    this.told.delete(index);
  }
}

/** Index of the greatest probability; the first of equals. */
export function surest(probabilities: readonly number[]): number {
  return probabilities.reduce((best, each, i) => (each > probabilities[best]! ? i : best), 0);
}
