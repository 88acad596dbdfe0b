/** @file Measures how fast a kernel is, with settings timed in turn. */
import type { Gpu, KernelSource, Tuning, Variant } from '@curio/engine';
import { CaseRuns, variantOf } from '@curio/engine/check';
import type { BenchShape, Setting, Target } from '@curio/engine/check';
import type { Cell, Group, Roof, Row } from '../cell.ts';
import { session } from '../engine-cells.ts';
import type { Measurements } from '../rounds.ts';

/** The roof of a shape. */
const roofOf = ({ flops, bytes }: BenchShape<never>): Roof | null =>
  flops ? { kind: 'openblas', size: [512, 512, 512] } : bytes ? { kind: 'copy' } : null;

/** A row of the workbench's table. */
export interface Timing {
  readonly what: string;
  readonly forward: Row | null;
  readonly backward: Row | null;
}

/** An op at a bench shape, in one direction and with one setting. */
function cell(gpu: Gpu, runs: CaseRuns, direction: 'forward' | 'backward', variant: string, setting: Setting): Cell {
  const open = () => {
    const run = runs[direction](setting);
    if (!run) throw new Error('it has no backward of its own');
    return session(gpu, run, async () => null);
  };
  return { library: 'curio', variant, open };
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
    const runs = new CaseRuns(gpu, table, shape);
    const group = (direction: 'forward' | 'backward'): Group => ({
      op: `${table.op} ${direction}`,
      shape: shape.label,
      work: direction === 'forward' ? { flops: shape.flops, bytes: shape.bytes } : {},
      roof: direction === 'forward' ? roofOf(shape) : null,
      cells: settings.map(([what, setting]) => cell(gpu, runs, direction, what, setting)),
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

/** Every combination of the free tunables that can run on this device, except the table's own. */
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
