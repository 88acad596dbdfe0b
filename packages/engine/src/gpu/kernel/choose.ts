/** @file Selects among kernels with the same contract: a readable static table, of which the first match wins. */
import { KernelError } from '../errors.ts';
import type { Binding } from '../memory/block.ts';
import type { KernelChoices } from './choices.ts';
import type { Grid } from './grid.ts';
import type { KernelSource, Tuning } from './kernel.ts';
import { knownTuning, knownVariant } from './known-gpus.ts';
import type { Family, KernelDevice, Params, Variant } from './variant.ts';

/** A device whose kernels are chosen. */
interface ChoosingDevice extends KernelDevice {
  readonly kernels: KernelChoices;
}

/** One that runs them, too. */
interface DispatchingDevice extends ChoosingDevice {
  dispatch(
    kernel: KernelSource,
    entry: string,
    work: { buffers: Readonly<Record<string, Binding>>; params?: Params; grid: Grid; tuning?: Tuning; op?: string },
  ): void;
}

/**
 * The first variant that fits and pays, the user's own before ours, or the one forced by `gpu.kernels.forced` where it
 * fits, or the one that was measured best, here or on this kind of GPU.
 * @param entry of the kernel, where they were measured apart
 * @param ownFamily the family of the user's own variants, where a direction has a table of its own
 */
export function choose<V extends Variant<Plan>, Plan extends object>(
  gpu: ChoosingDevice,
  family: string,
  entry: string,
  table: Readonly<Record<string, V>>,
  plan: Plan,
  ownFamily = family,
): V {
  const forced = gpu.kernels.forced.get(family);
  if (forced !== undefined) {
    const variant = table[forced];
    if (!variant)
      throw new KernelError(
        `${family}: there is no variant ${forced}; the variants are ${Object.keys(table).join(', ')}.`,
      );
    if (variant.fits?.(gpu, plan) ?? true) {
      gpu.kernels.obeyed.add(family);
      return variant;
    }
  }
  const measured = forced === undefined ? gpu.kernels.tuner?.chosen(ownFamily, entry, table, plan) : null;
  const own = gpu.kernels.replacements.ownOf(ownFamily).map(([, variant]) => variant as unknown as V);
  if (measured && own.length === 0) return measured;
  const known = forced === undefined && own.length === 0 ? knownVariant(gpu, ownFamily, entry, table, plan) : null;
  if (known) return known;
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
 * Tuning and grid of one dispatch of `variant`: what its table says, with the free tunables that are known for this
 * GPU, or those that `gpu.kernels.tuned` sets.
 */
export function tune<Plan extends object>(
  gpu: KernelDevice,
  variant: Variant<Plan>,
  plan: Plan,
  entry: string,
): { tuning?: Tuning; grid: Grid } {
  const wanted = variant.free && gpu.kernels.tuned.get(variant.kernel.name);
  const usual = variant.tuning?.(gpu, plan, entry);
  const chosen = wanted ?? (variant.free && knownTuning(gpu, variant, entry, plan, usual ?? {}));
  const tuning = chosen ? { ...usual, ...chosen } : usual;
  return { tuning, grid: variant.grid(gpu, plan, entry, tuning ?? {}) };
}

/** What one dispatch of `variant` needs in addition to its buffers. */
export function settingsOf<Plan extends object>(
  gpu: KernelDevice,
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
  gpu: DispatchingDevice,
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
