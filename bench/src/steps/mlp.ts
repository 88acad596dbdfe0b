/** @file A 2-layer MLP: 256 rows of 512 → 1024 → 512, ReLU, mean squared error. */
import { noise } from '../numbers.ts';
import { map, Matrix64, meanSquare, plus, times, walkBack } from '../truth/tape.ts';
import type { NamedValues, StepSpec } from './step-spec.ts';

export const [ROWS, IN, HIDDEN, OUT] = [256, 512, 1024, 512];

export function mlpSpec(): StepSpec {
  const weight = (name: string, out: number, inner: number, seed: number): NamedValues => ({
    name,
    shape: [out, inner],
    values: noise(out * inner, seed).map((v) => (4 * v) / Math.sqrt(inner)),
  });
  const bias = (name: string, out: number, seed: number): NamedValues => ({
    name,
    shape: [out],
    values: noise(out, seed).map((v) => v / 10),
  });
  const parameters = [
    weight('w1', HIDDEN, IN, 1),
    bias('b1', HIDDEN, 2),
    weight('w2', OUT, HIDDEN, 3),
    bias('b2', OUT, 4),
  ];
  const x = { name: 'x', shape: [ROWS, IN], values: noise(ROWS * IN, 5) };
  const target = { name: 'target', shape: [ROWS, OUT], values: noise(ROWS * OUT, 6) };
  return {
    name: 'MLP',
    parameters,
    x,
    target,
    // Both products forward, both weight gradients, and the gradient of the hidden layer.
    flops: 2 * ROWS * (2 * IN * HIDDEN + 3 * HIDDEN * OUT),
    truth() {
      const [w1, b1, w2, b2] = parameters.map(
        ({ shape, values }) => new Matrix64(shape.length > 1 ? shape[0]! : 1, shape.at(-1)!, values),
      ) as [Matrix64, Matrix64, Matrix64, Matrix64];
      const hidden = map(
        plus(times(new Matrix64(ROWS, IN, x.values), w1, { transposeB: true }), b1),
        (v) => Math.max(v, 0),
        (v) => (v > 0 ? 1 : 0),
      );
      const loss = meanSquare(plus(times(hidden, w2, { transposeB: true }), b2), target.values);
      walkBack(loss);
      return { loss: loss.data[0]!, grads: [w1, b1, w2, b2].map(({ grad }) => grad) };
    },
  };
}
