/** @file Which kernels run on a device: what is forced, tuned, replaced or measured. */
import type { Tuning } from './kernel.ts';
import { Replacements } from './replacements.ts';
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
  /**
   * Products may round their operands to f16 and run on the matrix units; `enableSubgroupMatrix` sets it where their
   * results are right.
   */
  halfProducts = false;
  /** Kernels of the user's own in place of ours. */
  readonly replacements = new Replacements();
  /**
   * Measured choices; null under the static table. `await gpu.kernels.tuner.measure()` times what waits, best after the
   * first step.
   */
  tuner: Tuner | null = null;
}
