/**
 * @file White space, digits and floats as Python defines them, where JavaScript differs: the original scorers are
 * Python, and an answer may contain any character.
 */

/** White space by `str.isspace`. JavaScript's \s includes U+FEFF and lacks U+001C to U+001F and U+0085. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const leading = new RegExp(`^[${SPACE}]+`);
const trailing = new RegExp(`[${SPACE}]+$`);
const between = new RegExp(`[${SPACE}]+`);

/** `text.strip()`. */
export const strip = (text: string): string => text.replace(leading, '').replace(trailing, '');

/** `text.split()`: words separated by runs of white space; none for an empty text. */
export const splitWords = (text: string): string[] => strip(text).split(between).filter(Boolean);

/** The number of code points, which is Python's `len`. */
export const codePoints = (text: string): number => [...text].length;

/** Python's order of strings: by code point, where JavaScript's < compares UTF-16 units. */
export function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++)
    if (left[i] !== right[i]) return left[i].codePointAt(0)! - right[i].codePointAt(0)!;
  return left.length - right.length;
}

/** The value of a decimal digit in any script, as `int('٣')` reads it; digits come in blocks of ten. */
function digitValue(char: string): number {
  let first = char.codePointAt(0)!;
  const code = first;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1)) && code - first < 9) first--;
  return (code - first) % 10;
}

/** `float(text)`; null where Python raises ValueError. */
export function parseFloatLikePython(text: string): number | null {
  const bare = strip(text).replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
  const named = /^([+-]?)(inf|infinity|nan)$/i.exec(bare);
  if (named) return named[2].toLowerCase() === 'nan' ? Number.NaN : named[1] === '-' ? -Infinity : Infinity;
  const digits = '\\d+(?:_\\d+)*';
  return new RegExp(`^[+-]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[+-]?${digits})?$`, 'i').test(bare)
    ? Number(bare.replaceAll('_', ''))
    : null;
}
