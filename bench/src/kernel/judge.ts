/** @file The workbench's checks of one kernel: does it compile, is it right, how fast is it. */
import { CurioError, KernelError } from '@curio/engine';
import type { Gpu, KernelSource, Tuning, Variant } from '@curio/engine';
import { checkCase, labelOf } from '@curio/engine/check';
import type { BenchShape, Case } from '@curio/engine/check';
import type { Group, Roof, Row } from '../cell.ts';
import type { Measurements } from '../rounds.ts';
import { CaseCells, under } from './case-cells.ts';
import type { Setting } from './case-cells.ts';
import { atPiece } from './source.ts';
import { variantOf } from './targets.ts';
import type { Target } from './targets.ts';

const SEED = 1;

/** A sentence where a case is wrong, null where all agree with float64. */
export interface Correctness {
  readonly wrong: string | null;
  readonly checked: number;
  readonly worst: number;
}

/**
 * Compiles what the first `groups` of a target's cases ask for. Returns `file:line:column message`, or null where it
 * compiles.
 */
export async function compile(gpu: Gpu, { cases }: Target, now: KernelSource): Promise<string | null> {
  try {
    for (const { tunings } of cases) for (const { entry, tuning } of tunings) await gpu.prepare(now, entry, tuning);
    return null;
  } catch (error) {
    if (error instanceof KernelError) return atPiece(error.message, now);
    throw error;
  }
}

/** Runs cases by the new text, forward and backward. */
export async function check(
  gpu: Gpu,
  target: Target,
  cases: readonly Case<never>[],
  setting: Setting,
): Promise<Correctness> {
  let [checked, worst] = [0, 0];
  for (const c of cases) {
    const verdict = await under(gpu, setting, async () => {
      try {
        return await checkCase(gpu, target.table, c, SEED);
      } catch (error) {
        if (!(error instanceof CurioError)) throw error;
        return { ok: false, worst: Infinity, message: error.message };
      }
    });
    worst = Math.max(worst, verdict.worst);
    if (!verdict.ok) return { wrong: `${labelOf(c)}: ${verdict.message}`, checked, worst };
    checked++;
  }
  return { wrong: null, checked, worst };
}

/** What a shape is held against. */
const roofOf = ({ flops, bytes }: BenchShape<never>): Roof | null =>
  flops ? { kind: 'openblas', size: [512, 512, 512] } : bytes ? { kind: 'copy' } : null;

/** A row of the workbench's table. */
export interface Timing {
  readonly what: string;
  readonly forward: Row | null;
  readonly backward: Row | null;
}

/** Times settings at one bench shape, all in turn. */
export async function time(
  gpu: Gpu,
  measurements: Measurements,
  { table }: Target,
  shape: BenchShape<never>,
  settings: readonly (readonly [what: string, setting: Setting])[],
  directions: readonly ('forward' | 'backward')[],
): Promise<Timing[]> {
  gpu.arena.open();
  try {
    const cells = new CaseCells(gpu, table, shape);
    const group = (direction: 'forward' | 'backward'): Group => ({
      op: `${table.op} ${direction}`,
      shape: shape.label,
      work: direction === 'forward' ? { flops: shape.flops, bytes: shape.bytes } : {},
      roof: direction === 'forward' ? roofOf(shape) : null,
      cells: settings.map(([what, setting]) => cells[direction](what, setting)),
    });
    const forward = directions.includes('forward') ? await measurements.measure(group('forward')) : [];
    const backward =
      directions.includes('backward') && table.differentiable !== false
        ? await measurements.measure(group('backward'))
        : [];
    return settings.map(([what], i) => ({ what, forward: forward[i] ?? null, backward: backward[i] ?? null }));
  } finally {
    gpu.arena.close();
    gpu.trim();
  }
}

/** Every combination of the free tunables that can run here, without the one that the table chooses by itself. */
export function otherTunings(gpu: Gpu, target: Target, now: KernelSource): Tuning[] {
  const free = (variantOf(target) as Variant<unknown> | null)?.free ?? {};
  const own = target.cases[0]!.tunings.find(({ tuning }) => tuning)?.tuning ?? {};
  const all = Object.keys(free).reduce<Tuning[]>(
    (some, name) => {
      const values = now.tunables.find((each) => each.name === name)?.allowed ?? [];
      return some.flatMap((tuning) => values.map((value) => ({ ...tuning, [name]: value })));
    },
    [{}],
  );
  const runs = (tuning: Tuning): boolean =>
    Object.entries(tuning).every(([name, value]) => free[name]!(gpu, Number.parseInt(value, 10), tuning) === null);
  return all.filter((tuning) => runs(tuning) && Object.entries(tuning).some(([name, value]) => own[name] !== value));
}
