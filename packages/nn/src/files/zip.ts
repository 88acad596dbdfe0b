/**
 * @file Locates the entries of a zip archive that stores them uncompressed (as PyTorch does), zip64 included. The
 * directory is read at once, and an entry's own header only when needed, since over HTTP each read is a request.
 */
import { WeightError } from '@curio/engine';
import { shownText } from './shown.ts';
import { readExactly, type ByteSource } from './tensor-file.ts';

export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /** Where its own header begins. */
  readonly header: number;
}

export interface Zip {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Where an entry's data begins. @throws WeightError when its header is damaged */
  locate(entry: ZipEntry): Promise<number>;
  /** All bytes of the entry called `name`, which must exist. */
  read(name: string): Promise<Uint8Array>;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** Means that the number has 64 bits and is in a zip64 record. */
const WIDE = 0xffffffff;
/** The end record and the longest comment after it. */
const TAIL = 22 + 0xffff;
/** An entry takes about 80 bytes of the directory. */
const MOST_DIRECTORY = 16_000_000;

type Fail = (what: string) => never;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const u64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

/**
 * Reads the directory of an archive.
 * @throws WeightError for anything but a whole archive of stored entries, each name once
 */
export async function openZip(source: ByteSource): Promise<Zip> {
  const fail: Fail = (what) => {
    throw new WeightError(`zip: ${source.name}: ${what}`);
  };
  const directory = await findDirectory(source, fail);
  const { offset, size, count } = directory;
  if (offset + size > source.size)
    fail(`its directory ends at byte ${offset + size} and the file has ${source.size}; it is truncated.`);
  if (size > MOST_DIRECTORY) fail(`its directory has ${size} bytes; at most ${MOST_DIRECTORY} are read.`);
  const view = viewOf(await readExactly(source, offset, size));
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL) fail(`entry ${i} of ${count} is damaged.`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) fail(`entry ${i} of ${count} is damaged.`);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameLength));
    if (view.getUint16(at + 8, true) & 1) fail(`'${shownText(name)}' is encrypted; only plain entries can be read.`);
    if (view.getUint16(at + 10, true) !== 0)
      fail(`'${shownText(name)}' is compressed; only stored entries can be read.`);
    if (entries.has(name)) fail(`it contains '${shownText(name)}' twice; names must differ.`);
    const extra = at + 46 + nameLength;
    const wide = readWide(view, at, extra, extra + extraLength);
    if (!wide) return fail(`the sizes of '${shownText(name)}' are damaged.`);
    if (wide.header + 30 + wide.size > source.size)
      fail(
        `'${shownText(name)}' ends beyond byte ${wide.header + 30 + wide.size} and the file has ${source.size}; it is truncated.`,
      );
    entries.set(name, { name, ...wide });
    at = next;
  }
  const places = new Map<ZipEntry, Promise<number>>();
  const locate = (entry: ZipEntry): Promise<number> => {
    const place = places.get(entry) ?? locateEntry(source, entry, fail);
    places.set(entry, place);
    // A read that failed, perhaps because of the network, is retried the next time.
    place.catch(() => places.delete(entry));
    return place;
  };
  const read = async (name: string): Promise<Uint8Array> => {
    const entry = entries.get(name)!;
    return readExactly(source, await locate(entry), entry.size);
  };
  return { entries, locate, read };
}

async function locateEntry(source: ByteSource, entry: ZipEntry, fail: Fail): Promise<number> {
  const { name, size, header } = entry;
  const path = new TextEncoder().encode(name);
  const bytes = await readExactly(source, header, Math.min(30 + path.length, source.size - header));
  const local = viewOf(bytes);
  if (local.getUint32(0, true) !== LOCAL)
    fail(`'${shownText(name)}' has no header at byte ${header}; the archive is damaged.`);
  const [nameLength, extraLength] = [26, 28].map((field) => local.getUint16(field, true));
  const own = new TextDecoder().decode(bytes.subarray(30, 30 + nameLength));
  if (nameLength !== path.length || own !== name)
    fail(`'${shownText(name)}' is listed at byte ${header}, where another entry begins; the archive is damaged.`);
  const offset = header + 30 + nameLength + extraLength;
  if (offset + size > source.size)
    fail(`'${shownText(name)}' ends at byte ${offset + size} and the file has ${source.size}; it is truncated.`);
  // Bit 3: the sizes were not known when the header was written, and follow the data. torch does this.
  if (!(local.getUint16(6, true) & 8)) {
    let told = local.getUint32(22, true);
    if (told === WIDE) {
      const extra = await readExactly(source, offset - extraLength, extraLength);
      told = wideFields(viewOf(extra), 0, extraLength)[0] ?? WIDE;
    }
    if (told !== size)
      fail(
        `'${shownText(name)}' has ${size} bytes according to the directory and ${told} according to its own header; the archive is damaged.`,
      );
  }
  return offset;
}

async function findDirectory(
  source: ByteSource,
  fail: Fail,
): Promise<{ readonly offset: number; readonly size: number; readonly count: number }> {
  const from = Math.max(0, source.size - TAIL);
  const tail = viewOf(await readExactly(source, from, source.size - from));
  let end = tail.byteLength - 22;
  const isEnd = (at: number): boolean =>
    tail.getUint32(at, true) === END && at + 22 + tail.getUint16(at + 20, true) === tail.byteLength;
  while (end >= 0 && !isEnd(end)) end--;
  if (end < 0)
    return fail('no end of a zip archive found; it is truncated, or not a PyTorch file of version 1.6 or later.');
  const locator = end - 20;
  if (locator < 0 || tail.getUint32(locator, true) !== LOCATOR64) {
    return {
      count: tail.getUint16(end + 10, true),
      size: tail.getUint32(end + 12, true),
      offset: tail.getUint32(end + 16, true),
    };
  }
  const at = u64(tail, locator + 8);
  if (at + 56 > source.size) fail(`its zip64 record is listed at byte ${at} of ${source.size}; it is damaged.`);
  const record = viewOf(await readExactly(source, at, 56));
  if (record.getUint32(0, true) !== END64) fail('its zip64 record is damaged.');
  return { count: u64(record, 32), size: u64(record, 40), offset: u64(record, 48) };
}

/**
 * Size and offset of an entry; a value of all ones is in the zip64 extra field instead, in this order. Undefined if
 * that field is too short.
 */
function readWide(
  view: DataView,
  at: number,
  extra: number,
  extraEnd: number,
): { size: number; header: number } | undefined {
  const wide = wideFields(view, extra, extraEnd);
  let next = 0;
  const [size, stored, header] = [24, 20, 42].map((field) => {
    const value = view.getUint32(at + field, true);
    return value === WIDE && wide.length > 0 ? wide[next++] : value;
  });
  return size !== undefined && header !== undefined && stored === size ? { size, header } : undefined;
}

/** The numbers of the zip64 extra field among the extra fields between two offsets; none if it is missing. */
function wideFields(view: DataView, from: number, to: number): number[] {
  for (let field = from; field + 4 <= to; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    const end = Math.min(to, field + 4 + view.getUint16(field + 2, true));
    const values: number[] = [];
    for (let at = field + 4; at + 8 <= end && values.length < 3; at += 8) values.push(u64(view, at));
    return values;
  }
  return [];
}
