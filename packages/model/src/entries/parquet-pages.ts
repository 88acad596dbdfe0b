/** @file Looks at a Parquet file's pages before hyparquet makes arrays as large as they say. */
import type { ByteSource } from '@curio/nn';
import type { FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { parquetHeader } from 'hyparquet/src/column.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getSchemaPath } from 'hyparquet/src/schema.js';

/** Bytes that hold the head of a page, its least and greatest values included. */
const HEAD = 1 << 14;
/** Values of a page, or rows of a group; pyarrow writes groups of at most 2^20 rows. */
export const MOST_VALUES = 2 ** 22;
/** Bytes that any page may unpack to, and how many times its own size a larger one may. */
const MOST_UNPACKED = 2 ** 24;
const MOST_RATIO = 1032;

const isCount = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

/** @throws Error, as hyparquet does, if a page of a row group claims more than it can hold */
export async function requirePages(
  source: ByteSource,
  { schema, row_groups }: FileMetaData,
  group: number,
): Promise<void> {
  for (const { meta_data: about } of row_groups[group]!.columns) {
    if (!about) throw new Error('a column lacks its description');
    const path = getSchemaPath(schema, about.path_in_schema);
    const levels = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)].filter((most) => most > 0).map(bitsOf);
    const data = Number(about.data_page_offset);
    const begin = Math.min(Number(about.dictionary_page_offset ?? 0) || data, data);
    const end = begin + Number(about.total_compressed_size);
    if (!isCount(begin, source.size) || !isCount(end, source.size) || end < begin)
      throw new Error(`a column is at bytes ${begin} to ${end} of ${source.size}`);
    for (let at = begin; at < end - 1; ) {
      const bytes = await source.read(at, Math.min(HEAD, end - at));
      const reader = { view: viewOf(bytes), offset: 0 };
      const head = parquetHeader(reader);
      const { compressed_page_size: packed, uncompressed_page_size: unpacked } = head;
      at += reader.offset;
      if (!isCount(packed, end - at) || !isCount(unpacked, Math.max(MOST_UNPACKED, MOST_RATIO * packed)))
        throw new Error(`a page of ${packed} bytes claims to unpack to ${unpacked}`);
      const { data_page_header: first, data_page_header_v2: second } = head;
      const values = (first ?? second)?.num_values ?? 0;
      const words = head.dictionary_page_header?.num_values ?? 0;
      if (!isCount(values, MOST_VALUES) || !isCount(words, unpacked))
        throw new Error(`a page of ${unpacked} bytes claims to have ${values || words} values`);
      const indexed = (first ?? second)?.encoding?.endsWith('_DICTIONARY');
      if (values > 0 && (levels.length > 0 || indexed)) {
        const page = await source.read(at, packed);
        if (first) requireRuns(decompressPage(page, unpacked, about.codec, compressors), levels, indexed, values);
        else if (second) {
          const inFront = second.repetition_levels_byte_length + second.definition_levels_byte_length;
          const rest = page.subarray(inFront);
          const indices = second.is_compressed
            ? decompressPage(rest, unpacked - inFront, about.codec, compressors)
            : rest;
          const begins = levels.length === 2 ? [0, second.repetition_levels_byte_length] : [0];
          for (const [i, bits] of levels.entries()) walkRuns(viewOf(page), begins[i]!, bits, values);
          if (indexed) walkIndices(indices, 0, values - second.num_nulls);
        }
      }
      at += packed;
    }
  }
}

const bitsOf = (most: number): number => 32 - Math.clz32(most);
const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length);

/** A page of version 1: levels with their length in front, then values. */
function requireRuns(page: Uint8Array, levels: readonly number[], indexed: boolean | undefined, values: number): void {
  const view = viewOf(page);
  let at = 0;
  for (const bits of levels) {
    walkRuns(view, at + 4, bits, values);
    at += 4 + view.getUint32(at, true);
  }
  if (indexed) walkIndices(page, at, values);
}

/** Places in the dictionary, with the bits of one in front; null values have none, so there may be fewer. */
function walkIndices(page: Uint8Array, at: number, values: number): void {
  if (at < page.length && page[at]! > 0) walkRuns(viewOf(page), at + 1, page[at]!, values, page.length);
}

/** Runs of one value, and values packed by their bits, none of which may be longer than what is left. */
function walkRuns(view: DataView, begin: number, bits: number, values: number, end = Number.POSITIVE_INFINITY): void {
  let at = begin;
  for (let seen = 0; seen < values && at < end; ) {
    let head = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      const byte = view.getUint8(at++);
      head += (byte & 127) * 2 ** shift;
      more = byte > 127;
    }
    const count = Math.floor(head / 2);
    if (head % 2 === 1) {
      seen += 8 * count;
      at += bits * count;
    } else {
      if (count > values - seen)
        throw new Error(`a run of ${count} values is longer than the ${values - seen} that are left`);
      seen += count;
      at += (bits + 7) >> 3;
    }
  }
}
