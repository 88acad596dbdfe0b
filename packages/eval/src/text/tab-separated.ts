/**
 * @file Tab-separated tables as pandas reads them: quoted fields may contain tabs and newlines, some words mean
 * missing.
 */
import type { SourceFile } from '../benchmark.ts';
import { EvalDataError } from '../records.ts';

/** What pandas' read_table reads as a missing value. */
const missing = new Set(
  ' #N/A #N/A_N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan null'
    .split(' ')
    .map((word) => word.replace('_', ' ')),
);

export type Row = ReadonlyMap<string, string | null>;

/** The fields of one row from `at` on, and where the next row begins. */
function fieldsFrom(file: SourceFile, at: number, line: number): { fields: string[]; next: number } {
  const { text } = file;
  const fields: string[] = [];
  for (;;) {
    let field = '';
    if (text[at] === '"') {
      at++;
      for (;;) {
        const quote = text.indexOf('"', at);
        if (quote < 0)
          throw new EvalDataError(`${file.name}, row ${line}: a quote is never closed; was its download cut short?`);
        field += text.slice(at, quote);
        at = quote + 1;
        if (text[at] !== '"') break;
        field += '"';
        at++;
      }
    }
    const rest = /[\t\r\n]/g;
    rest.lastIndex = at;
    const end = rest.exec(text)?.index ?? text.length;
    fields.push(field + text.slice(at, end));
    at = end + 1;
    if (text[end] !== '\t') return { fields, next: text.startsWith('\r\n', end) ? at + 1 : at };
  }
}

/** Rows by column; a field that pandas reads as missing is null. */
export function readTable(file: SourceFile): { columns: string[]; rows: Row[] } {
  const table: string[][] = [];
  for (let at = 0; at < file.text.length; ) {
    const { fields, next } = fieldsFrom(file, at, table.length + 1);
    at = next;
    if (fields.length > 1 || fields[0] !== '') table.push(fields);
  }
  const columns = table.shift() ?? [];
  const rows = table.map((fields, i) => {
    if (fields.length > columns.length)
      throw new EvalDataError(
        `${file.name}, row ${i + 2}: it has ${fields.length} fields and the header ${columns.length}; each row must have the same number.`,
      );
    return new Map(
      columns.map((column, k) => [column, fields[k] === undefined || missing.has(fields[k]) ? null : fields[k]]),
    );
  });
  return { columns, rows };
}
