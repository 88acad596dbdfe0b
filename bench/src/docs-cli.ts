/**
 * @file npm run bench:docs -- FILE: writes docs/benchmarks.md from the JSON of a bench, or docs/gpu.md from that of a
 * first run on a GPU.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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

const file = process.argv[2];
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
  if ('parts' in results) write('gpu.md', gpuPage(results));
  else if (missing) {
    console.error(
      `bench:docs: ${file} has no '${missing}', so that another version of the bench made it; npm run bench -- --json ${file} makes it anew.`,
    );
    process.exitCode = 2;
  } else write('benchmarks.md', benchmarksPage(results));
}
