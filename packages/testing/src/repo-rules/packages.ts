/** @file The rules about packages from npm: pinned, complete for every platform, from no named server. */
import { isSource, isTest } from './files.ts';
import type { Files } from './files.ts';

/** The lock file and the sources name no server: each machine supplies its own. */
export function serverAddresses(files: Files): string[] {
  const lock = [...(files.get('package-lock.json') ?? '').matchAll(/"resolved": *"(https?:[^"]*)"/g)].map(
    (match) =>
      `package-lock.json names the registry address ${match[1]}; run npm install with this repository's .npmrc.`,
  );
  const mirrors = [...files]
    .filter(([path]) => isSource(path) && !isTest(path))
    .flatMap(([path, text]) =>
      [...text.matchAll(/https?:\/\/[\w.-]+\/(?:debian|ubuntu)\b/g)].map(
        (match) => `${path} names the package mirror ${match[0]}; ask the machine's own apt.`,
      ),
    );
  return [...lock, ...mirrors];
}

/**
 * npm ci refuses a lock file that lacks a package for another platform, and npm leaves those out where a registry has
 * none of them.
 */
export function lockComplete(files: Files): string[] {
  const packages = JSON.parse(files.get('package-lock.json') ?? '{}').packages ?? {};
  return Object.entries(packages as Record<string, { optionalDependencies?: Record<string, string> }>).flatMap(
    ([at, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => !(`node_modules/${name}` in packages) && !(`${at}/node_modules/${name}` in packages))
        .map(
          (name) =>
            `package-lock.json has no entry for ${name}, which ${at} may need on another platform; npm ci fails without it.`,
        ),
  );
}

/** Dependencies are pinned exactly (peers aside). */
export function pinnedVersions(files: Files): string[] {
  return [...files]
    .filter(([path]) => /(^|\/)package\.json$/.test(path))
    .flatMap(([path, text]) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text);
      return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies } as Record<string, string>)
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${path} asks for ${name} '${version}'; pin one version.`);
    });
}
