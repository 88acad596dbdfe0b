/**
 * @file The user's kernels in place of ours, on one device: a variant of an op, or an edited text of one of ours.
 */
import { KernelError } from '../errors.ts';
import type { KernelSource } from './kernel.ts';
import type { Variant } from './variant.ts';

export class Replacements {
  /** Grows with every change; a captured step is recorded again when it has. */
  revision = 0;
  private readonly kernels = new Map<string, KernelSource>();
  private readonly variants = new Map<string, Map<string, Variant<never>>>();

  /**
   * From now on a variant of your own belongs to a family (`softmax`, `matmul nt`, …) and is preferred wherever it fits
   * and pays, in running models too; null removes it. Compare it with the op's reference first: `checkKernel` of
   * @curio/engine/check.
   * @param name your name for it
   */
  useVariant<Plan>(family: string, name: string, variant: Variant<Plan> | null): void {
    const own = this.variants.get(family) ?? new Map<string, Variant<never>>();
    own.delete(name);
    if (variant) own.set(name, variant as unknown as Variant<never>);
    this.variants.set(family, own);
    this.revision++;
  }

  /**
   * From now on `kernel` runs wherever the one of this name (`rows/softmax_subgroup`) is selected, with the same
   * buffers, params, tunables and grid; null restores ours.
   * @throws KernelError where an entry of `instead` is missing
   */
  useKernel(instead: KernelSource, kernel: KernelSource | null): void {
    const missing = kernel && Object.keys(instead.entries).find((entry) => !kernel.entries[entry]);
    if (missing)
      throw new KernelError(
        `${kernel.file}: has no entry ${missing}, which ${instead.name} has; it has ${Object.keys(kernel.entries).join(', ')}.`,
      );
    if (kernel) this.kernels.set(instead.name, kernel);
    else this.kernels.delete(instead.name);
    this.revision++;
  }

  /** Has from now on all that `other` has. */
  takeOver({ kernels, variants }: Replacements): void {
    for (const [name, kernel] of kernels) this.kernels.set(name, kernel);
    for (const [family, own] of variants) this.variants.set(family, new Map(own));
    this.revision++;
  }

  /** What runs in place of `kernel`: itself, or its replacement. */
  kernelFor(kernel: KernelSource): KernelSource {
    return this.kernels.size === 0 ? kernel : (this.kernels.get(kernel.name) ?? kernel);
  }

  /** The user's variants of a family by name, latest first. */
  ownOf(family: string): readonly (readonly [string, Variant<never>])[] {
    const own = this.variants.get(family);
    return own ? [...own].reverse() : [];
  }
}
