/**
 * @file JSON from a file: it must be UTF-8, and no object may repeat a name, of which JavaScript would keep the last.
 */
import { shownText } from './shown.ts';

/** Whether a parsed value is an object: not null, not a list. */
export const isObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && !Array.isArray(x);

/** The index over the shards of a model of 600 billion parameters takes 9 MB. */
export const MOST_JSON = 10_000_000;
/** Brackets, commas and colons; a tensor takes 12 in a header and 2 in an index. */
const MOST_MARKS = 600_000;

/** Levels of nesting. */
const MOST_DEPTH = 500;

/**
 * The value that `bytes`, at most MOST_JSON where they are a file's header, hold.
 * @param fail throws, with what is wrong as `is not JSON (…)` or `repeats the name 'a'`
 */
export function parseJson(bytes: Uint8Array, fail: (what: string) => never, mostMarks = MOST_MARKS): unknown {
  let marks = 0;
  for (const byte of bytes) if (byte === 0x2c || byte === 0x3a || byte === 0x5b || byte === 0x7b) marks++;
  if (marks > mostMarks) return fail(`has ${marks} brackets, commas and colons, and at most ${mostMarks} are read`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('is not UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return fail(`is not JSON (${shownText((cause as Error).message)})`);
  }
  const twice = nameGivenTwice(text, fail);
  return twice === undefined ? value : fail(`repeats the name '${shownText(twice)}'`);
}

/** Scans text that `JSON.parse` accepted: strings before a colon are names, and brackets delimit their objects. */
function nameGivenTwice(text: string, fail: (what: string) => never): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    const mark = text[at];
    if (mark === '{') {
      open.push(new Set());
      if (open.length > MOST_DEPTH) return fail(`nests objects more than ${MOST_DEPTH} deep`);
    } else if (mark === '}') open.pop();
    else if (mark === '"') {
      const begin = at++;
      for (; text[at] !== '"'; at++) if (text[at] === '\\') at++;
      let next = at + 1;
      while (/\s/.test(text[next] ?? '')) next++;
      if (text[next] !== ':') continue;
      const name = JSON.parse(text.slice(begin, at + 1)) as string;
      const names = open.at(-1)!;
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}
