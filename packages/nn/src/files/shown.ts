/** @file Formats content of a file for an error message: short and on one line, whatever the file contains. */

const MOST_CHARACTERS = 80;
const MOST_ITEMS = 8;
/** Control characters, line and paragraph ends, bidirectional marks, unpaired surrogates. */
const UNSHOWN = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;

/** Text without quotation marks; the middle of a long one is left out. */
export function shownText(text: string): string {
  const most = MOST_CHARACTERS;
  if (text.length <= most) {
    const whole = shownMarks(text);
    if (whole.length <= most) return whole;
  }
  // No character becomes shorter, and none that is escaped is cut in two.
  const [begin, end] = [[...text.slice(0, most / 2)], [...text.slice(-most / 2)].reverse()].map((side) => {
    let rest = most / 2;
    const shown = side.map(shownMarks);
    return shown.filter((mark) => (rest -= mark.length) >= 0);
  });
  return `${begin!.join('')}…${end!.reverse().join('')}`;
}

const shownMarks = (text: string): string =>
  text.replace(UNSHOWN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A value of JSON or of a pickle; nested values are not expanded. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return `"${shownText(value)}"`;
  if (Array.isArray(value)) {
    const items = value.slice(0, MOST_ITEMS).map((item) => (Array.isArray(item) ? '[…]' : shownValue(item)));
    return `[${[...items, ...(value.length > MOST_ITEMS ? ['…'] : [])].join(',')}]`;
  }
  if (value === undefined) return 'nothing';
  return typeof value === 'object' && value !== null ? '{…}' : String(value as number | boolean | null);
}

/** A setting of JSON as it was written; the middle of a long one is left out. */
export const shownJson = (value: unknown): string => shownText(JSON.stringify(value) ?? 'missing');

/** A shape, `[2, 3]`. */
export const shownShape = (shape: readonly number[]): string =>
  `[${shape.slice(0, MOST_ITEMS).join(', ')}${shape.length > MOST_ITEMS ? ', …' : ''}]`;
