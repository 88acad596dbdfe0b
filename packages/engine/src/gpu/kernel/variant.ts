/** @file The choice among kernels that keep one contract: a readable static table, the first that fits wins. */
import { KernelError } from '../errors.ts';
import type { Gpu } from '../gpu.ts';
import type { KernelSource, Tuning } from './kernel.ts';
import type { Grid } from '../stream/stream.ts';

export interface Variant<Plan> {
  readonly kernel: KernelSource;
  readonly grid: (gpu: Gpu, plan: Plan, entry: string, tuning: Tuning) => Grid;
  /** Whether the device and the sizes suit it; the last of a table has none and always fits. */
  readonly fits?: (gpu: Gpu, plan: Plan) => boolean;
  /** Whether it is worth choosing, asked only when nothing is forced. */
  readonly pays?: (gpu: Gpu, plan: Plan) => boolean;
  readonly tuning?: (gpu: Gpu, plan: Plan) => Tuning;
  /** Reads textures that the op lays first, so that the tuner cannot time it alone. */
  readonly needsTexels?: boolean;
  /** Tunables that change the speed and not the result, each with why a value (beside all the others) cannot run on this device, or null where it can. `gpu.tuned` sets them. */
  readonly free?: Readonly<Record<string, (gpu: Gpu, value: number, tuning: Tuning) => string | null>>;
}

/** Kernels of one contract, the preferred first. */
export type Family<Plan> = Readonly<Record<string, Variant<Plan>>>;

/**
 * The first variant that fits and pays, somebody's own before ours, or the one forced by `gpu.forced` where it fits, or the one that was measured best.
 * @param entry of the kernel, where they were measured apart
 * @param ownFamily the family of somebody's own variants, where a direction has a table of its own
 */
export function choose<Plan extends object>(gpu: Gpu, family: string, entry: string, table: Family<Plan>, plan: Plan, ownFamily = family): Variant<Plan> {
  const forced = gpu.forced.get(family);
  if (forced !== undefined) {
    const variant = table[forced];
    if (!variant) throw new KernelError(`${family}: no variant ${forced}; there are ${Object.keys(table).join(', ')}.`);
    if (variant.fits?.(gpu, plan) ?? true) {
      gpu.obeyed.add(family);
      return variant;
    }
  }
  const measured = forced === undefined ? gpu.tuner?.chosen(ownFamily, entry, table, plan) : null;
  const own = gpu.replacements.ownOf(ownFamily).map(([, variant]) => variant as unknown as Variant<Plan>);
  if (measured && own.length === 0) return measured;
  for (const variant of own.length > 0 && forced === undefined ? [...own, ...Object.values(table)] : Object.values(table)) {
    if ((variant.fits?.(gpu, plan) ?? true) && (variant.pays?.(gpu, plan) ?? true)) return variant;
  }
  throw new KernelError(`${family}: no variant fits this device and these sizes; the table must end with one that always does.`);
}

/** Tuning and grid of one dispatch of `variant`: what its table says, with the free tunables that `gpu.tuned` sets. */
export function tune<Plan>(gpu: Gpu, variant: Variant<Plan>, plan: Plan, entry: string): { tuning?: Tuning; grid: Grid } {
  const wanted = variant.free && gpu.tuned.get(variant.kernel.name);
  const tuning = wanted ? { ...variant.tuning?.(gpu, plan), ...wanted } : variant.tuning?.(gpu, plan);
  return { tuning, grid: variant.grid(gpu, plan, entry, tuning ?? {}) };
}

/** The number in a tuning's value: 64 of `64u`. */
export const tuned = (tuning: Tuning, name: string): number => Number.parseInt(tuning[name]!, 10);

/** Subgroup sizes that kernels are written for. */
const SUBGROUP_SIZES = [4, 8, 16, 32, 64];

/** The one subgroup size that every kernel meets on this device, or 0 when there are none, they vary, or no kernel is written for it. */
export function fixedSubgroupSize(gpu: Gpu): number {
  const size = gpu.adapter.subgroupSize;
  return size && size.min === size.max && SUBGROUP_SIZES.includes(size.min) ? size.min : 0;
}
