/** @file Damaged JSON: the bytes, and values of the wrong kind anywhere in a right one. */
import { ascii, damaged, type Draw } from './draw.ts';

/** JSON text of some value, the wrong one mostly. */
export function anything(draw: Draw, depth = 0): string {
  const kinds: (() => string)[] = [
    () => 'null',
    () => 'true',
    () => String(draw.edge()),
    () => String(-draw.edge()),
    () => draw.pick(['1e400', '1.5', '-0', '1e15', '9007199254740993']),
    () =>
      JSON.stringify(draw.pick(['', 'F32', 'F16', 'F7', 'constructor', '__proto__', 'a\nb\u2028', 'x'.repeat(5000)])),
    () => '[]',
    () => '{}',
    () => '['.repeat(500) + ']'.repeat(500),
    () => `[${new Array(300).fill('1').join()}]`,
  ];
  if (depth < 3) {
    const nested = (): string[] => Array.from({ length: draw.below(4) }, () => anything(draw, depth + 1));
    kinds.push(
      () => `[${nested().join()}]`,
      () =>
        `{${nested()
          .map((value) => `${JSON.stringify(draw.pick(['dtype', 'shape', 'a']))}:${value}`)
          .join()}}`,
    );
  }
  return draw.pick(kinds)();
}

/** The text of a value, in which some inner ones are strange, missing or named twice. */
function strange(value: unknown, draw: Draw, share: number): string {
  if (draw.chance(share)) return anything(draw);
  if (Array.isArray(value)) {
    const items = value.map((item) => strange(item, draw, share));
    if (items.length > 0 && draw.chance(share)) items.splice(draw.below(items.length), 1 + draw.below(3));
    return `[${items.join()}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(() => !draw.chance(share))
    .map(([key, inner]) => `${JSON.stringify(key)}:${strange(inner, draw, share)}`);
  if (entries.length > 0 && draw.chance(share)) entries.push(draw.pick(entries));
  if (draw.chance(share)) entries.push(`"__proto__":${anything(draw)}`);
  return `{${entries.join()}}`;
}

/** How many values of a sample there are. */
function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + countOf(inner), 1);
}

/** One damaged file out of a sample. */
export function jsonMutant(sample: string, draw: Draw): Uint8Array {
  if (draw.chance(0.35)) return damaged(Uint8Array.from(ascii(sample)), draw);
  const value = JSON.parse(sample) as unknown;
  const share = draw.pick([1, 2, 5]) / countOf(value); // of so many, about that many
  const text = draw.chance(0.005) ? bomb(draw) : strange(value, draw, Math.min(0.5, share));
  return Uint8Array.from(ascii(text));
}

/** JSON of some hundred kilobytes that becomes many values, or deep ones, or is never closed. */
function bomb(draw: Draw): string {
  const item = draw.pick(['[', '{"a":', '[],', '1,', '"",', '"\u2028",', ' ', `"${'x'.repeat(30)}":{},`, '"']);
  return draw.pick(['[', '{', '']) + item.repeat(Math.floor(((1 + draw.below(3)) * 1e5) / item.length));
}
