/** @file Entries of a Parquet file, one a row, as Hugging Face's data sets have them. Read by hyparquet. */
import { DataError } from '@curio/engine';
import type { ByteSource } from '@curio/nn';
import { parquetMetadataAsync, parquetReadObjects, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Entries, VisitEntry } from './entries.ts';

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
  /** Goes through the rows once; `progress` is told rows done, and in all. */
  scan(visit: VisitEntry, progress?: (done: number, total: number) => void): Promise<void>;
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
      `data: ${file}: it cannot be read as Parquet (${(error as Error).message.replace(/\.$/, '')}); copy it again, or write it as JSON lines.`,
      { cause: error },
    );
  };
  const metadata: FileMetaData = await parquetMetadataAsync(buffer).catch(fail);
  const groups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const starts = groups.map((_, i) => groups.slice(0, i).reduce((sum, rows) => sum + rows, 0));
  const count = groups.reduce((sum, rows) => sum + rows, 0);
  if (count === 0) throw new DataError(`data: ${file}: holds no sample; it must hold at least one.`);
  const unpack = (group: number): Promise<Record<string, unknown>[]> =>
    parquetReadObjects({
      file: buffer,
      metadata,
      compressors,
      utf8: false,
      rowStart: starts[group]!,
      rowEnd: starts[group]! + groups[group]!,
    }).catch(fail);
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
