/** @file The order in which tasks use the device: one at a time, first come, first served. */
export class Turns {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;

  /** Whether somebody waits for the current turn to end. */
  get isWanted(): boolean {
    return this.waiting > 0;
  }

  /** Resolves when it is the caller's turn, with the function that ends the turn. */
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
