/** @file Which ops run a kernel, in which cases, and at which bench shapes it is timed. */
import type { Gpu } from '../gpu/gpu.ts';
import type { KernelSource, Tuning } from '../gpu/kernel/kernel.ts';
import type { Variant } from '../gpu/kernel/variant.ts';
import { specOf } from '../truth/cases.ts';
import type { BenchShape, Case, OpCases } from '../truth/cases.ts';
import { pipelinesOf } from './check-kernel.ts';
import { opTables } from './tables.ts';

/** A family and the variant that is forced in it. */
export type Choice = readonly [family: string, variant: string];

/** One kernel in one op. */
export interface Target {
  /** As it was generated: what the product runs. */
  readonly kernel: KernelSource;
  readonly table: OpCases<never>;
  /** Null if the op has only one kernel. */
  readonly choice: Choice | null;
  /**
   * Cases that the kernel takes, by the tuning that they ask for; the one that the first bench shape asks for, or that
   * of most cases, first.
   */
  readonly cases: readonly {
    readonly labels: string;
    readonly tunings: readonly { readonly entry: string; readonly tuning?: Tuning }[];
    readonly cases: readonly Case<never>[];
  }[];
}

export const variantOf = ({ table, choice }: Target): Variant<never> | null =>
  choice ? (table.families![choice[0]]![choice[1]]! as Variant<never>) : null;

export const nameOf = ({ table, choice }: Target): string =>
  [table.op, ...(choice ? [choice[0] === table.op ? choice[1] : choice.join(' ')] : [])].join(', ');

/**
 * Ops that may run a kernel: those with it in a family, else those whose families have one of its folder, the op that
 * it is named after before the others; else all without families.
 */
export function tablesFor(kernel: string): readonly OpCases<never>[] {
  const [folder, own] = kernel.split('/') as [string, string];
  const withOne = (isSuch: (name: string) => boolean): OpCases<never>[] =>
    opTables.filter(({ families = {} }) =>
      Object.values(families).some((family) => Object.values(family).some((variant) => isSuch(variant.kernel.name))),
    );
  const exact = withOne((name) => name === kernel);
  const inFamily = exact.length > 0 ? exact : withOne((name) => name.split('/')[0] === folder);
  const rank = ({ op }: OpCases<never>): number =>
    own.replace(/_/g, '').startsWith(op.toLowerCase()) || op.toLowerCase().startsWith(folder) ? 0 : 1;
  return inFamily.length > 0
    ? [...inFamily].sort((a, b) => rank(a) - rank(b))
    : opTables.filter(({ families }) => !families);
}

/** Where a kernel runs on this device. The first is the op that it is named after, if any. */
export function targetsOf(gpu: Gpu, kernel: string): Target[] {
  const found: Target[] = [];
  for (const table of tablesFor(kernel)) {
    const choices = Object.entries(table.families ?? {}).flatMap(([family, variants]) =>
      Object.keys(variants).map((variant): Choice => [family, variant]),
    );
    const targets = (choices.length > 0 ? choices : [null]).flatMap(
      (choice) => targetIn(gpu, kernel, table, choice) ?? [],
    );
    // Forcing one variant leaves the rest of the op as it is, so a kernel also runs along with other variants; it is
    // judged where it is the forced one.
    const own = targets.filter((target) => variantOf(target)?.kernel.name === kernel);
    const named = targets.find(({ choice }) => choice && kernel.endsWith(choice[1])) ?? targets[0];
    found.push(...(own.length > 0 ? own : named ? [named] : []));
  }
  const own = found.filter((target) => variantOf(target)?.kernel.name === kernel);
  return own.length > 0 ? own : found;
}

/** A bench shape at which a target's kernel runs, and in which direction. */
export interface TimedShape {
  readonly shape: BenchShape<never>;
  readonly directions: readonly ('forward' | 'backward')[];
}

/** A shape without gradients. */
const forwardOnly = (shape: BenchShape<never>): BenchShape<never> => ({
  ...shape,
  inputs: shape.inputs.map((each) => {
    const spec = specOf(each);
    return spec && { ...spec, needsGrad: false };
  }),
});

