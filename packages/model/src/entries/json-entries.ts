/**
 * @file Entries of a JSON array or of JSON lines, found in the bytes of the file without reading it whole: brackets and
 * quotes tell where an entry ends, so strings may hold anything. What is kept is each entry's place, 12 bytes.
 */
import { DataError } from '@curio/engine';
import { shownText } from '@curio/nn';
import type { ByteSource } from '@curio/nn';
import type { Entries, VisitEntry } from './entries.ts';

/** Bytes read at once. */
const CHUNK = 4 << 20;
/** Bytes of the longest entry: a file with an open quote is one long entry. */
const LONGEST_ENTRY = 64 << 20;

/** Places of the entries of a file. */
export interface JsonPlaces {
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
}

/** Entries at known places. */
export const jsonEntries = (file: string, source: ByteSource, { offsets, sizes }: JsonPlaces): Entries => ({
  file,
  count: offsets.length,
  async read(entry) {
    return parse(await source.read(offsets[entry]!, sizes[entry]!), (what) => {
      throw new DataError(`data: ${file}: entry ${entry} ${what}; the file has changed, so start again.`);
    });
  },
});

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const NEWLINE = 0x0a;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09;

/**
 * Goes through a file once, entry by entry.
 * @param visit called with each entry's value
 * @param options.progress called with the bytes done
 * @param options.chunk bytes read at once
 * @throws DataError with the line and the entry where the file is broken
 */
export async function scanJson(
  file: string,
  source: ByteSource,
  visit: VisitEntry,
  { progress = () => {}, chunk = CHUNK }: { progress?: (bytes: number) => void; chunk?: number } = {},
): Promise<JsonPlaces> {
  const scan = new JsonScan(file, source);
  await scan.run(visit, progress, chunk);
  return scan.places;
}

class JsonScan {
  private offsets = new Float64Array(1024);
  private sizes = new Uint32Array(1024);
  private count = 0;
  /** Of the file: where the bytes at hand begin. */
  private base = 0;
  /** Entries of an array are separated by commas; lines are not. */
  private state: 'begin' | 'lines' | 'first' | 'value' | 'comma' | 'end' = 'begin';

  constructor(
    private readonly file: string,
    private readonly source: ByteSource,
  ) {}

  get places(): JsonPlaces {
    return { offsets: this.offsets.slice(0, this.count), sizes: this.sizes.slice(0, this.count) };
  }

  async run(visit: VisitEntry, progress: (bytes: number) => void, chunk: number): Promise<void> {
    const { size } = this.source;
    let length = chunk;
    while (this.base < size) {
      const end = Math.min(size, this.base + length);
      const bytes = await this.source.read(this.base, end - this.base);
      const done = await this.chunk(bytes, end === size, visit);
      this.base += done;
      progress(this.base);
      // An entry that does not fit is read once more, with twice as many bytes.
      length = done === 0 ? 2 * length : chunk;
      if (length > 2 * LONGEST_ENTRY)
        await this.fail(0, `is over ${LONGEST_ENTRY >> 20} MiB long; a quote or a bracket of it is not closed`);
    }
    if (this.state === 'first' || this.state === 'value' || this.state === 'comma')
      throw new DataError(
        `data: ${this.file}: its list is not closed after ${this.count} entries; it was cut, so copy it again.`,
      );
    if (this.count === 0) throw new DataError(`data: ${this.file}: holds no sample; it must hold at least one.`);
  }

  /** Takes the whole entries of a chunk. @returns how many bytes are done with */
  private async chunk(bytes: Uint8Array, last: boolean, visit: VisitEntry): Promise<number> {
    let at = this.state === 'begin' ? await this.begin(bytes) : 0;
    for (;;) {
      while (at < bytes.length && isSpace(bytes[at]!)) at++;
      if (at === bytes.length) return at;
      if (this.state === 'end') await this.fail(at, 'comes after the end of the list; remove it');
      if (this.state === 'comma' || this.state === 'first') {
        if (bytes[at] === CLOSE_LIST) {
          this.state = 'end';
          at++;
          continue;
        }
        if (this.state === 'comma') {
          if (bytes[at] !== COMMA) await this.fail(at, 'does not begin after a comma; put one between entries');
          this.state = 'value';
          at++;
          continue;
        }
      }
      const end = this.state === 'lines' ? lineEnd(bytes, at, last) : valueEnd(bytes, at);
      if (end < 0) {
        if (last) await this.fail(at, 'does not end before the file does; it was cut, so copy it again');
        return at;
      }
      if (end - at > LONGEST_ENTRY) return at;
      await this.entry(bytes.subarray(at, end), at, visit);
      at = end;
      if (this.state !== 'lines') this.state = 'comma';
    }
  }

