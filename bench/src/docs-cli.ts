/** @file npm run bench:docs -- FILE: writes docs/benchmarks.md from the JSON of a run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { benchmarksPage } from './results.ts';
import type { Results } from './results.ts';

const file = process.argv[2];
if (!file) {
  console.error('bench:docs: no file was given; npm run bench -- --json FILE makes one.');
  process.exitCode = 2;
} else {
  const page = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
  writeFileSync(page, benchmarksPage(JSON.parse(readFileSync(file, 'utf8')) as Results));
  console.log(`bench:docs: wrote ${page}`);
}
