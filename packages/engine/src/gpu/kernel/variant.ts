/** @file The choice among kernels that keep one contract: a readable static table, the first that fits wins. */
import { SUBGROUP_SIZE_CONTROL } from '../adapter.ts';
import { KernelError } from '../errors.ts';
import type { Gpu } from '../gpu.ts';
import type { KernelSource, Tuning } from './kernel.ts';
import type { Binding, Grid } from '../stream/stream.ts';

export type Params = Readonly<Record<string, number>>;

export interface Variant<Plan> {
  readonly kernel: KernelSource;
  readonly grid: (gpu: Gpu, plan: Plan, entry: string, tuning: Tuning) => Grid;
  /** Whether the device and the sizes suit it; the last of a table has none and always fits. */
  readonly fits?: (gpu: Gpu, plan: Plan) => boolean;
  /** Whether it is worth choosing, asked only when nothing is forced. */
  readonly pays?: (gpu: Gpu, plan: Plan) => boolean;
  readonly tuning?: (gpu: Gpu, plan: Plan, entry: string) => Tuning;
  /**
   * The family's params as this kernel counts them, such as columns in vec4s; without it they are taken as they are.
   */
  readonly params?: (params: Params, plan: Plan, tuning: Tuning) => Params;
  /**
   * Tunables that change the speed and not the result, each with why a value (beside all the others) cannot run on this
   * device, or null where it can. `gpu.kernels.tuned` sets them.
   */
  readonly free?: Readonly<Record<string, (gpu: Gpu, value: number, tuning: Tuning) => string | null>>;
}

/** Kernels of one contract, the preferred first. */
export type Family<Plan> = Readonly<Record<string, Variant<Plan>>>;

/**
 * The first variant that fits and pays, somebody's own before ours, or the one forced by `gpu.kernels.forced` where it
 * fits, or the one that was measured best.
 * @param entry of the kernel, where they were measured apart
 * @param ownFamily the family of somebody's own variants, where a direction has a table of its own
 */
export function choose<V extends Variant<Plan>, Plan extends object>(
  gpu: Gpu,
  family: string,
  entry: string,
  table: Readonly<Record<string, V>>,
  plan: Plan,
  ownFamily = family,
): V {
  const forced = gpu.kernels.forced.get(family);
  if (forced !== undefined) {
    const variant = table[forced];
    if (!variant) throw new KernelError(`${family}: no variant ${forced}; there are ${Object.keys(table).join(', ')}.`);
    if (variant.fits?.(gpu, plan) ?? true) {
      gpu.kernels.obeyed.add(family);
      return variant;
    }
  }
  const measured = forced === undefined ? gpu.kernels.tuner?.chosen(ownFamily, entry, table, plan) : null;
  const own = gpu.kernels.replacements.ownOf(ownFamily).map(([, variant]) => variant as unknown as V);
  if (measured && own.length === 0) return measured;
  for (const variant of own.length > 0 && forced === undefined
    ? [...own, ...Object.values(table)]
    : Object.values(table)) {
    if ((variant.fits?.(gpu, plan) ?? true) && (variant.pays?.(gpu, plan) ?? true)) return variant;
  }
  throw new KernelError(
    `${family}: no variant fits this device and these sizes; the table must end with one that always does.`,
  );
}

/**
 * Tuning and grid of one dispatch of `variant`: what its table says, with the free tunables that `gpu.kernels.tuned`
 * sets.
 */
export function tune<Plan>(
  gpu: Gpu,
  variant: Variant<Plan>,
  plan: Plan,
  entry: string,
): { tuning?: Tuning; grid: Grid } {
  const wanted = variant.free && gpu.kernels.tuned.get(variant.kernel.name);
  const usual = variant.tuning?.(gpu, plan, entry);
  const tuning = wanted ? { ...usual, ...wanted } : usual;
  return { tuning, grid: variant.grid(gpu, plan, entry, tuning ?? {}) };
}

/** What one dispatch of `variant` needs beside its buffers. */
export function settingsOf<Plan>(
  gpu: Gpu,
  variant: Variant<Plan>,
  plan: Plan,
  entry: string,
  params: Params = {},
): { tuning?: Tuning; grid: Grid; params: Params } {
  const { tuning, grid } = tune(gpu, variant, plan, entry);
  return { tuning, grid, params: variant.params?.(params, plan, tuning ?? {}) ?? params };
}

/** Dispatches the variant of `family` that suits the device and `plan`, outside of an op; ops do it by `run.launch`. */
export function launch<Plan extends object>(
  gpu: Gpu,
  family: string,
  table: Family<Plan>,
  plan: Plan,
  entry: string,
  work: { buffers: Readonly<Record<string, Binding>>; params: Params; op?: string },
): void {
  const first = choose(gpu, family, entry, table, plan);
  const record = (variant: Variant<Plan>, buffers: Readonly<Record<string, Binding>>): void =>
    gpu.dispatch(variant.kernel, entry, { ...work, buffers, ...settingsOf(gpu, variant, plan, entry, work.params) });
  gpu.kernels.tuner?.consider(family, entry, table, plan, { first, buffers: work.buffers, record });
  record(first, work.buffers);
}

/** The number in a tuning's value: 64 of `64u`. */
export const tuned = (tuning: Tuning, name: string): number => Number.parseInt(tuning[name]!, 10);

/** Subgroup sizes that kernels are written for. */
const SUBGROUP_SIZES = [4, 8, 16, 32, 64];

/**
 * The one subgroup size that every kernel meets on this device: the only one, or where sizes vary and a kernel may ask
 * for one, 32 or what is nearest to it. 0 when there are none, they vary freely, or no kernel is written for it.
 */
export function fixedSubgroupSize(gpu: Gpu): number {
  const { subgroupSize: size, features } = gpu.adapter;
  if (!size || (size.min !== size.max && !features.includes(SUBGROUP_SIZE_CONTROL))) return 0;
  const possible = SUBGROUP_SIZES.filter((lanes) => size.min <= lanes && lanes <= size.max);
  return possible.sort((a, b) => Math.abs(a - 32) - Math.abs(b - 32))[0] ?? 0;
}
