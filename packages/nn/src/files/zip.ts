/**
 * @file Where the entries of a zip archive lie, for archives that store them uncompressed (as PyTorch does), zip64
 * included.
 */
import { WeightError } from '@curio/engine';
import type { ByteSource } from './tensor-file.ts';

export interface ZipEntry {
  readonly offset: number;
  readonly size: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** The end record and the longest comment behind it. */
const TAIL = 22 + 0xffff;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const u64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

/**
 * Reads the central directory and the entries' local headers.
 * @throws WeightError for anything but a whole archive of stored entries
 */
export async function openZip(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const fail = (what: string): never => {
    throw new WeightError(`zip: ${source.name}: ${what}`);
  };
  const directory = await findDirectory(source, fail);
  if (directory.offset + directory.size > source.size)
    fail(
      `its directory ends at byte ${directory.offset + directory.size} and the file has ${source.size}; it is truncated.`,
    );
  const view = viewOf(await source.read(directory.offset, directory.size));
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < directory.count; i++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL)
      fail(`entry ${i} of ${directory.count} is damaged.`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameLength));
    if (view.getUint16(at + 10, true) !== 0) fail(`'${name}' is compressed; only stored entries can be read.`);
    const wide = readWide(view, at, at + 46 + nameLength, extraLength);
    const local = viewOf(await source.read(wide.header, 30));
    if (local.getUint32(0, true) !== LOCAL)
      fail(`'${name}' has no header at byte ${wide.header}; the archive is damaged.`);
    const offset = wide.header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    if (offset + wide.size > source.size)
      fail(`'${name}' ends at byte ${offset + wide.size} and the file has ${source.size}; it is truncated.`);
    entries.set(name, { offset, size: wide.size });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

async function findDirectory(
  source: ByteSource,
  fail: (what: string) => never,
): Promise<ZipEntry & { readonly count: number }> {
  const from = Math.max(0, source.size - TAIL);
  const tail = viewOf(await source.read(from, source.size - from));
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
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
  const record = viewOf(await source.read(u64(tail, locator + 8), 56));
  if (record.getUint32(0, true) !== END64) fail('its zip64 record is damaged.');
  return { count: u64(record, 32), size: u64(record, 40), offset: u64(record, 48) };
}

/** Size and place of an entry; values of all ones stand in the zip64 extra field instead, in this order. */
function readWide(view: DataView, at: number, extra: number, extraLength: number): { size: number; header: number } {
  let size = view.getUint32(at + 24, true);
  const stored = view.getUint32(at + 20, true);
  let header = view.getUint32(at + 42, true);
  for (let field = extra; field + 4 <= extra + extraLength; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    let place = field + 4;
    if (size === 0xffffffff) (size = u64(view, place)), (place += 8);
    if (stored === 0xffffffff) place += 8;
    if (header === 0xffffffff) header = u64(view, place);
  }
  return { size, header };
}
