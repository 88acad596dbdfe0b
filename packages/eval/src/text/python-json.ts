/** @file JSON as Python's `json.dumps` writes it, so that files equal the official ones byte for byte. */

/** A number that is a float in Python and therefore written with a point: `8.0`. */
export class PythonFloat {
  constructor(readonly value: number) {}
}

/**
 * `repr` of a Python float: fewest digits, with a point or an exponent; exponents have two digits, from 1e16 and below
 * 1e-4.
 */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e16 || size < 1e-4)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * `json.dumps(value, indent=indent)`: separators `, ` and `: `, all but ASCII escaped. Integers stay integers; wrap
 * what is a float in Python in `PythonFloat`. Keys keep their order; pass a Map where they look like numbers.
 */
export function pythonJson(value: unknown, indent?: number, depth = 0): string {
  if (value instanceof PythonFloat) return floatText(value.value);
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : floatText(value);
  if (value === null || typeof value === 'boolean') return String(value);
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const parts = Array.isArray(value)
    ? value.map((each) => pythonJson(each, indent, depth + 1))
    : entries
        .filter(([, each]) => each !== undefined)
        .map(([key, each]) => `${quoted(String(key))}: ${pythonJson(each, indent, depth + 1)}`);
  if (!parts.length) return open + close;
  if (indent === undefined) return open + parts.join(', ') + close;
  const line = (level: number) => `\n${' '.repeat(indent * level)}`;
  return open + line(depth + 1) + parts.join(`,${line(depth + 1)}`) + line(depth) + close;
}
