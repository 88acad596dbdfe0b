/** @file Which kernels run on a device: what is forced, tuned, replaced or measured. */
import type { Tuning } from './kernel.ts';
import { Replacements } from './replacements.ts';
import { Setting } from './setting.ts';
import type { Tuner } from './tuner.ts';

export class KernelChoices {
  /** Variants forced by family name, for tests and benches: `gpu.kernels.forced.set('matmul nn', 'naive')`. */
  readonly forced = new Map<string, string>();
  /** Families whose forced variant fitted and was used; cleared by the reader. */
  readonly obeyed = new Set<string>();
  /**
   * Values of free tunables by kernel name, for tests and benches: `gpu.kernels.tuned.set('rows/softmax_subgroup', {
   * WG: '128u' })`.
   */
  readonly tuned = new Map<string, Tuning>();
  /** Kernels of the user's own in place of ours. */
  readonly replacements = new Replacements();
  private readonly halves = new Setting(false);
  private readonly measured: Setting<Tuner | null>;

  constructor(tuner: Tuner | null) {
    this.measured = new Setting(tuner);
  }

  /** Whether products and attention may round their operands to f16 and run on the matrix units. */
  get halfProducts(): boolean {
    return this.halves.value;
  }

  /** Allows half products from now on. `enableSubgroupMatrix` calls it after checking that their results are right. */
  enableHalfProducts(): void {
    this.halves.set(true);
  }

  /** Runs `fn` with half products allowed or not, until it returns or its promise settles. */
  withHalfProducts<T>(allowed: boolean, fn: () => T): T {
    return this.halves.during(allowed, fn);
  }

  /**
   * Measured choices; null under the static table. `await gpu.kernels.tuner.measure()` times what waits, best after the
   * first step.
   */
  get tuner(): Tuner | null {
    return this.measured.value;
  }

  /** Runs `fn` under the static table alone, until it returns or its promise settles. */
  withoutTuner<T>(fn: () => T): T {
    return this.measured.during(null, fn);
  }

  /** Chooses from now on as `other` does at this moment; what was measured there counts if there is a tuner here. */
  takeOver({ forced, tuned, replacements, halfProducts, tuner }: KernelChoices): void {
    for (const [family, variant] of forced) this.forced.set(family, variant);
    for (const [kernel, tuning] of tuned) this.tuned.set(kernel, tuning);
    this.replacements.takeOver(replacements);
    this.halves.set(halfProducts);
    if (tuner) this.tuner?.load(tuner.record);
  }

  /** From now on only the static table decides. */
  dropTuner(): void {
    this.measured.set(null);
  }
}
