/** @file The choice among kernels that keep one contract: a readable static table, the first that fits wins. */
import { KernelError } from './errors.ts';
import type { Gpu } from './gpu.ts';
import type { KernelSource, Tuning } from './kernel.ts';
import type { Grid } from './stream.ts';

export interface Variant<Plan> {
  readonly kernel: KernelSource;
  readonly grid: (gpu: Gpu, plan: Plan, entry: string) => Grid;
  /** Whether the device and the sizes suit it; the last of a table has none and always fits. */
  readonly fits?: (gpu: Gpu, plan: Plan) => boolean;
  /** Whether it is worth choosing, asked only when nothing is forced. */
  readonly pays?: (gpu: Gpu, plan: Plan) => boolean;
  readonly tuning?: (gpu: Gpu, plan: Plan) => Tuning;
}

/** Kernels of one contract, the preferred first. */
export type Family<Plan> = Readonly<Record<string, Variant<Plan>>>;

/** The first variant that fits and pays, or the one forced by `gpu.forced` where it fits. */
export function choose<Plan>(gpu: Gpu, family: string, table: Family<Plan>, plan: Plan): Variant<Plan> {
  const forced = gpu.forced.get(family);
  if (forced !== undefined) {
    const variant = table[forced];
    if (!variant) throw new KernelError(`${family}: no variant ${forced}; there are ${Object.keys(table).join(', ')}.`);
    if (variant.fits?.(gpu, plan) ?? true) return variant;
  }
  for (const variant of Object.values(table)) {
    if ((variant.fits?.(gpu, plan) ?? true) && (variant.pays?.(gpu, plan) ?? true)) return variant;
  }
  throw new KernelError(`${family}: no variant fits this device and these sizes; the table must end with one that always does.`);
}

/** The one subgroup size that every kernel meets on this device, or 0 when there are none or they vary. */
export function fixedSubgroupSize(gpu: Gpu): number {
  const size = gpu.adapter.subgroupSize;
  return size && size.min === size.max ? size.min : 0;
}
