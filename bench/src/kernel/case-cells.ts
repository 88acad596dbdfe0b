/**
 * @file Cells of the op table's bench shapes: an op as a test runs it, by a forced variant and, for the kernel being
 * edited, its new text.
 */
import { noGrad, tensor } from '@curio/engine';
import type { Gpu, KernelSource, Tensor, Tuning } from '@curio/engine';
import { makeInputs, uploadCase } from '@curio/engine/check';
import type { BenchShape, OpCases } from '@curio/engine/check';
import type { Cell } from '../cell.ts';
import { session } from '../engine-cells.ts';
import { noise } from '../numbers.ts';
import type { Choice } from './targets.ts';

export interface Setting {
  readonly choice: Choice | null;
  /** The text that runs instead of the one of the same name. */
  readonly edited?: { readonly original: KernelSource; readonly now: KernelSource };
  readonly tuning?: Tuning;
}

/** Runs `f` under a setting. */
export function under<T>(gpu: Gpu, { choice, edited, tuning }: Setting, f: () => T): T {
  if (choice) gpu.kernels.forced.set(...choice);
  if (edited) gpu.kernels.replacements.useKernel(edited.original, edited.now);
  if (edited && tuning) gpu.kernels.tuned.set(edited.original.name, tuning);
  const undo = (): void => {
    if (choice) gpu.kernels.forced.delete(choice[0]);
    if (edited) gpu.kernels.replacements.useKernel(edited.original, null);
    gpu.kernels.tuned.clear();
  };
  let result: T;
  try {
    result = f();
  } catch (error) {
    undo();
    throw error;
  }
  if (result instanceof Promise) return result.finally(undo) as T;
  undo();
  return result;
}

/** Forward and, where the op is one node of the tape, backward cells on shared inputs. They need an open scope. */
export class CaseCells {
  private readonly inputs: readonly (Tensor | null)[];

  constructor(
    private readonly gpu: Gpu,
    private readonly table: OpCases<never>,
    private readonly shape: BenchShape<never>,
  ) {
    this.inputs = uploadCase(gpu, table, shape, makeInputs(shape, 1));
  }

  private run(): Tensor {
    return this.table.run(this.inputs, this.shape.attrs as never);
  }

  forward(variant: string, setting: Setting): Cell {
    return {
      library: 'curio',
      variant,
      open: () =>
        session(
          this.gpu,
          () => under(this.gpu, setting, () => noGrad(() => this.run())),
          async () => null,
        ),
    };
  }

  backward(variant: string, setting: Setting): Cell {
    return {
      library: 'curio',
      variant,
      open: () => {
        const { gpu } = this;
        const y = under(gpu, setting, () => this.run());
        const node = y.node;
        if (!node || node.inputs.some((x) => x?.node)) throw new Error('it has no backward of its own');
        const dy = tensor(gpu, noise(y.size, 2), y.shape);
        return session(
          gpu,
          () => under(gpu, setting, () => noGrad(() => node.backward([dy]))),
          async () => null,
        );
      },
    };
  }
}
