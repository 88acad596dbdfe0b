import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { staleFiles } from '../../../kernels/codegen.ts';
import * as code from '../src/repo-rules/code.ts';
import * as imports from '../src/repo-rules/imports.ts';
import * as packages from '../src/repo-rules/packages.ts';
import * as text from '../src/repo-rules/text.ts';

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
  'repo-rules',
]);

/** The texts of this repository: sources, kernels, pages, settings. The rules' own files hold what they forbid. */
function readFiles(folder = '', files = new Map<string, string>()): Map<string, string> {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) {
      if (!passedOver.has(entry.name)) readFiles(name, files);
    } else if (
      entry.name !== 'repo-rules.node.test.ts' &&
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
    ['rooms import only from the left', () => imports.importArrows(files)],
    ['the engine has one arrow inside', () => imports.engineFloors(files)],
    ['a family of ops imports families below it', () => imports.opFamilies(files)],
    ['no variant is told by its identity', () => code.variantsByIdentity(files)],
    ['no op asks what the adapter is', () => code.softwareAsked(files)],
    ['no rings of imports', () => imports.cycles(files)],
    ['floors inside gpu/', () => imports.gpuFloors(files)],
    ['GPU text stands in kernels/', () => code.gpuText(files)],
    ['WebGPU is called in engine/src/gpu', () => code.webgpuCalls(files)],
    ['packages touch no platform', () => code.platform(files)],
    ['nothing is left open', () => [...text.leftOpen(files), ...text.notesLeft(files)]],
    ['files stay small', () => text.fileSizes(files)],
    ['lines stay short', () => text.lineLengths(files)],
    ['folders stay small', () => text.folderSizes(files)],
    ['files have names', () => text.fileNames(files)],
    ['paths in comments are there', () => text.pathsInText(files)],
    ['links lead somewhere', () => text.markdownLinks(files, exists)],
    ['no server is named', () => packages.serverAddresses(files)],
    ['the lock file serves every platform', () => packages.lockComplete(files)],
    ['versions are pinned', () => packages.pinnedVersions(files)],
    ['generated files are fresh', () => staleFiles()],
  ];
  test('the engine has the version of its package', () => {
    expect(files.get('packages/engine/src/version.ts')).toContain(
      `'${(JSON.parse(files.get('packages/engine/package.json')!) as { version: string }).version}'`,
    );
  });
  test.each(checks)('%s', (_, check) => expect(check()).toEqual([]));
});
