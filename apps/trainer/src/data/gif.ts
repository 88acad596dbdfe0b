/**
 * @file The uncovered pixels of a GIF's first frame, transparent ones and the canvas around it, and their colour: in
 * Pillow the palette's entry at the transparent index, or at 0 without one. Source: GIF89a; Pillow, GifImagePlugin.
 */

export interface FirstFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of uncovered pixels. */
  readonly open: readonly [number, number, number];
}

/** Read from a file that a decoder has accepted; zeros if it ends before its frame. */
export function firstFrame(bytes: Uint8Array): FirstFrame {
  const tableSize = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const word = (at: number): number => (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  let clear = 0;
  let at = 13 + tableSize(bytes[10] ?? 0);
  while (bytes[at] === 0x21) {
    // A graphic control extension: its flags say whether the fourth byte of its block is a transparent index.
    if (bytes[at + 1] === 0xf9 && bytes[at + 3]! & 1) clear = bytes[at + 6]!;
    at += 2;
    while (bytes[at]) at += bytes[at]! + 1;
    at++;
  }
  const from = (tableSize(bytes[at + 9] ?? 0) > 0 ? at + 10 : 13) + 3 * clear;
  return {
    left: word(at + 1),
    top: word(at + 3),
    width: word(at + 5),
    height: word(at + 7),
    open: [bytes[from] ?? 0, bytes[from + 1] ?? 0, bytes[from + 2] ?? 0],
  };
}
