/** @file Prints texts that are streamed in parallel one after the other: the current one live, later ones buffered. */

interface Slot {
  text: string;
  ended: boolean;
}

export class OrderedOutput {
  private readonly slots: Slot[];
  private at = 0;
  private printed = 0;

  /** @param prefixes printed before each text */
  constructor(
    private readonly write: (text: string) => void,
    private readonly prefixes: readonly string[],
  ) {
    this.slots = prefixes.map(() => ({ text: '', ended: false }));
  }

  /** Updates a text to what is known of it so far. */
  update(index: number, text: string): void {
    this.slots[index]!.text = text;
    if (index === this.at) this.print();
  }

  /** Marks a text as complete. */
  finish(index: number): void {
    this.slots[index]!.ended = true;
    while (this.slots[this.at]?.ended) {
      this.print();
      this.at++;
      this.printed = 0;
    }
  }

  private print(): void {
    const { text } = this.slots[this.at]!;
    if (this.printed === 0) this.write(this.prefixes[this.at]!);
    // An offset of 1 tells an empty text whose prefix is printed from one that has not started.
    this.write(text.slice(Math.max(0, this.printed - 1)));
    this.printed = text.length + 1;
  }
}
