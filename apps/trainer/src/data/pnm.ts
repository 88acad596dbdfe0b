/**
 * @file Netpbm's formats as Pillow reads them: bits, greys and colours, binary and plain text, up to 65,535 levels.
 * Source: netpbm.sourceforge.net/doc/ppm.html; Pillow, PpmImagePlugin.
 */
import { DataError } from '@curio/engine';
import type { Picture } from '@curio/model';

export const isPnm = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1]! >= 0x31 && bytes[1]! <= 0x36 && (isSpace(bytes[2]) || bytes[2] === HASH);

const HASH = 0x23;
const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
const isEnd = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;

/** @throws DataError, its message the end of a sentence, if the file is truncated or is not such a picture */
export function decodePnm(bytes: Uint8Array): Picture {
  const kind = bytes[1]! - 0x30;
  const words = new Words(bytes, 2);
  const bits = kind === 1 || kind === 4;
  const [width, height] = [words.number('width'), words.number('height')];
  const most = bits ? 1 : words.number('greatest level');
  if (width < 1 || height < 1 || width * height > 2 ** 28 || most < 1 || most > 65_535)
    throw new DataError(`its header says ${width} × ${height} pixels of ${most} levels`);
  const bands = kind === 3 || kind === 6 ? 3 : 1;
  const levels =
    kind <= 3
      ? plain(words, width * height * bands, most, bits)
      : raw(bytes, words.at + 1, { width, height, bands, most, bits });
  // Grey of more than 255 levels is scaled to 65,535 and then clipped at 255, as Pillow does on the way to RGB.
  const wide = bands === 1 && most > 255;
  const level = (value: number): number =>
    bits ? 255 * (1 - value) : Math.min(255, halfEven((value / most) * (wide ? 65_535 : 255)));
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = level(levels[bands === 3 ? i : Math.floor(i / 3)]!);
  return { width, height, rgb };
}

/** Words separated by white space and comments. */
class Words {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  private skip(): void {
    const { bytes } = this;
    for (; ; this.at++) {
      if (bytes[this.at] === HASH) while (this.at < bytes.length && !isEnd(bytes[this.at])) this.at++;
      if (!isSpace(bytes[this.at])) return;
    }
  }

  number(what: string): number {
    this.skip();
    const from = this.at;
    while (this.at < this.bytes.length && !isSpace(this.bytes[this.at]) && this.bytes[this.at] !== HASH) this.at++;
    const word = new TextDecoder().decode(this.bytes.subarray(from, Math.min(this.at, from + 20)));
    if (word === '') throw new DataError(`it ends before its ${what}; it is cut`);
    if (!/^\d{1,10}$/.test(word)) throw new DataError(`its ${what} is '${word}', which is not a number`);
    return Number(word);
  }

  /** Bits in plain text need no space between them. */
  bit(): number {
    this.skip();
    const value = this.bytes[this.at++];
    if (value !== 0x30 && value !== 0x31)
      throw new DataError(
        value === undefined ? 'it ends before its last pixel; it is cut' : 'one of its pixels is neither 0 nor 1',
      );
    return value - 0x30;
  }
}

function plain(words: Words, count: number, most: number, bits: boolean): Uint16Array {
  const out = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const value = bits ? words.bit() : words.number(`pixel ${i}`);
    if (value > most) throw new DataError(`it has the level ${value} of ${most}`);
    out[i] = value;
  }
  return out;
}

interface Raw {
  readonly width: number;
  readonly height: number;
  readonly bands: number;
  readonly most: number;
  readonly bits: boolean;
}

function raw(bytes: Uint8Array, start: number, { width, height, bands, most, bits }: Raw): Uint16Array {
  const wide = most > 255 ? 2 : 1;
  const row = bits ? Math.ceil(width / 8) : width * bands * wide;
  if (bytes.length < start + row * height)
    throw new DataError(`it has ${bytes.length} bytes of ${start + row * height}; it is cut`);
  return Uint16Array.from({ length: width * height * bands }, (_, i) => {
    if (!bits) return wide === 2 ? bytes[start + 2 * i]! * 256 + bytes[start + 2 * i + 1]! : bytes[start + i]!;
    const x = i % width;
    return (bytes[start + Math.floor(i / width) * row + (x >> 3)]! >> (7 - (x & 7))) & 1;
  });
}

/** Python's round. */
function halfEven(x: number): number {
  const low = Math.floor(x);
  return x - low === 0.5 ? low + (low % 2) : Math.round(x);
}
