import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { staleFiles } from '../../../kernels/codegen.ts';
import * as rules from '../src/repo-rules.ts';
import * as textRules from '../src/repo-rules-text.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const passedOver = new Set([
  'node_modules',
  'dist',
  '.git',
  '.turbo',
  '.cache',
  'runs',
  'coverage',
  '__pycache__',
  'weights',
]);

/** The texts of this repository: sources, kernels, pages, settings. The rules' own files hold what they forbid. */
function readFiles(folder = '', files = new Map<string, string>()): Map<string, string> {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) {
      if (!passedOver.has(entry.name)) readFiles(name, files);
    } else if (
      !entry.name.startsWith('repo-rules') &&
      /\.(ts|tsx|mts|mjs|wgsl|md)$|(^|\/)package(-lock)?\.json$/.test(name)
    )
      files.set(name, fs.readFileSync(path.join(root, name), 'utf8'));
  }
  return files;
}

describe('the repository keeps its rules', () => {
  const files = readFiles();
  const exists = (file: string) => fs.existsSync(path.join(root, file));
  const checks: [string, () => string[]][] = [
    ['rooms import only from the left', () => rules.importArrows(files)],
    ['the engine has one arrow inside', () => rules.engineFloors(files)],
    ['a family of ops imports families below it', () => rules.opFamilies(files)],
    ['no variant is told by its identity', () => rules.variantsByIdentity(files)],
    ['no op asks what the adapter is', () => rules.softwareAsked(files)],
    ['no rings of imports', () => rules.cycles(files)],
    ['floors inside gpu/', () => rules.gpuFloors(files)],
    ['GPU text stands in kernels/', () => rules.gpuText(files)],
    ['WebGPU is called in engine/src/gpu', () => rules.webgpuCalls(files)],
    ['packages touch no platform', () => rules.platform(files)],
    ['nothing is left open', () => [...textRules.leftOpen(files), ...textRules.notesLeft(files)]],
    ['files stay small', () => textRules.fileSizes(files)],
    ['lines stay short', () => textRules.lineLengths(files)],
    ['folders stay small', () => rules.folderSizes(files)],
    ['files have names', () => textRules.fileNames(files)],
    ['paths in comments are there', () => textRules.pathsInText(files)],
    ['links lead somewhere', () => textRules.markdownLinks(files, exists)],
    ['no server is named', () => rules.serverAddresses(files)],
    ['the lock file serves every platform', () => rules.lockComplete(files)],
    ['versions are pinned', () => rules.pinnedVersions(files)],
    ['generated files are fresh', () => staleFiles()],
  ];
  test('the engine says the version of its package', () => {
    expect(files.get('packages/engine/src/version.ts')).toContain(
      `'${(JSON.parse(files.get('packages/engine/package.json')!) as { version: string }).version}'`,
    );
  });
  test.each(checks)('%s', (_, check) => expect(check()).toEqual([]));
});
