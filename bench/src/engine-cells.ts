/**
 * @file Cells of our own engine: an op, forward or backward, by the variant that it chooses or a forced one.
 */
import { empty, noGrad, tensor } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { TOLERANCE } from '@curio/engine/check';
import type { Cell, Session } from './cell.ts';
import { firstWrong, noise, sampledEntries } from './numbers.ts';
import type { Work } from './statistics.ts';

/** An input on the host; `learns` requests its gradient in the backward cell. */
export interface Input {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
  readonly learns?: boolean;
}

/**
 * How far results on matrix units may be off where more than the inputs is rounded to f16, relative to the largest (at
 * least 1): a few roundings of 2⁻¹¹ each.
 */
const ROUNDED = { forward: 2e-3, backward: 4e-3 } as const;

/** One element of a result in float64. */
export type Entry = (index: number) => number;

export interface OpBench {
  readonly inputs: readonly Input[];
  readonly run: (inputs: readonly Tensor[]) => Tensor;
  readonly outputShape: readonly number[];
  /** The output; called once, when it is first checked. `dy` is the output gradient of the backward cells. */
  readonly forward: (dy: Float32Array) => Entry;
  /** The gradient of input `i` for `dy`. */
  readonly gradient?: (i: number, dy: Float32Array) => Entry;
  /**
   * Entries of the output, or of the gradient of input `i`, to check, if the usual ones would cost too much.
   */
  readonly looksAt?: (i: number | null) => readonly number[];
  /** Whether its kernels on matrix units round results on the way, too. */
  readonly isRounded?: boolean;
}

/** Random values of a shape. */
export const input = (
  shape: readonly number[],
  seed: number,
  learns = false,
): Input & { readonly values: Float32Array<ArrayBuffer> } => ({
  shape,
  values: noise(
    shape.reduce((a, b) => a * b, 1),
    seed,
  ),
  learns,
});

/** Forced variants by family; empty for the op's own choice. */
export type Forced = Readonly<Record<string, string>>;

export interface CellOptions {
  readonly variant?: string;
  readonly forced?: Forced;
  readonly work?: Work;
}

const upload = (gpu: Gpu, { values, shape, learns }: Input, backward: boolean): Tensor => {
  const x = tensor(gpu, values, shape);
  x.requiresGrad = backward && (learns ?? false);
  return x;
};

function withForced<T>(gpu: Gpu, forced: Forced, f: () => T): T {
  for (const [family, variant] of Object.entries(forced)) gpu.kernels.forced.set(family, variant);
  try {
    return f();
  } finally {
    for (const family of Object.keys(forced)) gpu.kernels.forced.delete(family);
  }
}

const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
};

/** Caches reference values, since every variant is compared with them. */
function remembered(entry: Entry): Entry {
  const known = new Map<number, number>();
  return (i) => {
    const value = known.get(i) ?? entry(i);
    known.set(i, value);
    return value;
  };
}

/**
 * Creates cells of one op at one shape, all on the same inputs. Their tensors belong to the scope in which they are
 * opened.
 */
export class OpCells {
  private readonly truth: () => Entry;
  private readonly gradients = new Map<number, Entry>();
  private readonly dy: Float32Array<ArrayBuffer>;

  constructor(
    private readonly gpu: Gpu,
    private readonly bench: OpBench,
  ) {
    this.dy = noise(
      bench.outputShape.reduce((a, b) => a * b, 1),
      99,
    );
    this.truth = once(() => remembered(bench.forward(this.dy)));
  }

  private gradient(i: number): Entry {
    let known = this.gradients.get(i);
    if (!known) this.gradients.set(i, (known = remembered(this.bench.gradient!(i, this.dy))));
    return known;
  }

  forward({ variant = 'default', forced = {}, work }: CellOptions = {}): Cell {
    const { gpu, bench } = this;
    return {
      library: 'curio',
      variant,
      work,
      open: () => {
        const inputs = bench.inputs.map((x) => upload(gpu, x, false));
        const run = (): Tensor => withForced(gpu, forced, () => noGrad(() => bench.run(inputs)));
        return session(
          gpu,
          run,
          async () => {
            return this.wrongOutput(await gpu.scope(() => run().read()));
          },
          inputs,
        );
      },
    };
  }

