/**
 * @file Zip archives of stored entries, as PyTorch writes and maps them; from 4 GiB on with zip64 records
 * (APPNOTE 4.3.14, 4.3.15, 4.5.3).
 */
export interface StoredEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Their CRC-32, where it is known. */
  readonly checksum?: number;
}

/** Data begins at multiples of this, as torch writes it. */
const ALIGNMENT = 64;
/** A field with this value means that the real one is in a zip64 record. */
const WIDE = 0xffffffff;
const WIDE_COUNT = 0xffff;
/** The version of the format that zip64 needs, 4.5. */
const ZIP64 = 45;

/**
 * The archive as a list of chunks, among them the entries' own bytes, which are not copied.
 * @param wideFrom sizes and offsets from here on are written as zip64; lowered only by tests
 */
export function storedZip(entries: readonly StoredEntry[], wideFrom = WIDE): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    at += chunk.length;
  };
  const narrow = (value: number): Field => [value >= wideFrom ? WIDE : value, 4];
  for (const { name, bytes, checksum = crc32(bytes) } of entries) {
    const start = at;
    const path = new TextEncoder().encode(name);
    const size = bytes.length;
    const sizes: Field[] = size >= wideFrom ? [wide(size), wide(size)] : [];
    const about = (place: Field[]): Field[] => [
      [sizes.length + place.length > 0 ? ZIP64 : 0, 2], // version
      ...short(0, 0, 0, 0), // flags, method, time, date
      [checksum, 4],
      narrow(size),
      narrow(size),
      [path.length, 2],
    ];
    const widened = wideField(sizes);
    const pad = (2 * ALIGNMENT - ((at + 34 + path.length + widened.length) % ALIGNMENT)) % ALIGNMENT;
    // torch's own extra field ("FB") pads the data to its alignment.
    const extra = new Uint8Array(4 + pad).fill(0x5a);
    extra.set([0x46, 0x42, pad & 255, pad >> 8]);
    put(record([0x04034b50, 4], ...about([]), [widened.length + extra.length, 2]));
    put(path);
    put(widened);
    put(extra);
    put(bytes);
    const place: Field[] = start >= wideFrom ? [wide(start)] : [];
    const all = wideField([...sizes, ...place]);
    // Version made by, extra, comment, disk, internal and external attributes, offset.
    const head = record([0x02014b50, 4], [0, 2], ...about(place), ...short(all.length, 0, 0, 0), [0, 4], narrow(start));
    directory.push(head, path, all);
  }
  const begin = at;
  directory.forEach(put);
  const [count, size, end] = [entries.length, at - begin, at];
  if (count >= WIDE_COUNT || begin >= wideFrom || size >= wideFrom) {
    const versions = short(ZIP64, ZIP64);
    const totals = [wide(count), wide(count), wide(size), wide(begin)];
    put(record([0x06064b50, 4], wide(44), ...versions, [0, 4], [0, 4], ...totals));
    put(record([0x07064b50, 4], [0, 4], wide(end), [1, 4]));
  }
  const most = Math.min(count, WIDE_COUNT);
  put(record([0x06054b50, 4], ...short(0, 0, most, most), narrow(size), narrow(begin), [0, 2]));
  return chunks;
}

type Field = readonly [value: number, bytes: 2 | 4 | 8];

const wide = (value: number): Field => [value, 8];
const short = (...values: number[]): Field[] => values.map((value) => [value, 2]);

/** The zip64 extra field; empty if nothing needs it. */
const wideField = (fields: readonly Field[]): Uint8Array =>
  fields.length === 0 ? new Uint8Array(0) : record([1, 2], [8 * fields.length, 2], ...fields);

function record(...fields: readonly Field[]): Uint8Array {
  const out = new Uint8Array(fields.reduce((sum, [, bytes]) => sum + bytes, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  return out;
}

/** `tables[k][b]`: the checksum of byte b followed by k zeros, so that eight bytes are looked up at once. */
let tables: readonly Uint32Array[] | undefined;

function crcTables(): readonly Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, i) => {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  const all = [first];
  for (let k = 1; k < 8; k++) all.push(all[k - 1]!.map((c) => first[c & 255]! ^ (c >>> 8)));
  return all;
}

/** CRC-32 (ISO 3309), by slices of eight bytes: a checkpoint has gigabytes. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (tables ??= crcTables()) as Uint32Array[];
  let crc = 0xffffffff;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t7![low & 255]! ^
      t6![(low >>> 8) & 255]! ^
      t5![(low >>> 16) & 255]! ^
      t4![low >>> 24]! ^
      t3![bytes[i + 4]!]! ^
      t2![bytes[i + 5]!]! ^
      t1![bytes[i + 6]!]! ^
      t0![bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = t0![(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
