/** @file The terminal's abilities, and text for it. Respects NO_COLOR, CI, TERM=dumb and pipes. */

export interface Terminal {
  write(text: string): void;
  /** Lines may be rewritten. */
  readonly live: boolean;
  readonly color: boolean;
  /** 24-bit colours, else the 256 of xterm. */
  readonly trueColor: boolean;
  readonly columns: number;
}

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export function openTerminal(
  output: Output = process.stdout,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Terminal {
  const smart = output.isTTY === true && env.TERM !== 'dumb';
  const ci = env.CI !== undefined && env.CI !== '' && env.CI !== 'false' && env.CI !== '0';
  return {
    write: (text) => void output.write(text),
    live: smart && !ci,
    color: smart && !env.NO_COLOR,
    trueColor: /truecolor|24bit/i.test(env.COLORTERM ?? ''),
    get columns() {
      return output.columns ?? 80;
    },
  };
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  accent(text: string): string;
}

export function styleOf({ color }: Pick<Terminal, 'color'>): Style {
  const code =
    (on: number, off: number) =>
    (text: string): string =>
      color ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return { bold: code(1, 22), dim: code(2, 22), good: code(32, 39), bad: code(31, 39), accent: code(36, 39) };
}

const ESCAPES = /\x1b\[[0-9;]*m/g;
/** Columns that a text takes, not counting escape sequences. */
export const widthOf = (text: string): number => [...text.replace(ESCAPES, '')].length;

/** Truncates a text without escape sequences to a width. */
export const cut = (text: string, columns: number): string =>
  widthOf(text) <= columns ? text : `${[...text].slice(0, Math.max(0, columns - 1)).join('')}…`;

export const padEnd = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - widthOf(text)));
export const padStart = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - widthOf(text))) + text;

/** 0…1 as a bar in eighths of a column. */
export function bar(share: number, columns: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  const rest = eighths % 8;
  return '█'.repeat(Math.floor(eighths / 8)) + (rest ? ' ▏▎▍▌▋▊▉'[rest] : '');
}

/** A curve in one line, from its least to its greatest value. */
export function sparkline(values: readonly number[], columns: number): string {
  if (values.length === 0) return '';
  const length = Math.min(columns, values.length);
  const points = Array.from({ length }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / length), Math.floor(((i + 1) * values.length) / length));
    return part.reduce((sum, x) => sum + x, 0) / part.length;
  });
  const low = Math.min(...points);
  const span = Math.max(...points) - low || 1;
  return points.map((x) => '▁▂▃▄▅▆▇█'[Math.round(((x - low) / span) * 7)]).join('');
}

/** 1234 → 1.2k, for rates. */
export const compact = (x: number): string =>
  x >= 1e6
    ? `${(x / 1e6).toFixed(1)}M`
    : x >= 1000
      ? `${(x / 1000).toFixed(1)}k`
      : x >= 10
        ? x.toFixed(0)
        : x.toFixed(1);
export const megabytes = (bytes: number): string =>
  bytes >= 1e10 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
/** Seconds as 4:07 or 1:02:07. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${hours ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
