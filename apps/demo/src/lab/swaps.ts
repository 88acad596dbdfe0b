/** @file The visitor's kernels in the running model: in its worker, loaded when the first is used. */
import type { KernelSource } from '@curio/engine';
import { opTables } from '@curio/engine/check';
import type { Choice } from '@curio/engine/check';
import type { Workshop } from '../learning/workshop.ts';
import type { FromSwaps, Swap } from './messages.ts';

/** Of the visitor's variants in each family. */
const NAME = 'from the lab';

function variantOf([family, name]: Choice) {
  const table = opTables.find(({ families }) => families?.[family]?.[name]);
  return table!.families![family]![name]!;
}

export class Swaps {
  private readonly inUse = new Map<string, Swap>();

  constructor(
    private readonly shop: Pick<Workshop, 'gpu' | 'turns'>,
    private readonly say: (message: FromSwaps) => void,
  ) {}

  /** Puts a kernel into the model between two jobs; null removes all. */
  async use(swap: Swap | null): Promise<void> {
    const end = await this.shop.turns.take();
    try {
      for (const [name, old] of this.inUse) if (!swap || name === swap.kernel.name) this.put(old, null);
      if (swap) this.put(swap, swap.kernel);
    } finally {
      end();
    }
    this.tell();
  }

  /** Reports what is in use, and whether the model has run it. */
  tell(): void {
    const met = new Set(this.shop.gpu.pipelines.all.map(({ kernel }) => kernel));
    const kernels = [...this.inUse].map(([name, { kernel }]) => ({ name, hasRun: met.has(kernel) }));
    this.say({ kind: 'swapped', kernels });
  }

  private put({ kernel: { name, ...rest }, choices }: Swap, now: KernelSource | null): void {
    const { replacements } = this.shop.gpu.kernels;
    // It runs wherever its original would, and is preferred in its families, so that a slow one runs, too.
    replacements.useKernel({ name, ...rest }, now);
    for (const choice of choices)
      replacements.useVariant(
        choice[0],
        `${name} ${NAME}`,
        now && { ...variantOf(choice), kernel: now, pays: () => true },
      );
    if (now) this.inUse.set(name, { kernel: now, choices });
    else this.inUse.delete(name);
  }
}
