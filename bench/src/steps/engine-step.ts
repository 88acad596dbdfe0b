/** @file The steps on our engine, recorded once and replayed. */
import {
  AdamW,
  backward,
  capture,
  geluTanh,
  layerNorm,
  linear,
  mean,
  mul,
  Parameter,
  permute,
  relu,
  reshape,
  scaledDotProductAttention,
  sub,
  add,
} from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { TOLERANCE } from '@curio/engine/check';
import type { Cell } from '../cell.ts';
import { firstWrong, sampledEntries } from '../numbers.ts';
import { BATCH, HEAD, HEADS, TOKENS, WIDTH } from './gpt-block.ts';
import { ADAM, COMPARED_STEPS } from './step-spec.ts';
import type { StepSpec } from './step-spec.ts';

type Net = (x: Tensor, get: (name: string) => Tensor) => Tensor;

export const mlp: Net = (x, get) => linear(relu(linear(x, get('w1'), get('b1'))), get('w2'), get('b2'));

export const gptBlock: Net = (x, get) => {
  const dense = (input: Tensor, name: string): Tensor => linear(input, get(`${name}.weight`), get(`${name}.bias`));
  const norm = (input: Tensor, name: string): Tensor => layerNorm(input, get(`${name}.weight`), get(`${name}.bias`));
  const normed = norm(x, 'ln1');
  const [q, k, v] = ['q', 'k', 'v'].map((name) =>
    permute(reshape(dense(normed, name), [BATCH, TOKENS, HEADS, HEAD]), [0, 2, 1, 3]),
  ) as [Tensor, Tensor, Tensor];
  const y = reshape(permute(scaledDotProductAttention(q, k, v, { causal: true }), [0, 2, 1, 3]), [
    BATCH,
    TOKENS,
    WIDTH,
  ]);
  const middle = add(x, dense(y, 'o'));
  return add(middle, dense(geluTanh(dense(norm(middle, 'ln2'), 'up')), 'down'));
};

/** Tolerance of a loss against float64. */
export const lossTolerance = 1e-5;

/**
 * The reference of all cells of a step: float64 for the first step, and for the loss after some steps that of the first
 * cell.
 */
export class StepTruth {
  private made: ReturnType<StepSpec['truth']> | null = null;
  laterLoss: number | null = null;

  constructor(private readonly spec: StepSpec) {}

  /** Checks the loss of the first step, gradients if the library gives them, and the loss after some steps. */
  judge(firstLoss: number, laterLoss: number, grads: readonly ArrayLike<number>[] | null): string | null {
    this.made ??= this.spec.truth();
    const off = (loss: number, wanted: number): boolean =>
      !(Math.abs(loss - wanted) <= lossTolerance * Math.abs(wanted));
    if (off(firstLoss, this.made.loss)) return `the first loss is ${firstLoss}, float64 says ${this.made.loss}`;
    const { grads: wanted } = this.made;
    const largest = wanted.map((grad) => grad.reduce((most, v) => Math.max(most, Math.abs(v)), 0));
    for (const [i, { name, shape }] of this.spec.parameters.entries()) {
      // Gradients of a mean are small: they are compared at the size of their own largest, or where that is 0 in exact
      // arithmetic (a key's bias), of all.
      const scale = 1 / Math.max(largest[i]!, 1e-3 * Math.max(...largest));
      const wrong =
        grads &&
        firstWrong(
          `gradient of ${name}`,
          sampledEntries(shape, i),
          Float64Array.from(grads[i]!, (v) => v * scale),
          (at) => wanted[i]![at]! * scale,
          TOLERANCE.backward,
        );
      if (wrong) return `${wrong} (both divided by the largest)`;
    }
    this.laterLoss ??= laterLoss;
    // Adam divides by the gradient's own size, so rounding grows from step to step.
    return Math.abs(laterLoss - this.laterLoss) <= 1e-3 * this.laterLoss
      ? null
      : `the loss after ${COMPARED_STEPS} steps is ${laterLoss}, the first library's ${this.laterLoss}`;
  }
}

export function engineStep(gpu: Gpu, spec: StepSpec, net: Net, truth: StepTruth): Cell {
  return {
    library: 'curio',
    variant: 'replayed',
    open: () => {
      const parameters = spec.parameters.map(({ name, shape, values }) => new Parameter(gpu, name, shape, values));
      const byName = new Map(parameters.map((p) => [p.name, p]));
      const optimizer = new AdamW(gpu, parameters, { lr: ADAM.lr, betas: [ADAM.beta1, ADAM.beta2], eps: ADAM.eps });
      const step = capture(gpu, spec.name, ({ x, target }: { x: Tensor; target: Tensor }) => {
        optimizer.zeroGrad();
        const error = sub(
          net(x, (name) => byName.get(name)!),
          target,
        );
        const loss = mean(mul(error, error));
        backward(loss);
        optimizer.update();
        return { loss };
      });
      const inputs = { x: spec.x, target: spec.target };
      const once = (): Tensor => {
        optimizer.beginStep(ADAM.lr);
        return step.run(inputs).loss;
      };
      return {
        async check() {
          const first = await once().item();
          const grads = await Promise.all(parameters.map((p) => p.grad!.read()));
          let later = 0;
          for (let i = 1; i < COMPARED_STEPS; i++) later = await once().item();
          return truth.judge(first, later, grads);
        },
        async time(count) {
          const began = performance.now();
          for (let i = 0; i < count; i++) once();
          await gpu.synchronize();
          return performance.now() - began;
        },
        close() {
          step.dispose();
          optimizer.dispose();
          parameters.forEach((p) => p.dispose());
        },
      };
    },
  };
}
