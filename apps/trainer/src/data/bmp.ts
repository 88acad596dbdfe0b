/**
 * @file Windows bitmaps as Pillow reads them: 1, 4, 8, 16, 24 and 32 bits per pixel, RLE, masks, both header families.
 * Source: Microsoft, BITMAPINFOHEADER and BITMAPCOREHEADER; Pillow, BmpImagePlugin.
 */
import { DataError } from '@curio/engine';
import type { Picture } from '@curio/model';

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

/** More pixels than this are a broken header. */
const MOST_PIXELS = 2 ** 28;

/** @throws DataError, its message the end of a sentence, if the file is truncated or of a kind that Pillow refuses */
export function decodeBmp(bytes: Uint8Array): Picture {
  const head = readHead(bytes);
  const { width, height, bits, compression, start } = head;
  const indices = compression === RLE8 || compression === RLE4 ? runs(bytes.subarray(start), head, start) : null;
  const stride = 4 * Math.ceil((width * bits) / 32);
  if (!indices && bytes.length < start + stride * height)
    throw new DataError(`it has ${bytes.length} bytes of ${start + stride * height}; it is cut`);
  const rgb = new Uint8Array(width * height * 3);
  const colour = indices ? paletted(bytes, head, (x, row) => indices[row * width + x]!) : colourOf(bytes, head, stride);
  for (let y = 0; y < height; y++) {
    const row = head.topDown ? y : height - 1 - y;
    for (let x = 0; x < width; x++) colour(x, row, rgb, (y * width + x) * 3);
  }
  return { width, height, rgb };
}

const RLE8 = 1;
const RLE4 = 2;
const MASKS = 3;

interface Head {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Offsets of the pixels and of the palette, and the size of a palette entry in bytes. */
  readonly start: number;
  readonly palette: number;
  readonly entry: number;
  readonly colours: number;
  /** Of red, green and blue. */
  readonly masks: readonly [number, number, number];
}

/** Writes the colour at column x of a row of the file to `out` from `at` on. */
type Colour = (x: number, row: number, out: Uint8Array, at: number) => void;

function readHead(bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length >= 18 ? view.getUint32(14, true) : 0;
  if (bytes.length < 14 + Math.max(size, 12)) throw new DataError('it ends within its header; it is cut');
  const start = view.getUint32(10, true);
  const check = (head: Head): Head => {
    const { width, height, bits, compression } = head;
    if (width < 1 || height < 1 || width * height > MOST_PIXELS)
      throw new DataError(`its header says ${width} × ${height} pixels`);
    const fits =
      compression === 0
        ? [1, 4, 8, 16, 24, 32].includes(bits)
        : (compression === RLE8 && bits === 8) ||
          (compression === RLE4 && bits === 4) ||
          (compression === MASKS && [16, 24, 32].includes(bits));
    if (!fits)
      throw new DataError(`its pixels are of ${bits} bits under compression ${compression}, which is not known`);
    return head;
  };
  if (size === 12) {
    const [width, height, bits] = [view.getUint16(18, true), view.getUint16(20, true), view.getUint16(24, true)];
    const colours = 2 ** Math.min(bits, 8);
    return check({
      width,
      height,
      topDown: false,
      bits,
      compression: 0,
      start,
      palette: 26,
      entry: 3,
      colours,
      masks: NO_MASKS,
    });
  }
  if (size < 40) throw new DataError(`its header has ${size} bytes, which is not known`);
  const [tall, bits, compression] = [view.getInt32(22, true), view.getUint16(28, true), view.getUint32(30, true)];
  const masked = compression === MASKS;
  // Masks follow the shortest header and are part of the longer ones: at the same offset either way.
  const after = masked && size === 40 ? 12 : 0;
  if (masked && bytes.length < 66) throw new DataError('it ends within its header; it is cut');
  return check({
    width: view.getInt32(18, true),
    height: Math.abs(tall),
    topDown: tall < 0,
    bits,
    compression,
    start,
    palette: 14 + size + after,
    entry: 4,
    colours: view.getUint32(46, true) || 2 ** Math.min(bits, 8),
    masks: masked ? [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true)] : NO_MASKS,
  });
}

const NO_MASKS = [0, 0, 0] as const;

function colourOf(bytes: Uint8Array, head: Head, stride: number): Colour {
  const { bits, start } = head;
  const rowAt = (row: number): number => start + row * stride;
  if (bits <= 8) {
    const most = 2 ** bits - 1;
    return paletted(bytes, head, (x, row) => {
      const bit = x * bits;
      return (bytes[rowAt(row) + (bit >> 3)]! >> (8 - bits - (bit & 7))) & most;
    });
  }
  const [red, green, blue] = channels(head);
  const wide = bits / 8;
  return (x, row, out, at) => {
    const place = rowAt(row) + x * wide;
    let value = 0;
    for (let i = 0; i < wide; i++) value += bytes[place + i]! * 256 ** i;
    out[at] = red!(value);
    out[at + 1] = green!(value);
    out[at + 2] = blue!(value);
  };
}

/** How red, green and blue are extracted from a pixel. */
function channels({ bits, compression, masks }: Head): ((value: number) => number)[] {
  const usual = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  const chosen = compression === MASKS && masks.some((mask) => mask !== 0) ? masks : usual;
  return chosen.map((mask) => {
    const shift = 31 - Math.clz32(mask & -mask);
    const most = mask >>> shift;
    if (mask === 0 || ![0x1f, 0x3f, 0xff].includes(most))
      throw new DataError(`its masks are ${masks.map((each) => each.toString(16)).join(', ')}, which are not known`);
    return (value) => Math.floor((((value >>> shift) & most) * 255) / most);
  });
}

function paletted(
  bytes: Uint8Array,
  { palette, entry, colours, start }: Head,
  index: (x: number, row: number) => number,
): Colour {
  const count = Math.min(colours, 256);
  if (palette + count * entry > Math.max(start, bytes.length))
    throw new DataError('it ends within its palette; it is cut');
  return (x, row, out, at) => {
    const chosen = index(x, row);
    const from = palette + chosen * entry;
    // Indices beyond the palette are black.
    for (let c = 0; c < 3; c++) out[at + c] = chosen < count ? bytes[from + 2 - c]! : 0;
  };
}

/**
 * The indices of a file of runs, row by row as the file has them. `offset` is where its pixels begin: what is copied
 * ends at an even byte of the file.
 */
function runs(data: Uint8Array, { width, height, compression }: Head, offset: number): Uint8Array {
  const out = new Uint8Array(width * height);
  const nibbles = compression === RLE4;
  let [at, done] = [0, 0];
  const put = (value: number): void => void (done < out.length && (out[done++] = value));
  while (done < out.length && at + 1 < data.length) {
    const [count, value] = [data[at++]!, data[at++]!];
    if (count > 0) {
      const room = Math.min(count, width - (done % width));
      for (let i = 0; i < room; i++) put(nibbles ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
    } else if (value === 0) {
      while (done % width !== 0) put(0);
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      const [right, up] = [data[at++] ?? 0, data[at++] ?? 0];
      done = Math.min(out.length, done + right + up * width);
    } else {
      for (let i = 0; i < value; i++) {
        const byte = data[at + (nibbles ? i >> 1 : i)] ?? 0;
        put(nibbles ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte);
      }
      at += nibbles ? Math.ceil(value / 2) : value;
      at += (at + offset) % 2;
    }
  }
  if (done < out.length) throw new DataError(`its runs end after ${done} of ${out.length} pixels; it is cut`);
  return out;
}
