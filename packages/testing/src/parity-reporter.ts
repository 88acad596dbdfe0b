/** @file Vitest's reporter behind `npm run parity`: a Markdown table of what the tests compared with an oracle. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { ParityRow } from './parity.ts';

type Line = ParityRow & { readonly file: string };

/** One row for what was compared with one oracle: numbers add up, and the difference nearest to its limit stays. */
export function joinRows(rows: readonly Line[]): Line[] {
  const joined = new Map<string, Line>();
  for (const row of rows) {
    const key = `${row.file}\n${row.what}\n${row.oracle}`;
    const known = joined.get(key);
    if (!known) joined.set(key, { ...row });
    else {
      const worse = row.difference * (known.allowed || 1) > known.difference * (row.allowed || 1);
      const { difference, allowed } = worse ? row : known;
      joined.set(key, { ...known, difference, allowed, numbers: known.numbers + row.numbers });
    }
  }
  return [...joined.values()];
}

const power = (x: number): string => (x === 0 ? '0' : x.toExponential(1));

/** A Markdown table. */
export function parityTable(rows: readonly Line[]): string {
  const lines = rows.map(({ what, oracle, numbers, difference, allowed, file }) => {
    const [found, limit] = allowed === 0 ? ['equal', 'equal'] : [power(difference), power(allowed)];
    return `| ${what} | ${oracle} | ${numbers.toLocaleString('en-US')} | ${found} | ${limit} | \`${file}\` |`;
  });
  return [
    '| what | oracle | numbers | greatest difference | allowed | test |',
    '|---|---|--:|--:|--:|---|',
    ...lines,
  ].join('\n');
}

export default class ParityReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => ({ module, test })));
    const failed = tests.filter(({ test }) => test.result().state === 'failed');
    for (const { module, test } of failed)
      console.error(`parity: ${module.relativeModuleId} > ${test.fullName} failed.`);
    const rowsOf = (test: TestCase): readonly ParityRow[] => test.meta().parity ?? [];
    const rows = tests
      .flatMap(({ module, test }) => rowsOf(test).map((row) => ({ ...row, file: module.relativeModuleId })))
      .sort((a, b) => a.file.localeCompare(b.file));
    console.log(parityTable(joinRows(rows)));
  }
}
