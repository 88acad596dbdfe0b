/**
 * Every case of the op table, forward and backward, on SwiftShader in Chromium and on SwiftShader in Node (Dawn),
 * compared bit for bit.
 * The table says which ops differ and by how much.
 */
import type { OpCases } from '@curio/engine/check';
import { expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { compareBits, differenceTable, tableBits } from '../src/bits.ts';
import type { TableBits } from '../src/bits.ts';

const modules = import.meta.glob('../../engine/src/ops/*/*.cases.ts', { eager: true }) as Record<
  string,
  Record<string, OpCases<unknown>>
>;
const tables = Object.keys(modules)
  .sort()
  .flatMap((file) => Object.values(modules[file]));
const { opsInNode } = commands as unknown as { opsInNode(wanted: readonly string[]): Promise<TableBits | null> };

test('every op gives the same bits in Chromium and in Node', async ({ skip }) => {
  const node = await opsInNode([]);
  if (!node) skip('npm has no SwiftShader for this platform');
  const browser = await tableBits(tables);
  const there = node as TableBits;
  expect(browser.cases.map((c) => c.key)).toEqual(there.cases.map((c) => c.key));

  const { differ, otherInputs } = compareBits(browser, there);
  console.log(
    `${browser.adapter} | ${there.adapter}: ${browser.cases.length} cases of ${new Set(browser.cases.map((c) => c.op)).size} ops, ${differ.length} differ, ${otherInputs.length} got other inputs`,
  );
  if (differ.length > 0) console.log(differenceTable(await tableBits(tables, differ), (await opsInNode(differ))!));
  expect(otherInputs).toEqual([]);
  expect(differ).toEqual([]);
});
