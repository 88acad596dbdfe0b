/** @file Options of a call: an object whose keys are known, so that a slip of the pen is not passed over. */
import { CurioError } from '../gpu/errors.ts';

/** What other libraries call an option of ours. */
const ELSEWHERE: Readonly<Record<string, string>> = { dim: 'axis', dims: 'axis', axes: 'axis', keepdim: 'keepDims', keepdims: 'keepDims', unbiased: 'correction', ddof: 'correction', is_causal: 'causal', epsilon: 'eps', learningRate: 'lr', weight_decay: 'weightDecay' };

/** Letters to change, add or take away until `a` is `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** The known name that somebody may have meant, or null. */
export function nearest(name: string, known: readonly string[]): string | null {
  const other = ELSEWHERE[name];
  if (other !== undefined && known.includes(other)) return other;
  const [best] = known.map((each) => [distance(name.toLowerCase(), each.toLowerCase()), each] as const).sort((a, b) => a[0] - b[0]);
  return best && best[0] <= Math.max(1, Math.floor(name.length / 3)) ? best[1] : null;
}

/** `options`; throws CurioError unless it is an object of known names. Undefined counts as left out. */
export function requireOptions<T extends object>(where: string, options: T, known: readonly string[]): T {
  const takes = `it takes ${known.join(', ')}`;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new CurioError(`${where}: the options are ${JSON.stringify(options)}; they must be an object such as { ${known[0]}: … }, ${takes}.`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue;
    const meant = nearest(name, known);
    throw new CurioError(`${where}: there is no option ${name}${meant ? `; did you mean ${meant}?` : ';'} ${takes.replace('it', meant ? 'It' : 'it')}.`);
  }
  return options;
}
