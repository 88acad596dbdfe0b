/**
 * @file What the rules of the house see. A rule is a function from a map of paths (from the root, with /) to texts; it
 * answers one sentence for each violation, so a test can show it made-up files as well as the real ones.
 */

export type Files = ReadonlyMap<string, string>;

export const isSource = (path: string): boolean => /\.(ts|tsx|mts|mjs)$/.test(path);
export const isGenerated = (path: string): boolean => path.startsWith('kernels/gen/');
export const isTest = (path: string): boolean => /(^|\/)(test|examples)\//.test(path) || /\.config\.ts$/.test(path);

/** `packages/nn/src/x.ts` → `nn`; null for files in no room (the root's own). */
export const roomOf = (path: string): string | null =>
  /^(?:packages|apps)\/([^/]+)\//.exec(path)?.[1] ?? /^(kernels|bench|scripts)\//.exec(path)?.[1] ?? null;

/** Comments become spaces; strings stay. Good enough for the forms that our formatter leaves. */
export const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|(?<=^|[\s;,{}()])\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '));

/** The comments alone, each where it stands. */
export function onlyComments(text: string): string {
  const bare = withoutComments(text);
  return [...text].map((char, i) => (char === '\n' || char !== bare[i] ? char : ' ')).join('');
}

export const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** `packages/a/src/x.ts` + `../y.ts` → `packages/a/y.ts`. */
export function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

export const isTruth = (path: string): boolean => path.endsWith('.cases.ts');

export const isProduct = (path: string): boolean =>
  /^(packages|apps|bench)\//.test(path) && roomOf(path) !== 'testing' && !isTest(path);

/** A rule that looks for a pattern in some files and names the place. */
export const forbid =
  (applies: (path: string) => boolean, pattern: RegExp, sentence: (found: string) => string) =>
  (files: Files): string[] =>
    [...files]
      .filter(([path]) => isSource(path) && applies(path))
      .flatMap(([path, text]) =>
        [...withoutComments(text).matchAll(pattern)].map(
          (match) => `${path}:${lineOf(text, match.index)} ${sentence(match[0].trim())}`,
        ),
      );
