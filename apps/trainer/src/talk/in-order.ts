/** @file Texts that grow side by side, printed one after the other: one while it grows, the rest at their turn. */

interface Slot {
  text: string;
  ended: boolean;
}

export class InOrder {
  private readonly slots: Slot[];
  private at = 0;
  private printed = 0;

  /** @param before what stands before each text */
  constructor(
    private readonly write: (text: string) => void,
    private readonly before: readonly string[],
  ) {
    this.slots = before.map(() => ({ text: '', ended: false }));
  }

  /** A text as far as it is known. */
  grow(index: number, text: string): void {
    this.slots[index]!.text = text;
    if (index === this.at) this.print();
  }

  /** A text is whole. */
  end(index: number): void {
    this.slots[index]!.ended = true;
    while (this.slots[this.at]?.ended) {
      this.print();
      this.at++;
      this.printed = 0;
    }
  }

  private print(): void {
    const { text } = this.slots[this.at]!;
    if (this.printed === 0) this.write(this.before[this.at]!);
    // Once its beginning is out, an empty text is done as well.
    this.write(text.slice(Math.max(0, this.printed - 1)));
    this.printed = text.length + 1;
  }
}
