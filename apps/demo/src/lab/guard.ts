/**
 * @file Limits every loop of a kernel, for its first run: a software adapter would run an endless loop forever, and
 * block everything in this browser that waits for that adapter.
 */

/** Iterations after which loops count as endless; those in the checks take a few thousand. */
const ROUNDS = 1 << 20;

/**
 * What is counted, and what ends at the limit: the iterations of all loops of an invocation together, ending the
 * function; those of each loop, ending the function; or those of each loop, ending the loop alone. WGSL allows no
 * barrier after the first two.
 */
export const GUARDS = ['together', 'each', 'loop alone'] as const;
export type Guard = (typeof GUARDS)[number];

/** Comments become spaces, so that positions stay. */
const withoutComments = (text: string): string =>
  text.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));

/** The position of the brace that opens the body of what begins at `from`; brackets before it are skipped. */
function bodyOf(text: string, from: number): number {
  for (let at = from, depth = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    else if (text[at] === '{' && depth === 0) return at;
  }
  return -1;
}

/** Whether the function around a position returns nothing. */
const isVoid = (plain: string, at: number): boolean => {
  const head = [...plain.slice(0, at).matchAll(/\bfn\s+\w+\s*\(/g)].at(-1);
  if (!head) return false;
  return !plain.slice(head.index, bodyOf(plain, head.index)).includes('->');
};

/**
 * The text with a limit on every loop. An endless loop ends its function if that returns nothing, so that its results
 * stay unwritten; otherwise, or if the guard says so, the loop alone. No line moves.
 */
export function guarded(text: string, guard: Guard): string {
  const plain = withoutComments(text);
  const shared = guard === 'together';
  let [out, done] = ['', 0];
  const insert = (at: number, what: string): void => {
    out += text.slice(done, at) + what;
    done = at;
  };
  const inserts = [...plain.matchAll(/\b(?:for|while)\s*\(|\bloop\s*\{|\bloop\s*@/g)].flatMap(({ index }, i) => {
    const body = bodyOf(plain, index);
    if (body < 0) return [];
    const leave = guard !== 'loop alone' && isVoid(plain, index) ? 'return' : 'break';
    const rounds = shared ? 'lab_rounds' : `lab_rounds_${i}`;
    return [
      ...(shared ? [] : [{ at: index, what: `var ${rounds} = 0u; ` }]),
      { at: body + 1, what: ` ${rounds}++; if (${rounds} > ${ROUNDS}u) { ${leave}; }` },
    ];
  });
  for (const { at, what } of inserts.sort((a, b) => a.at - b.at)) insert(at, what);
  return out + text.slice(done) + (shared && inserts.length > 0 ? '\nvar<private> lab_rounds = 0u;\n' : '');
}