  /** What the first bytes say. @returns where to go on */
  private async begin(bytes: Uint8Array): Promise<number> {
    if (bytes.length > 1 && bytes[0]! + bytes[1]! === 0xff + 0xfe)
      throw new DataError(`data: ${this.file}: it is UTF-16; save it as UTF-8.`);
    // Editors on Windows begin a file with a byte order mark.
    let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    while (at < bytes.length && isSpace(bytes[at]!)) at++;
    if (at === bytes.length) return at;
    if (bytes[at] === OPEN_LIST) {
      this.state = 'first';
      return at + 1;
    }
    if (bytes[at] !== OPEN_OBJECT)
      throw new DataError(
        `data: ${this.file}: begins with '${shownText(String.fromCharCode(bytes[at]!))}'; it must be a JSON array of samples, or JSON lines.`,
      );
    this.state = 'lines';
    return at;
  }

  private async entry(bytes: Uint8Array, at: number, visit: VisitEntry): Promise<void> {
    let wrong: string | undefined;
    const value = parse(bytes, (what) => void (wrong = what));
    if (wrong !== undefined) await this.fail(at, `${wrong}; mend it`);
    if (this.count === this.offsets.length) {
      const [offsets, sizes] = [new Float64Array(2 * this.count), new Uint32Array(2 * this.count)];
      offsets.set(this.offsets);
      sizes.set(this.sizes);
      [this.offsets, this.sizes] = [offsets, sizes];
    }
    this.offsets[this.count] = this.base + at;
    this.sizes[this.count] = bytes.length;
    const waits = visit(value, this.count++);
    if (waits) await waits;
  }

  /** @param at of the bytes at hand */
  private async fail(at: number, what: string): Promise<never> {
    const line = await this.lineOf(this.base + at);
    throw new DataError(`data: ${this.file}:${line}: entry ${this.count} ${what}.`);
  }

  /** Counts lines only when a line number is needed. */
  private async lineOf(offset: number): Promise<number> {
    let line = 1;
    for (let from = 0; from < offset; from += CHUNK) {
      const bytes = await this.source.read(from, Math.min(CHUNK, offset - from));
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) line++;
    }
    return line;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parse<T>(bytes: Uint8Array, fail: (what: string) => T): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return fail('is not UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(`is not JSON (${shownText((error as Error).message)})`);
  }
}

/** The offset after a line, or -1 if it continues beyond the bytes. */
function lineEnd(bytes: Uint8Array, at: number, last: boolean): number {
  const end = bytes.indexOf(NEWLINE, at);
  return end < 0 && last ? bytes.length : end;
}

/** The offset after the JSON value at `at`, or -1 if it continues beyond the bytes. */
function valueEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first === QUOTE) return stringEnd(bytes, at);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
    if (first === COMMA || first === CLOSE_LIST) return at + 1; // no value at all
    for (let i = at + 1; i < bytes.length; i++)
      if (isSpace(bytes[i]!) || bytes[i] === COMMA || bytes[i] === CLOSE_LIST) return i;
    return -1;
  }
  let depth = 0;
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      i = stringEnd(bytes, i) - 1;
      if (i < 0) return -1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && --depth === 0) return i + 1;
  }
  return -1;
}

/** After the string that begins at `at`, or -1. A quote is its end unless an odd number of backslashes precede it. */
function stringEnd(bytes: Uint8Array, at: number): number {
  for (let quote = bytes.indexOf(QUOTE, at + 1); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let slashes = 0;
    while (bytes[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
  return -1;
}
