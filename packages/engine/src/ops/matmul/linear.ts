import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { defineOp } from '../../tensor/op.ts';
import { isPacked } from '../../tensor/dtype.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { shardsOf } from '../parts/shards.ts';
import { cat } from '../layout/cat.ts';
import { product } from './product.ts';
import { mul } from '../elementwise/binary.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { slice } from '../layout/views.ts';
import { requireFloat } from '../parts/broadcast.ts';

/** Sizes of x[..., K] against weight[N, K]; M counts all rows. */
export interface LinearPlan {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly x: Shape;
  readonly y: Shape;
}

/** Checks the shapes of a linear layer. Throws ShapeError if they do not match. */
export function planLinear(where: string, x: Tensor, weight: Tensor, bias: Tensor | null): LinearPlan {
  requireFloat(where, x, ...(isPacked(weight.dtype) ? [] : [weight]), ...(bias ? [bias] : []));
  if (weight.shape.length !== 2)
    throw new ShapeError(`${where}: weight is ${showShape(weight.shape)}; it must be [out, in].`);
  const [N, K] = weight.shape as [number, number];
  if (x.shape.at(-1) !== K)
    throw new ShapeError(
      `${where}: x is ${showShape(x.shape)} and weight ${showShape(weight.shape)}; x's last axis must be ${K}.`,
    );
  if (bias && !sameShape(bias.shape, [N]))
    throw new ShapeError(`${where}: bias is ${showShape(bias.shape)}; it must be [${N}].`);
  return {
    M: x.shape.slice(0, -1).reduce((rows, n) => rows * n, 1),
    N,
    K,
    x: x.shape,
    y: [...x.shape.slice(0, -1), N],
  };
}

/** x as a weight with factors of its columns meets it. */
export const withColumns = (x: Tensor, { quantisation }: Tensor): Tensor =>
  quantisation?.columns ? mul(x, quantisation.columns) : x;

const op = defineOp({
  name: 'linear',
  packed: [1],
  plan: ([x, weight, bias]: readonly [Tensor, Tensor, Tensor | null], _: undefined): LinearPlan =>
    planLinear('linear', x, weight, bias),
  forward(run, [x, weight, bias], { M, N, K, y: shape }) {
    const y = product(run, { a: x, b: weight, layout: 'nt', M, N, K, shape, bias });
    return { y, saved: { x: run.needs[1] ? x : null, weight: run.needs[0] ? weight : null } };
  },
  backward(run, dy, { x, weight }, { M, N, K, x: xShape }) {
    return [
      weight && product(run, { a: dy, b: weight, layout: 'nn', M, N: K, K: N, shape: xShape, into: run.total(0) }),
      x && product(run, { a: dy, b: x, layout: 'tn', M: N, N: K, K: M, shape: [N, K], into: run.total(1) }),
      run.needs[2] ? reduceMiddle('SUM', dy, { outer: 1, n: M, inner: N, shape: [N], into: run.total(2) }) : null,
    ];
  },
});

/**
 * y[..., n] = Σ_k x[..., k] · weight[n, k] + bias[n].
 * @param x float[..., K]
 * @param weight float[N, K], or frozen in a packed storage (f16, bf16, int8, int4, nf4), which is read as it lies,
 * forward and for dx
 * @param bias float[N] or null
 * @returns float[..., N]
 * Saves x where weight needs a gradient and weight where x does. Kernels: kernels/matmul. Throws ShapeError where
 * shapes do not match, DTypeError if an input is not float or a packed weight is to be trained.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  requireTensors('linear', x, weight);
  const shards = shardsOf(weight);
  if (shards || weight.quantisation?.columns) planLinear('linear', x, weight, bias);
  const input = withColumns(x, weight);
  if (!shards) return op([input, weight, bias]);
  return cat(
    shards.map(({ rows, start }) =>
      op([input, rows, bias && slice(bias, { axis: 0, start, end: start + rows.shape[0]! })]),
    ),
    { axis: -1 },
  );
}
