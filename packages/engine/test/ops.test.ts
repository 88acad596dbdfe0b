/**
 * Every op of the table, every variant, forward and backward, on fresh inputs. `SEED=` repeats a run. With
 * `CURIO_TUNINGS=all` every value of every tunable too (npm run test:all), and what cannot run on this device is
 * counted, with the reason.
 *
 * Nearly all of the time goes to the driver, which compiles each kernel when it first runs. So a quick run on the floor
 * of WebGPU runs the kernels that such a device chooses. The others are only built there, which holds them to its
 * limits and features; with params in uniform buffers, all that differs in their text, Chromium runs them too.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkCase } from '../src/check/check-case.ts';
import type { Case, OpCases } from '../src/truth/cases.ts';
import { labelOf } from '../src/truth/cases.ts';
import { opTables } from '../src/check/tables.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import type { KernelSource, Tuning } from '../src/gpu/kernel/kernel.ts';
import { fixedSubgroupSize } from '../src/gpu/kernel/variant.ts';
import type { Variant } from '../src/gpu/kernel/variant.ts';
import { readsTexels } from '../src/ops/parts/texel-rows.ts';
import { askedKernels } from './asked-kernels.ts';
import { environment, features, openDevice } from './device.ts';

const modules = import.meta.glob('../src/ops/*/*.cases.ts', { eager: true }) as Record<
  string,
  Record<string, OpCases<unknown>>
>;
const tables = Object.values(modules).flatMap((m) => Object.values(m));
const isSweep = environment.CURIO_TUNINGS === 'all';
const seed = environment.SEED ? Number(environment.SEED) : Math.floor(Math.random() * 2 ** 31);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice();
  gpu.probe.poison = true;
});
afterAll(() => gpu.close());

test('every table is in the register that benches and users read', () => {
  expect(new Set(opTables)).toEqual(new Set(tables));
});

/** Cases that a variant takes, by family and variant. */
const taken = new Map<string, Set<Case<unknown>>>();

async function check(
  table: OpCases<unknown>,
  c: Case<unknown>,
  choice: readonly [string, string] | null,
): Promise<void> {
  gpu.kernels.forced.clear();
  gpu.kernels.obeyed.clear();
  if (choice) gpu.kernels.forced.set(...choice);
  const verdict = await checkCase(gpu, table, c, seed);
  expect(verdict.ok, `${verdict.message}; repeat with SEED=${seed}`).toBe(true);
  if (choice && gpu.kernels.obeyed.has(choice[0]))
    taken.set(`${table.op} ${choice}`, (taken.get(`${table.op} ${choice}`) ?? new Set()).add(c));
}

/** Forces a variant where it fits; elsewhere the case would run as it does without. */
async function checkVariant(
  table: OpCases<unknown>,
  c: Case<unknown>,
  choice: readonly [string, string],
  skip: (note: string) => void,
): Promise<void> {
  const asked = await askedKernels(gpu, table, c, choice);
  if (!asked.fits) return skip('does not fit, so it runs as without a choice');
  if (features !== 'portable' || isSweep) return check(table, c, choice);
  for (const { kernel, entry, tuning } of asked.kernels) await gpu.prepare(kernel, entry, tuning);
}

const casesOf = (table: OpCases<unknown>): readonly Case<unknown>[] =>
  isSweep ? [...table.cases, ...(table.rare ?? [])] : table.cases;
const choicesOf = (table: OpCases<unknown>): [string, string][] =>
  Object.entries(table.families ?? {}).flatMap(([family, variants]) =>
    Object.keys(variants).map((variant): [string, string] => [family, variant]),
  );

for (const table of tables) {
  describe(table.op, () => {
    for (const c of casesOf(table)) test(labelOf(c), () => check(table, c, null));
    for (const choice of choicesOf(table))
      for (const c of casesOf(table))
        test(`${choice.join(' ')}: ${labelOf(c)}`, ({ skip }) => checkVariant(table, c, choice, skip));
  });
}

