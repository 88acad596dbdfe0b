/**
 * @file Text that grows id by id: a piece is returned once it is certain, so that the joined pieces are the answer,
 * trimmed and cut at a stop string.
 */
import type { Tokens } from '../data/tokens.ts';

/** What a decoder returns for bytes that are not yet a complete character. */
const INCOMPLETE = /\ufffd+$/;

export class TextStream {
  /** What is certain so far. */
  text = '';
  /** Whether a stop string has occurred. */
  stopped = false;
  readonly ids: number[] = [];

  /** @param stop texts that end the answer where the first of them begins */
  constructor(
    private readonly tokens: Tokens,
    private readonly stop: readonly string[] = [],
  ) {}

  /** Takes the next id and returns the text that has become certain, often none. */
  push(id: number): string {
    this.ids.push(id);
    const whole = this.tokens.decode(this.ids).trimStart();
    const found = this.stop.map((word) => whole.indexOf(word)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.stopped = true;
      return this.grow(whole.slice(0, Math.min(...found)).trimEnd());
    }
    const open = Math.max(0, ...this.stop.map((word) => begun(whole, word)));
    return this.grow(
      whole
        .slice(0, whole.length - open)
        .replace(INCOMPLETE, '')
        .trimEnd(),
    );
  }

  /** The rest, when no more ids come. */
  end(): string {
    return this.stopped ? '' : this.grow(this.tokens.decode(this.ids).trim());
  }

  private grow(certain: string): string {
    if (certain.length <= this.text.length) return '';
    const piece = certain.slice(this.text.length);
    this.text = certain;
    return piece;
  }
}

/** How many characters at the end of a text are the beginning of a word. */
function begun(text: string, word: string): number {
  let n = Math.min(text.length, word.length - 1);
  while (n > 0 && !text.endsWith(word.slice(0, n))) n--;
  return n;
}
