import { expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { openReader, READERS } from '../src/mutants/readers.ts';

const parquetFiles = import.meta.glob<string>('../golden/*.parquet', { query: '?url&inline', import: 'default' });

// `npm run mutants` feeds ten thousand to each reader, and holds them to a second and 64 MB.
test.each(READERS)('500 damaged files: the reader of %s opens each or refuses it in one sentence', async (name) => {
  const torch = [...(await openGolden('torch-files')).under('file.').values()].map(({ data }) => data as Uint8Array);
  const tokenizer = (await openGolden('sentence-piece')).bytes('file.model');
  const parquet = await Promise.all(
    Object.values(parquetFiles).map(async (load) => new Uint8Array(await (await fetch(await load())).arrayBuffer())),
  );
  const run = openReader(name, { torch, tokenizer, parquet });
  const faults: string[] = [];
  let refused = 0;
  for (let seed = 0; seed < 500; seed++) {
    const outcome = await run(seed);
    if (outcome.refused !== null) refused++;
    if (outcome.fault !== null) faults.push(`${seed}: ${outcome.fault}`);
  }
  expect(faults.slice(0, 5)).toEqual([]);
  expect([refused > 100, refused < 500]).toEqual([true, true]);
});
