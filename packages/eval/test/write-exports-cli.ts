/**
 * @file Writes the exports of the fixtures for packages/testing/python/make_export_goldens.py:
 *
 *   node --import tsx --conditions=source packages/eval/test/write-exports-cli.ts FOLDER
 *
 * Each case has a folder by its name, with `expected.json` beside its file.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { exportCases } from './exports.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('write-exports: give a folder.');
for (const [name, { file, texts, indices }] of Object.entries(exportCases())) {
  const at = join(folder, name);
  mkdirSync(join(at, 'file'), { recursive: true });
  writeFileSync(join(at, 'file', basename(file.name)), file.content);
  writeFileSync(join(at, 'expected.json'), JSON.stringify({ texts, indices }));
}
