/**
 * @file JSON and JSON lines read field by field; errors name the file, entry and field and give both values.
 */
import type { SourceFile } from './benchmark.ts';

/** Data that a benchmark cannot use. One sentence: where, what is wrong, what would be right. */
export class EvalDataError extends Error {
  override name = 'EvalDataError';
}

export const shown = (value: unknown): string => {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

/** One object of a file. `where` is for example `pope.jsonl, line 3`. */
export class FileRecord {
  constructor(
    readonly where: string,
    readonly fields: Readonly<Record<string, unknown>>,
  ) {}

  has(field: string): boolean {
    return this.fields[field] !== undefined && this.fields[field] !== null;
  }

  refuse(field: string, wanted: string): never {
    throw new EvalDataError(`${this.where}: field '${field}' is ${shown(this.fields[field])}; it must be ${wanted}.`);
  }

  #take<T>(field: string, fits: (value: unknown) => boolean, wanted: string): T {
    return fits(this.fields[field]) ? (this.fields[field] as T) : this.refuse(field, wanted);
  }

  text(field: string, wanted = 'a string'): string {
    return this.#take(field, (value) => typeof value === 'string', wanted);
  }

  whole(field: string, wanted = 'a whole number'): number {
    return this.#take(field, Number.isSafeInteger, wanted);
  }

  id(field = 'question_id'): string | number {
    return this.#take(
      field,
      (value) => typeof value === 'string' || Number.isSafeInteger(value),
      'a string or a whole number, unique in the file',
    );
  }

  oneOf<T extends string>(field: string, values: readonly T[]): T {
    return this.#take(field, (value) => values.includes(value as T), `one of ${values.map(shown).join(', ')}`);
  }

  list(field: string, wanted = 'a list'): unknown[] {
    return this.#take(field, Array.isArray, wanted);
  }

  texts(field: string, wanted = 'a list of strings'): string[] {
    return this.#take(
      field,
      (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
      wanted,
    );
  }

  /** A list of objects; each one's `where` names the field and the index. */
  records(field: string): FileRecord[] {
    return this.list(field, 'a list of objects').map((each, i) => recordOf(`${this.where}, ${field}[${i}]`, each));
  }

  record(field: string): FileRecord {
    return recordOf(`${this.where}, ${field}`, this.fields[field]);
  }
}

export function recordOf(where: string, value: unknown): FileRecord {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new EvalDataError(`${where}: ${shown(value)} is not an object; it must be one, {…}.`);
  return new FileRecord(where, value as Record<string, unknown>);
}

function parse(where: string, text: string, wanted: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EvalDataError(`${where}: ${shown(text)} is not JSON (${(error as Error).message}); ${wanted}.`);
  }
}

/** A file with one JSON object a line; empty lines are skipped. */
export const readJsonLines = (file: SourceFile): FileRecord[] =>
  file.text.split('\n').flatMap((line, i) => {
    const where = `${file.name}, line ${i + 1}`;
    return line.trim() ? [recordOf(where, parse(where, line, 'each line must be one JSON object'))] : [];
  });

export const readJson = (file: SourceFile): unknown =>
  parse(file.name, file.text, 'the file must be one JSON value; was its download cut short?');

export const readJsonObject = (file: SourceFile): FileRecord => recordOf(file.name, readJson(file));

export function readJsonList(file: SourceFile): FileRecord[] {
  const list = readJson(file);
  if (!Array.isArray(list)) throw new EvalDataError(`${file.name}: it is ${shown(list)}; it must be a list, […].`);
  return list.map((each, i) => recordOf(`${file.name}, entry ${i + 1}`, each));
}

/** The file of a role that the benchmark cannot do without. */
export function required<Role extends string>(
  benchmark: string,
  files: Readonly<Partial<Record<Role, SourceFile>>>,
  role: Role,
  path: string,
): SourceFile {
  const file = files[role];
  if (!file)
    throw new EvalDataError(`${benchmark}: the file '${role}' is missing; give ${path} from the published bundle.`);
  return file;
}

/** Refuses a file without entries, which would silently score 0. */
export function someOf<T>(file: SourceFile, entries: T[]): T[] {
  if (!entries.length) throw new EvalDataError(`${file.name}: it has no entries; it must have at least one.`);
  return entries;
}

/** The items by id; refuses an id that occurs twice. */
export function byId<T>(
  what: string,
  items: readonly T[],
  idOf: (item: T) => string | number,
): Map<string | number, T> {
  const found = new Map<string | number, T>();
  for (const [i, item] of items.entries()) {
    const id = idOf(item);
    if (found.has(id))
      throw new EvalDataError(
        `${what}: id ${shown(id)} occurs at position ${[...found.keys()].indexOf(id) + 1} and again at ${i + 1}; each id must occur once.`,
      );
    found.set(id, item);
  }
  return found;
}
