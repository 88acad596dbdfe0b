import { ShapeError } from '../../gpu/errors.ts';
import { requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { broadcastShapes, broadcastStrides, collapse, denseStrides, showShape, sizeOf } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { layoutOf, product } from './product.ts';
import type { Batches } from './product.ts';
import type { Layout } from './plan.ts';
import { sumTo } from '../parts/sum-to.ts';
import { requireFloat } from '../parts/broadcast.ts';

export interface MatmulOptions {
  /** Take a as [..., K, M]. */
  readonly transposeA?: boolean;
  /** Take b as [..., N, K]. */
  readonly transposeB?: boolean;
}

interface Plan {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a: Shape;
  readonly b: Shape;
  /** Leading axes of the result. */
  readonly batch: Shape;
}

const op = defineOp({
  name: 'matmul',
  plan([a, b]: readonly [Tensor, Tensor], { transposeA = false, transposeB = false }: MatmulOptions): Plan {
    requireFloat('matmul', a, b);
    if (a.shape.length < 2 || b.shape.length < 2)
      throw new ShapeError(
        `matmul: a is ${showShape(a.shape)} and b is ${showShape(b.shape)}; both need at least two axes.`,
      );
    const [rows, inner] = a.shape.slice(-2) as [number, number];
    const [across, cols] = b.shape.slice(-2) as [number, number];
    const [M, K] = transposeA ? [inner, rows] : [rows, inner];
    const [kb, N] = transposeB ? [cols, across] : [across, cols];
    if (K !== kb)
      throw new ShapeError(
        `matmul: inner sizes differ: a is ${showShape(a.shape)}${transposeA ? ' transposed' : ''} and b is ${showShape(b.shape)}${transposeB ? ' transposed' : ''}; a's inner axis is ${K} and b's ${kb}, they must be equal.`,
      );
    const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
    return { transposeA, transposeB, M, N, K, a: a.shape, b: b.shape, batch };
  },
  forward(run, [a, b], plan) {
    const { M, N, K, batch, transposeA, transposeB } = plan;
    const y = batched(run, { a, b, layout: layoutOf(transposeA, transposeB), M, N, K, batch });
    return { y, saved: { a: run.needs[1] ? a : null, b: run.needs[0] ? b : null } };
  },
  backward(run, dy, { a, b }, { transposeA, transposeB, M, N, K, batch, a: aShape, b: bShape }) {
    const whole = (i: 0 | 1): Tensor | null =>
      sizeOf(i === 0 ? aShape : bShape) === sizeOf(batch) * (i === 0 ? M * K : K * N) ? run.total(i) : null;
    const da =
      b &&
      (transposeA
        ? batched(run, { a: b, b: dy, layout: layoutOf(transposeB, true), M: K, N: M, K: N, batch, into: whole(0) })
        : batched(run, { a: dy, b, layout: layoutOf(false, !transposeB), M, N: K, K: N, batch, into: whole(0) }));
    const db =
      a &&
      (transposeB
        ? batched(run, { a: dy, b: a, layout: layoutOf(true, transposeA), M: N, N: K, K: M, batch, into: whole(1) })
        : batched(run, { a, b: dy, layout: layoutOf(!transposeA, false), M: K, N, K: M, batch, into: whole(1) }));
    return [da && sumTo(da, aShape), db && sumTo(db, bShape)];
  },
});

interface Batched {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly layout: Layout;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly batch: Shape;
  readonly into?: Tensor | null;
}

/** op(a)·op(b) as [...batch, M, N], with the leading axes of both broadcast; added to `into` where it can be. */
function batched(run: Run, operands: Batched): Tensor {
  const { a, b, layout, M, N, K, batch, into } = operands;
  const shape = [...batch, M, N];
  const one = sizeOf(b.shape) === K * N && layout[0] === 'n' && sizeOf(a.shape) === sizeOf(batch) * M * K;
  // one B for all: batches become rows
  if (one) return product(run, { a, b, layout, M: sizeOf(batch) * M, N, K, shape, into });
  const batches = batchesOf(a, b, M * K, K * N, batch);
  if (batches) return product(run, { a, b, layout, M, N, K, shape, batches, into });
  // Equal and broadcast axes alternate too often for two batch strides: the broadcast operands are expanded into
  // copies, only one of them if that suffices.
  const [wideA, wideB] = [expandBatch(a, batch), expandBatch(b, batch)];
  const [left, right] = batchesOf(wideA, b, M * K, K * N, batch)
    ? [wideA, b]
    : batchesOf(a, wideB, M * K, K * N, batch)
      ? [a, wideB]
      : [wideA, wideB];
  return batched(run, { ...operands, a: run.fit(left), b: run.fit(right) });
}

/** `x` viewed with the leading axes `batch`. */
function expandBatch(x: Tensor, batch: Shape): Tensor {
  const shape = [...batch, ...x.shape.slice(-2)];
  const strides = broadcastStrides(x.shape, x.strides, shape);
  return new Tensor(x.gpu, shape, x.dtype, x.storage, { strides, offset: x.offset });
}

/** The strides between batches; null where more than two are needed. */
function batchesOf(a: Tensor, b: Tensor, aSize: number, bSize: number, batch: Shape): Batches | null {
  const steps = ({ shape }: Tensor, size: number): number[] => {
    const lead = shape.slice(0, -2);
    return broadcastStrides(lead, denseStrides(lead), batch).map((step) => step * size);
  };
  const axes = collapse(batch, [steps(a, aSize), steps(b, bSize)]);
  if (axes.shape.length > 2) return null;
  const [aSteps, bSteps] = axes.strides.map(
    (s) => [...new Array<number>(2 - s.length).fill(0), ...s] as [number, number],
  ) as [[number, number], [number, number]];
  return {
    count: sizeOf(batch),
    inner: axes.shape.at(-1)!,
    aOuter: aSteps[0],
    aInner: aSteps[1],
    bOuter: bSteps[0],
    bInner: bSteps[1],
  };
}

/**
 * c[..., m, n] = Σ_k a[..., m, k] · b[..., k, n], leading axes broadcast as in NumPy.
 * @param a float[..., M, K], or float[..., K, M] with transposeA
 * @param b float[..., K, N], or float[..., N, K] with transposeB
 * @returns float[..., M, N]
 * Saves a where b needs a gradient and b where a does. Kernels: kernels/matmul. Throws ShapeError when inner sizes
 * differ or leading axes do not broadcast, DTypeError unless both are f32.
 */
export const matmul = (a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor =>
  op([a, b], requireOptions('matmul', options, ['transposeA', 'transposeB']));