  backward({ variant = 'default', forced = {}, work }: CellOptions = {}): Cell {
    const { gpu, bench } = this;
    return {
      library: 'curio',
      variant,
      work,
      open: () => {
        const inputs = bench.inputs.map((x) => upload(gpu, x, true));
        const dy = tensor(gpu, this.dy, bench.outputShape);
        // Calls the op's own node: a full backward pass would add a copy into each leaf's gradient.
        const node = withForced(gpu, forced, () => bench.run(inputs)).node!;
        const run = (): readonly (Tensor | null)[] => withForced(gpu, forced, () => noGrad(() => node.backward([dy])));
        return session(
          gpu,
          run,
          async () => {
            const grads = await gpu.scope(() => Promise.all(run().map((grad) => grad?.read() ?? null)));
            return this.wrongGradients(inputs.map((x) => grads[node.inputs.indexOf(x)] ?? null));
          },
          [...inputs, dy],
        );
      },
    };
  }

  /** Forward and backward in one. */
  both(): Cell {
    const { gpu, bench } = this;
    return {
      library: 'curio',
      variant: 'default',
      open: () => {
        const inputs = bench.inputs.map((x) => upload(gpu, x, true));
        const dy = tensor(gpu, this.dy, bench.outputShape);
        const run = (): (Tensor | null)[] => {
          const node = bench.run(inputs).node!;
          const grads = noGrad(() => node.backward([dy]));
          return inputs.map((x) => grads[node.inputs.indexOf(x)] ?? null);
        };
        return session(
          gpu,
          run,
          async () =>
            this.wrongGradients(await gpu.scope(() => Promise.all(run().map((grad) => grad?.read() ?? null)))),
          [...inputs, dy],
        );
      },
    };
  }

  /** Records what a cell runs on a device that computes nothing. */
  rehearse(dry: Gpu, backward: boolean): void {
    const { inputs, run, outputShape } = this.bench;
    dry.scope(() => {
      const made = inputs.map(({ shape, values, learns }) => {
        const x = empty(dry, shape, values instanceof Int32Array ? 'i32' : 'f32');
        x.requiresGrad = backward && (learns ?? false);
        return x;
      });
      const y = backward ? run(made) : noGrad(() => run(made));
      if (!backward) return;
      dry.kernels.obeyed.clear(); // which choices the forward pass obeyed says nothing about the backward one
      noGrad(() => y.node!.backward([empty(dry, outputShape)]));
    });
  }

  private tolerance(direction: keyof typeof ROUNDED): number {
    const onUnits = this.bench.isRounded && this.gpu.kernels.halfProducts;
    return (onUnits ? ROUNDED : TOLERANCE)[direction];
  }

  /** The output gradient of backward cells. */
  get outputGradient(): { readonly shape: readonly number[]; readonly values: Float32Array<ArrayBuffer> } {
    return { shape: this.bench.outputShape, values: this.dy };
  }

  /** A sentence if a sampled entry of the output is wrong. */
  wrongOutput(y: ArrayLike<number>): string | null {
    return firstWrong(
      'y',
      this.bench.looksAt?.(null) ?? sampledEntries(this.bench.outputShape),
      y,
      this.truth(),
      this.tolerance('forward'),
    );
  }

  /** The same for the gradients of the inputs, in their order. */
  wrongGradients(grads: readonly (ArrayLike<number> | null)[]): string | null {
    const wrong = this.bench.inputs.map((x, i) => {
      if (!x.learns) return null;
      return grads[i]
        ? firstWrong(
            `gradient of input ${i}`,
            this.bench.looksAt?.(i) ?? sampledEntries(x.shape, i),
            grads[i],
            this.gradient(i),
            this.tolerance('backward'),
          )
        : `input ${i} received no gradient`;
    });
    return wrong.find(Boolean) ?? null;
  }
}

/** A session over a function that records work. */
export function session(
  gpu: Gpu,
  record: () => unknown,
  check: () => Promise<string | null>,
  tensors: readonly Tensor[] = [],
): Session {
  return {
    check,
    record,
    async time(count) {
      const began = performance.now();
      for (let i = 0; i < count; i++) gpu.scope(() => void record());
      await gpu.synchronize();
      return performance.now() - began;
    },
    close: () => tensors.forEach((x) => x.storage.release()),
  };
}
