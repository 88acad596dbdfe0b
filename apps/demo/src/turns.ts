/** @file Who works with the device: one after the other, in the order in which they asked. */
export class Turns {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;

  /** Whether somebody waits for the turn that is running to end. */
  get isWanted(): boolean {
    return this.waiting > 0;
  }

  /** Resolves when it is the caller's turn, with the function that ends it. */
  async take(): Promise<() => void> {
    let end = (): void => {};
    const before = this.last;
    this.last = new Promise((resolve) => (end = resolve));
    this.waiting++;
    await before;
    this.waiting--;
    return end;
  }
}
