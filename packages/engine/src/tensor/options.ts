/**
 * @file Checks the arguments of a call besides tensors, for callers without TypeScript: options, whose keys must be
 * known, so that a typo is not ignored; lists; numbers.
 */
import { ConfigError, CurioError, DTypeError, ShapeError } from '../gpu/errors.ts';
import { show } from './host-values.ts';
import { suggestName } from './near-names.ts';

/** The names that other libraries use for our options. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  dim: 'axis',
  dims: 'axis',
  axes: 'axis',
  keepdim: 'keepDims',
  keepdims: 'keepDims',
  unbiased: 'correction',
  ddof: 'correction',
  is_causal: 'causal',
  epsilon: 'eps',
  learningRate: 'lr',
  weight_decay: 'weightDecay',
};

/** The known name that `name` is elsewhere, or a slip of, capitals apart. */
function intended(name: string, known: readonly string[]): string | undefined {
  const other = ELSEWHERE[name];
  if (other !== undefined && known.includes(other)) return other;
  const plain = suggestName(
    name.toLowerCase(),
    known.map((each) => each.toLowerCase()),
  );
  return known.find((each) => each.toLowerCase() === plain);
}

/** `options`; throws CurioError unless it is an object of known names. Undefined counts as left out. */
export function requireOptions<T extends object>(where: string, options: T, known: readonly string[]): T {
  const list = known.join(', ');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new CurioError(
      `${where}: the options are ${show(options)}; they must be an object such as { ${known[0]}: … }, it takes ${list}.`,
    );
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue;
    const other = intended(name, known);
    throw new CurioError(
      `${where}: there is no option ${name}; ${other ? `did you mean ${other}? It` : 'it'} takes ${list}.`,
    );
  }
  return options;
}

/** Throws ShapeError unless it is a list. */
export function requireList(where: string, what: string, value: unknown, example: string): void {
  if (!Array.isArray(value))
    throw new ShapeError(`${where}: ${what} is ${show(value)}; it must be a list, such as ${example}.`);
}

/** Throws DTypeError unless it is a number. */
export function requireScalar(where: string, what: string, value: unknown): void {
  if (typeof value !== 'number') throw new DTypeError(`${where}: ${what} is ${show(value)}; it must be a number.`);
}

/**
 * Throws ConfigError unless `value` is a finite number that fits: of at least `least`, above `above`, whole where
 * `whole` says so.
 */
export function requireFinite(
  where: string,
  what: string,
  value: unknown,
  { least = -Infinity, above = -Infinity, whole = false } = {},
): void {
  const fits = Number.isFinite(value) && (value as number) >= least && (value as number) > above;
  if (fits && (!whole || Number.isInteger(value))) return;
  const bound = least > -Infinity ? ` of at least ${least}` : above > -Infinity ? ` above ${above}` : '';
  throw new ConfigError(
    `${where}: ${what} is ${show(value)}; it must be a ${whole ? 'whole' : 'finite'} number${bound}.`,
  );
}
