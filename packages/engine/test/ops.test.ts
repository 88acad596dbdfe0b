/** Every op of the table, every variant, forward and backward, on fresh inputs. `SEED=` repeats a run. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkCase } from '../src/check/check-case.ts';
import type { OpCases } from '../src/check/cases.ts';
import { specOf } from '../src/check/cases.ts';
import { opTables } from '../src/check/tables.ts';
import { openGpu } from '../src/gpu/open.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { showShape } from '../src/tensor/shape.ts';

const modules = import.meta.glob('../src/ops/*.cases.ts', { eager: true }) as Record<string, Record<string, OpCases<unknown>>>;
/** Node has the variables in process.env, the browser in import.meta.env, where vitest.config.ts put them. */
const environment: Record<string, string | undefined> = { ...(import.meta as unknown as { env: object }).env, ...(globalThis as { process?: { env: object } }).process?.env };
const seed = environment.SEED ? Number(environment.SEED) : Math.floor(Math.random() * 2 ** 31);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ features: environment.CURIO_FEATURES === 'portable' ? 'portable' : 'all' });
  gpu.poison = true;
});
afterAll(() => gpu.close());

test('every table is in the register that benches and users read', () => {
  expect(new Set(opTables)).toEqual(new Set(Object.values(modules).flatMap((m) => Object.values(m))));
});

for (const table of Object.values(modules).flatMap((m) => Object.values(m))) {
  describe(table.op, () => {
    const families = Object.entries(table.families ?? {});
    const choices: [string, string][] = families.flatMap(([family, variants]) => Object.keys(variants).map((variant): [string, string] => [family, variant]));
    for (const choice of choices.length > 0 ? choices : [null]) {
      test.each(table.cases.map((c) => [c.label ?? c.inputs.map((i) => (i ? showShape(specOf(i)!.shape) : '-')).join(' '), c] as const))(`${choice ? `${choice.join(' ')}: ` : ''}%s`, async (_, c) => {
        gpu.forced.clear();
        if (choice) gpu.forced.set(...choice);
        const verdict = await checkCase(gpu, table, c, seed);
        expect(verdict.ok, `${verdict.message}; repeat with SEED=${seed}`).toBe(true);
      });
    }
  });
}
