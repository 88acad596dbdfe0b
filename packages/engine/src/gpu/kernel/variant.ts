/** @file Kernels with the same contract, and the criteria for choosing among them. */
import { SUBGROUP_SIZE_CONTROL } from '../adapter.ts';
import type { AdapterReport } from '../adapter.ts';
import type { Grid } from './grid.ts';
import type { KernelSource, Tuning } from './kernel.ts';

export type Params = Readonly<Record<string, number>>;

/** What a variant may query of the device: its capabilities, and what the user has set. */
export interface KernelDevice {
  readonly adapter: AdapterReport;
  readonly memory: { readonly bindingLimit: number };
  readonly kernels: {
    readonly forced: ReadonlyMap<string, string>;
    readonly tuned: ReadonlyMap<string, Tuning>;
    readonly halfProducts: boolean;
  };
}

export interface Variant<Plan> {
  readonly kernel: KernelSource;
  readonly grid: (gpu: KernelDevice, plan: Plan, entry: string, tuning: Tuning) => Grid;
  /** Whether the device and the sizes suit it; the last of a table has none and always fits. */
  readonly fits?: (gpu: KernelDevice, plan: Plan) => boolean;
  /** Whether it pays; asked only when nothing is forced. */
  readonly pays?: (gpu: KernelDevice, plan: Plan) => boolean;
  readonly tuning?: (gpu: KernelDevice, plan: Plan, entry: string) => Tuning;
  /**
   * The family's params as this kernel counts them, such as columns in vec4s; without it they are passed on unchanged.
   */
  readonly params?: (params: Params, plan: Plan, tuning: Tuning) => Params;
  /**
   * Tunables that affect only the speed, each with a function that says why a value (given the others) cannot run on
   * this device, or null where it can. `gpu.kernels.tuned` sets them.
   */
  readonly free?: Readonly<Record<string, (gpu: KernelDevice, value: number, tuning: Tuning) => string | null>>;
}

/** Kernels of one contract, the preferred first. */
export type Family<Plan> = Readonly<Record<string, Variant<Plan>>>;

/** The number in a tuning's value: 64 of `64u`. */
export const tuned = (tuning: Tuning, name: string): number => Number.parseInt(tuning[name]!, 10);

/** Subgroup sizes that kernels are written for. */
const SUBGROUP_SIZES = [4, 8, 16, 32, 64];

/**
 * The one subgroup size that every kernel meets on this device: the only one, or where sizes vary and a kernel may ask
 * for one, 32 or what is nearest to it. 0 when there are none, they vary freely, or no kernel is written for it.
 */
export function fixedSubgroupSize(gpu: KernelDevice): number {
  const { subgroupSize: size, features } = gpu.adapter;
  if (!size || (size.min !== size.max && !features.includes(SUBGROUP_SIZE_CONTROL))) return 0;
  const possible = SUBGROUP_SIZES.filter((lanes) => size.min <= lanes && lanes <= size.max);
  return possible.sort((a, b) => Math.abs(a - 32) - Math.abs(b - 32))[0] ?? 0;
}
