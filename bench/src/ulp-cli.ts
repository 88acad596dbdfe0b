/**
 * @file npm run bench:ulp: the maximum error of every elementwise function and its derivative against float64, over all
 * of f32; docs/accuracy.md.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openGpu } from '@curio/engine';
import { elementwiseFunctions, greaterError, measureUlp, sweep } from '@curio/engine/check';
import { describePlace } from './results.ts';
import { accuracyPage } from './ulp-page.ts';
import type { AccuracyRow } from './ulp-page.ts';

const HELP = `npm run bench:ulp -- [--only TEXT] [--print]

  --only TEXT      only functions whose name has TEXT in it; writes nothing
  --print          print the table and write nothing: for a second driver (CURIO_DRIVER=swiftshader)

Exits with 1 where a function exceeds its bound.
`;

/** Samples per exponent and sign: everywhere, and where most functions change quickly. */
const EVERYWHERE = 1024;
const BENDING = 8192;
/** Exponents per part, so that a part fits the device. */
const PART = 32;

function parts(): Float32Array<ArrayBuffer>[] {
  const wide = Array.from({ length: 8 }, (_, i) =>
    sweep(EVERYWHERE, -127 + i * PART, Math.min(-127 + (i + 1) * PART - 1, 127)),
  );
  return [...wide, sweep(BENDING, -12, -3), sweep(BENDING, -2, 7)];
}

async function measure(only: string | undefined, print: boolean): Promise<void> {
  const gpu = await openGpu();
  const numbers = parts();
  const rows: AccuracyRow[] = [];
  for (const each of elementwiseFunctions) {
    if (only !== undefined && !each.name.includes(only)) continue;
    const reports = [];
    for (const x of numbers) reports.push(await measureUlp(gpu, each, x));
    rows.push({
      each,
      forward: reports.map((r) => r.forward).reduce(greaterError),
      slope: reports.map((r) => r.slope).reduce(greaterError),
    });
    console.log(`bench:ulp: ${each.name}`);
  }
  const page = accuracyPage(
    describePlace(gpu.adapter),
    numbers.reduce((sum, x) => sum + x.length, 0),
    rows,
  );
  gpu.close();
  const over = rows.filter(({ each, forward, slope }) => forward.ulp > each.forwardUlp || slope.ulp > each.slopeUlp);
  if (over.length > 0) {
    console.error(
      `bench:ulp: ${over.map(({ each }) => each.name).join(', ')} exceed the bounds of packages/engine/src/check/elementwise.ts.`,
    );
    process.exitCode = 1;
  }
  if (only !== undefined || print) return console.log(page);
  const file = fileURLToPath(new URL('../../docs/accuracy.md', import.meta.url));
  writeFileSync(file, page);
  console.log(`bench:ulp: wrote ${file}`);
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, print: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) console.log(HELP);
else await measure(values.only, values.print ?? false);
