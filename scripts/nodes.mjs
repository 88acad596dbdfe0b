// Other versions of Node for the tests: npm has their binaries, which are kept in the user's cache and add nothing to
// `npm ci`.
import fs from 'node:fs';
import path from 'node:path';
import { fillOnce } from './cache.mjs';
import { runNpm } from './workspace.mjs';

/** Tested besides the version that is installed, by major version. @type {Readonly<Record<string, string>>} */
export const NODES = { 22: '22.23.3', 24: '24.21.0' };

/**
 * The binary of one of NODES, fetched where it is not there yet; null where npm has none for this platform.
 * @param {string} major
 * @returns {string | null}
 */
export function nodeBinary(major) {
  const version = NODES[major];
  if (!version)
    throw new Error(`--node: '${major}' is not a tested version; it must be one of ${Object.keys(NODES).join(', ')}.`);
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = fillOnce(`node-${version}-${platform}`, (part) => {
    fs.writeFileSync(path.join(part, 'package.json'), '{ "private": true }\n');
    const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    return runNpm(['install', ...flags, `node-${platform}@${version}`], part).status === 0;
  });
  return (
    folder &&
    path.join(folder, 'node_modules', `node-${platform}`, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  );
}
