/** @file Entries of a Parquet file, one a row, as Hugging Face's data sets have them. Read by hyparquet. */
import { DataError } from '@curio/engine';
import { shownText } from '@curio/nn';
import type { ByteSource } from '@curio/nn';
import { parquetMetadataAsync, parquetReadObjects, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Entries, VisitEntry } from './entries.ts';
import { MOST_VALUES, requirePages } from './parquet-pages.ts';

const MAGIC = [0x50, 0x41, 0x52, 0x31];
/** Row groups that stay unpacked: in a shuffled order each row is of another one. */
const KEPT = 4;

/** Whether a file begins as Parquet does. */
export async function isParquet(source: ByteSource): Promise<boolean> {
  if (source.size < 12) return false;
  const begin = await source.read(0, 4);
  return MAGIC.every((byte, i) => begin[i] === byte);
}

export interface ParquetEntries extends Entries {
  /** Scans the rows once; `progress` is called with the rows done and the total. */
  scan(visit: VisitEntry, progress?: (done: number, total: number) => void): Promise<void>;
}

/** What hyparquet complains of in its own words; an error of its code says nothing to a reader. */
function said(error: unknown): string {
  const message = error instanceof Error && error.constructor === Error ? error.message : '';
  return message === '' || /undefined|NaN|\[object/.test(message)
    ? 'it is damaged'
    : shownText(message.replace(/\.$/, ''));
}

/** @throws DataError where the file is damaged, packed in a way that is not known, or empty */
export async function openParquet(file: string, source: ByteSource): Promise<ParquetEntries> {
  const buffer = {
    byteLength: source.size,
    slice: async (begin: number, end = source.size) => {
      const bytes = await source.read(begin, end - begin);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
  const fail = (error: unknown): never => {
    throw new DataError(
      `data: ${file}: it cannot be read as Parquet (${said(error)}); copy it again, or write it as JSON lines.`,
      { cause: error },
    );
  };
  const metadata: FileMetaData = await parquetMetadataAsync(buffer).catch(fail);
  const children = metadata.schema.reduce((sum, { num_children = 0 }) => sum + num_children, 0);
  if (children !== metadata.schema.length - 1 || metadata.schema.some(({ num_children = 0 }) => num_children < 0))
    fail(new Error(`its schema has ${metadata.schema.length} columns and names ${children} inside others`));
  const groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const large = groups.find((rows) => !(rows >= 0 && rows <= MOST_VALUES));
  if (large !== undefined) fail(new Error(`a group has ${large} rows, and at most ${MOST_VALUES} are read at once`));
  const starts = groups.map((_, i) => groups.slice(0, i).reduce((sum, rows) => sum + rows, 0));
  const count = groups.reduce((sum, rows) => sum + rows, 0);
  if (count === 0) throw new DataError(`data: ${file}: holds no sample; it must hold at least one.`);
  const unpackRows = async (group: number): Promise<Record<string, unknown>[]> => {
    await requirePages(source, metadata, group);
    const rowStart = starts[group]!;
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      compressors,
      utf8: false,
      rowStart,
      rowEnd: rowStart + groups[group]!,
    });
    if (rows.length !== groups[group]) throw new Error(`${groups[group]} rows were announced and ${rows.length} came`);
    return rows;
  };
  const unpack = (group: number): Promise<Record<string, unknown>[]> => unpackRows(group).catch(fail);
  const kept = new Map<number, Promise<Record<string, unknown>[]>>();
  return {
    file,
    count,
    async read(entry) {
      const group = starts.findIndex((start, i) => entry < start + groups[i]!);
      const rows = kept.get(group) ?? unpack(group);
      kept.delete(group);
      kept.set(group, rows);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
      return (await rows)[entry - starts[group]!];
    },
    async scan(visit, progress) {
      for (const [group, start] of starts.entries()) {
        const rows = await unpack(group);
        for (const [i, row] of rows.entries()) await visit(row, start + i);
        progress?.(start + rows.length, count);
      }
    },
  };
}
