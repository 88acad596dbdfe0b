/**
 * @file npm run bench:docs -- FILE: writes docs/benchmarks.md from the JSON of a bench, or docs/gpu.md from that of a
 * first run on a GPU; with --table it prints that GPU's entry for the engine's table of known GPUs instead.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { knownEntry } from './first-run/known.ts';
import { gpuPage } from './first-run/page.ts';
import type { KeptRun } from './first-run/page.ts';
import { benchmarksPage } from './results.ts';
import type { Results } from './results.ts';

const NEEDED: readonly (keyof Results)[] = [
  'adapter',
  'driver',
  'processor',
  'cores',
  'versions',
  'blas',
  'roofs',
  'slowestRoofs',
  'seconds',
  'rows',
];

const isTable = process.argv.includes('--table');
const file = process.argv.slice(2).find((arg) => arg !== '--table');
if (!file) {
  console.error('bench:docs: no file is given; npm run bench -- --json FILE writes one.');
  process.exitCode = 2;
} else {
  const results = JSON.parse(readFileSync(file, 'utf8')) as Results | KeptRun;
  const write = (name: string, text: string): void => {
    const page = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
    writeFileSync(page, text);
    console.log(`bench:docs: wrote ${page}`);
  };
  const missing = 'parts' in results ? null : NEEDED.find((name) => !(name in results));
  if (isTable && 'parts' in results) console.log(knownEntry(results));
  else if (isTable) {
    console.error(`bench:docs: ${file} is no first run's results.json, so it says nothing about the choices of a GPU.`);
    process.exitCode = 2;
  } else if ('parts' in results) write('gpu.md', gpuPage(results));
  else if (missing) {
    console.error(
      `bench:docs: ${file} has no '${missing}', so that another version of the bench made it; npm run bench -- --json ${file} makes it anew.`,
    );
    process.exitCode = 2;
  } else write('benchmarks.md', benchmarksPage(results));
}