const labelsOf = (pipelines: readonly { readonly label: string }[]): string =>
  pipelines
    .map(({ label }) => label)
    .sort()
    .join();

/** The pipelines of a kernel that the quickest bench shape uses. */
function firstShapeLabels(gpu: Gpu, kernel: KernelSource, table: OpCases<never>, choice: Choice | null): string {
  for (const shape of bySize(table)) {
    const asked = pipelinesOf(gpu, table, [shape], (dry) => choice && dry.kernels.forced.set(...choice)).filter(
      (pipeline) => pipeline.kernel === kernel,
    );
    if (asked.length > 0) return labelsOf(asked);
  }
  return '';
}

const bySize = ({ bench = [] }: OpCases<never>): BenchShape<never>[] =>
  [...bench].sort((a, b) => (a.flops ?? a.bytes ?? 0) - (b.flops ?? b.bytes ?? 0));

/** Whether an op takes a forced variant at a shape. */
export function obeys(gpu: Gpu, table: OpCases<never>, choice: Choice, shape: BenchShape<never>): boolean {
  let obeyed = false;
  pipelinesOf(
    gpu,
    table,
    [forwardOnly(shape)],
    (dry) => dry.kernels.forced.set(...choice),
    (dry) => (obeyed = dry.kernels.obeyed.has(choice[0])),
  );
  return obeyed;
}

/** The other variants of a target's family that its op takes at a shape. */
export function variantsBeside(gpu: Gpu, { table, choice }: Target, shape: BenchShape<never>): Choice[] {
  if (!choice) return [];
  return Object.keys(table.families![choice[0]]!)
    .filter((name) => name !== choice[1])
    .map((name): Choice => [choice[0], name])
    .filter((other) => obeys(gpu, table, other, shape));
}

/**
 * The bench shapes of a target's op that its kernel takes, the quickest first; those where it only runs backward where
 * there is no other.
 */
export function timedShapes(gpu: Gpu, { kernel, table, choice }: Target): TimedShape[] {
  const runs = (shape: BenchShape<never>, needsGrad: boolean): boolean =>
    pipelinesOf(
      gpu,
      table,
      [needsGrad ? shape : forwardOnly(shape)],
      (dry) => choice && dry.kernels.forced.set(...choice),
    ).some((pipeline) => pipeline.kernel === kernel);
  const shapes = bySize(table);
  const forward = shapes
    .filter((shape) => runs(shape, false))
    .map((shape) => ({ shape, directions: ['forward', 'backward'] as const }));
  return forward.length > 0
    ? forward
    : shapes.filter((shape) => runs(shape, true)).map((shape) => ({ shape, directions: ['backward'] as const }));
}

function targetIn(gpu: Gpu, name: string, table: OpCases<never>, choice: Choice | null): Target | null {
  const groups = new Map<
    string,
    { labels: string; tunings: { entry: string; tuning?: Tuning }[]; cases: Case<never>[] }
  >();
  let kernel: KernelSource | null = null;
  for (const c of table.cases) {
    let obeyed = true;
    const asked = pipelinesOf(
      gpu,
      table,
      [c],
      (dry) => {
        if (choice) dry.kernels.forced.set(...choice);
      },
      (dry) => (obeyed = !choice || dry.kernels.obeyed.has(choice[0])),
    ).filter((pipeline) => pipeline.kernel.name === name);
    if (asked.length === 0 || !obeyed) continue;
    kernel = asked[0]!.kernel;
    const key = labelsOf(asked);
    const group = groups.get(key) ?? {
      labels: key,
      tunings: asked.map(({ entry, tuning }) => ({ entry, tuning })),
      cases: [],
    };
    group.cases.push(c);
    groups.set(key, group);
  }
  if (!kernel) return null;
  const timed = firstShapeLabels(gpu, kernel, table, choice);
  const isTimed = (group: { labels: string }): number => (group.labels === timed ? 1 : 0);
  return {
    kernel,
    table,
    choice,
    cases: [...groups.values()].sort((a, b) => isTimed(b) - isTimed(a) || b.cases.length - a.cases.length),
  };
}
