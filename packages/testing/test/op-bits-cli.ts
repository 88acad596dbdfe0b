/** Prints the bits of the op table as JSON: the side that runs in Node when op-bits.browser.test.ts compares. */
import fs from 'node:fs';
import type { OpCases } from '@curio/engine/check';
import { tableBits } from '../src/bits.ts';

const ops = new URL('../../engine/src/ops/', import.meta.url);
const files = fs
  .readdirSync(ops, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.cases.ts'))
  .sort();
const modules = await Promise.all(
  files.map((name) => import(new URL(name, ops).href) as Promise<Record<string, OpCases<unknown>>>),
);
console.log(
  JSON.stringify(
    await tableBits(
      modules.flatMap((module) => Object.values(module)),
      JSON.parse(process.argv[2] ?? '[]') as string[],
    ),
  ),
);
process.exit(0); // Dawn's queue thread would keep it
