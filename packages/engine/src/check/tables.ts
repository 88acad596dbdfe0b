/**
 * @file The reference of every op, by name: what tests, benchmarks and the workbench run, and what a user's own kernel
 * is compared with.
 */
import { CurioError } from '../gpu/errors.ts';
import type { OpCases } from '../truth/cases.ts';
import { caseModules } from './case-modules.ts';

/**
 * Every op's table. The attributes of each are its own, which is why they are `never` here: a table is only ever run
 * with its own cases.
 */
export const opTables = caseModules.flatMap((module) => Object.values(module)) as unknown as readonly OpCases<never>[];

/** The table of an op. Throws CurioError for an unknown name. */
export function opTable(op: string): OpCases<never> {
  const table = opTables.find((each) => each.op === op);
  if (!table)
    throw new CurioError(`check: there is no op '${op}'; the ops are ${opTables.map((each) => each.op).join(', ')}.`);
  return table;
}
