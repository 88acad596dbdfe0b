/** @file The rules about texts: how long, what they may not say, and that the paths they name are there. */
import { forbid, isGenerated, isProduct, isSource, isTest, isTruth, lineOf, onlyComments, resolve } from './files.ts';
import type { Files } from './files.ts';

export const leftOpen = forbid(
  (path) => !isGenerated(path),
  /\b(?:not implemented|unimplemented)\b/gi,
  (found) => `says '${found}'; finish it or leave it out.`,
);

/** Notes to oneself live in comments, which the other rules strip. */
export const notesLeft = (files: Files): string[] =>
  [...files]
    .filter(([path]) => /\.(ts|tsx|mjs|wgsl)$/.test(path) && !isGenerated(path))
    .flatMap(([path, text]) =>
      [...text.matchAll(/\b(?:TODO|FIXME|XXX)\b/g)].map(
        (match) => `${path}:${lineOf(text, match.index)} says ${match[0]}; do it, or write an issue.`,
      ),
    );

/** A file holds one page or three of thought. */
export function fileSizes(files: Files): string[] {
  const limitOf = (path: string) =>
    path.endsWith('.wgsl') ? 250 : isSource(path) && !isGenerated(path) ? 450 : Infinity;
  return [...files].flatMap(([path, text]) => {
    const [lines, limit] = [text.trimEnd().split('\n').length, limitOf(path)];
    return lines > limit ? [`${path} has ${lines} lines; at most ${limit}: split it where the thought changes.`] : [];
  });
}

const MOST_FILES = 16;

/** So many files of its own, truths beside them not counted, and a folder wants walls. */
export function folderSizes(files: Files): string[] {
  const counts = new Map<string, number>();
  for (const path of files.keys()) {
    const folder = path.split('/').slice(0, -1).join('/');
    if (isSource(path) && isProduct(path) && !isTruth(path)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > MOST_FILES)
    .map(
      ([folder, count]) => `${folder} holds ${count} files; at most ${MOST_FILES}: part them by what they are about.`,
    );
}

/** Columns of a line. The formatter keeps code to them; this keeps what it leaves alone: comments, and all of WGSL. */
export function lineLengths(files: Files): string[] {
  return [...files].flatMap(([path, text]) => {
    const isKernel = path.endsWith('.wgsl');
    if (!isKernel && (!isSource(path) || isGenerated(path))) return [];
    return text.split('\n').flatMap((line, i) => {
      const counts = isKernel ? !/\/\/ (uses|tune):/.test(line) : /^\s*(\/\/|\/?\*)/.test(line);
      return counts && line.length > 120
        ? [`${path}:${i + 1} has ${line.length} columns; at most 120: break it where the thought does.`]
        : [];
    });
  });
}

/** Names that say nothing, and barrels. */
export function fileNames(files: Files): string[] {
  return [...files.keys()].filter(isSource).flatMap((path) => {
    const name = path.split('/').pop()!;
    if (
      /^(utils?|helpers?|common|types?|misc|shared)\.\w+$/.test(name) ||
      /\/(utils?|helpers?|common|types|misc)\//.test(path)
    ) {
      return [`${path} has a name that says nothing; name it after the thing in it.`];
    }
    if (/^packages\//.test(path) && name === 'index.ts' && !/^packages\/[^/]+\/src\/(check\/)?index\.ts$/.test(path))
      return [`${path} is a barrel inside a package; import the file that holds the thing.`];
    return [];
  });
}

/**
 * Paths that comments and pages name are there: whole, or from some folder on. Made-up ones have a * or a … in them, or
 * stand in code of a page.
 */
export function pathsInText(files: Files): string[] {
  const ends = new Set([...files.keys()].flatMap((path) => path.split('/').map((_, i, all) => all.slice(i).join('/'))));
  return [...files]
    .filter(([path]) => !isGenerated(path) && !isTest(path) && path !== 'kernels/README.md')
    .flatMap(([path, text]) => {
      const prose = path.endsWith('.md')
        ? text.replace(/```[\s\S]*?```|`[^`\n]*`|\]\([^)]*\)/g, (code) => code.replace(/[^\n]/g, ' '))
        : isSource(path) || path.endsWith('.wgsl')
          ? onlyComments(text)
          : '';
      return [...prose.matchAll(/(?<![\w./:*…@-])(?:[\w-]+\/)+[\w.-]+\.(?:ts|mjs|wgsl|py|md)\b/g)]
        .filter((match) => !ends.has(match[0]))
        .map((match) => `${path}:${lineOf(prose, match.index)} names '${match[0]}', which is not there.`);
    });
}

/** Links in Markdown lead to files. @param exists whether a path from the root is there */
export function markdownLinks(files: Files, exists: (path: string) => boolean): string[] {
  return [...files]
    .filter(([path]) => path.endsWith('.md'))
    .flatMap(([path, text]) =>
      [...text.replace(/```[\s\S]*?```|`[^`\n]*`/g, '').matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
        .filter((match) => !/^[a-z]+:/.test(match[1]) && !exists(resolve(path, decodeURI(match[1])).replace(/\/$/, '')))
        .map((match) => `${path} links to '${match[1]}', which is not there.`),
    );
}