if (isSweep)
  describe('every tuning', () => {
    const reasons = new Map<string, number>();
    const skip = (reason: string): void => void reasons.set(reason, (reasons.get(reason) ?? 0) + 1);

    for (const table of tables) {
      for (const choice of choicesOf(table)) {
        const variant = table.families![choice[0]]![choice[1]] as unknown as Variant<unknown>;
        for (const tuning of variant.free ? combinations(variant.kernel, Object.keys(variant.free)) : []) {
          test(`${table.op} ${choice.join(' ')}: ${Object.entries(tuning)
            .map((pair) => pair.join('='))
            .join(' ')}`, async (context) => {
            const cannot = Object.entries(tuning).flatMap(
              ([name, value]) => variant.free![name]!(gpu, Number.parseInt(value, 10), tuning) ?? [],
            );
            const cases = taken.get(`${table.op} ${choice}`) ?? new Set();
            const reason = cases.size === 0 ? 'this op never takes that variant here' : cannot[0];
            if (reason) {
              skip(reason);
              return context.skip(reason);
            }
            gpu.kernels.tuned.set(variant.kernel.name, tuning);
            try {
              for (const c of cases) await check(table, c, choice);
            } finally {
              gpu.kernels.tuned.clear();
            }
          });
        }
      }
    }

    test('every value of every tunable has run, or cannot run here', () => {
      const kernels = Object.values(
        import.meta.glob('../../../kernels/gen/*.ts', { eager: true }) as Record<string, Record<string, KernelSource>>,
      ).flatMap((m) => Object.values(m));
      const ran = gpu.pipelines.labels;
      const missing: string[] = [];
      let values = 0;
      for (const kernel of kernels) {
        const labels = ran.filter((label) => label.startsWith(`${kernel.name}:`));
        for (const { name, allowed } of kernel.tunables) {
          for (const value of allowed) {
            values++;
            if (labels.some((label) => new RegExp(`[( ]${name}=${value.replace(/[<>]/g, '.')}[ )]`).test(label)))
              continue;
            const reason = cannotRun(kernel, name, value);
            if (reason) skip(reason);
            else missing.push(`${kernel.name} ${name}=${value}`);
          }
        }
      }
      console.log(
        `tunings: ${values} values of ${kernels.length} kernels; skipped: ${[...reasons].map(([reason, count]) => `${count} × ${reason}`).join('; ') || 'none'}`,
      );
      expect(missing).toEqual([]);
    });
  });

/** Why a value cannot run on this device, or null. */
function cannotRun(kernel: KernelSource, name: string, value: string): string | null {
  const lanes = fixedSubgroupSize(gpu);
  if (kernel.subgroups && lanes === 0) return 'this device has no subgroups of one size';
  if (kernel.name === 'matmul/gemv_columns' && lanes < 8) return 'fewer than 8 lanes own too few columns';
  if (
    (kernel.name === 'matmul/texel_rows' || kernel.bindings.some(({ type }) => type === 'read-only-texture')) &&
    !readsTexels(gpu)
  )
    return 'textures cannot be read here';
  if (kernel.name === 'matmul/subgroup_matrix')
    return 'subgroup-matrix.test.ts runs every tile, on emulated matrix units where there are none';
  if (/^attention\/\w+_matrix$/.test(kernel.name))
    return 'attention-matrix.test.ts runs every tile, on emulated matrix units where there are none';
  if (name === 'DEPTH' || name === 'SKEW') return 'workgroup memory here asks for another';
  if (name === 'STEPS') return 'line.test.ts runs every length of run';
  if (name === 'SG') return value === `${lanes}u` ? null : `subgroups here have ${lanes} lanes`;
  if (
    /^attention\/\w+_(subgroup|texels)$/.test(kernel.name) &&
    name === 'D' &&
    Number.parseInt(value, 10) % (4 * lanes) !== 0
  )
    return `rows of ${value} do not divide among ${lanes} lanes`;
  if (
    /^attention\/\w+_(vec4s|shared)$/.test(kernel.name) &&
    (value === '128u' || value === '8u') &&
    gpu.adapter.limits.maxComputeWorkgroupStorageSize! < 32768
  )
    return 'the tile takes more workgroup memory than the device has';
  if (name === 'ROWS' && Number.parseInt(value, 10) < lanes)
    return `rows lie across the ${lanes} lanes, and some would fall outside the tile`;
  if (name === 'ROWS' && Number.parseInt(value, 10) > 4 * lanes) return `the ${lanes} lanes hold 4 rows each`;
  return null;
}

/** Every combination of the allowed values of some tunables. */
function combinations(kernel: KernelSource, names: readonly string[]): Tuning[] {
  return names.reduce<Tuning[]>(
    (all, name) =>
      all.flatMap((tuning) =>
        kernel.tunables.find((t) => t.name === name)!.allowed.map((value) => ({ ...tuning, [name]: value })),
      ),
    [{}],
  );
}
