import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { shardsOf } from '../parts/shards.ts';
import { add } from '../elementwise/binary.ts';
import { applyMask, drawMask, dropoutBy } from '../random/dropout.ts';
import type { Mask } from '../random/dropout.ts';
import { linear, planLinear, withColumns } from './linear.ts';
import type { LinearPlan } from './linear.ts';
import { foldedWeight, product } from './product.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { affine } from '../elementwise/unary.ts';
import { requireFloat } from '../parts/broadcast.ts';

export interface LoraOptions {
  /** float[r, K], PEFT's lora_A. */
  readonly a: Tensor;
  /** float[N, r], PEFT's lora_B. */
  readonly b: Tensor;
  /** Factor of the branch: alpha / r. */
  readonly scale: number;
  /** Probability of dropping an input of the branch; the rest is scaled by 1 / (1 - p). Default 0. */
  readonly dropout?: number;
}

export interface LoraPlan extends LinearPlan {
  readonly r: number;
  readonly scale: number;
}

/** What `dropped` was made of x by, or null where it has to be saved. */
type Remade = { readonly mask: Mask | null };

type Layer = readonly [x: Tensor, weight: Tensor, bias: Tensor | null, a: Tensor, b: Tensor];

/** Checks the shapes of a layer. Throws ShapeError if they do not match. */
export function planLora([x, weight, bias, loraA, loraB]: Layer, { scale }: Pick<LoraOptions, 'scale'>): LoraPlan {
  const plan = planLinear('loraLinear', x, weight, bias);
  requireFloat('loraLinear', loraA, loraB);
  const r = loraA.shape[0] ?? 0;
  if (!sameShape(loraA.shape, [r, plan.K]) || !sameShape(loraB.shape, [plan.N, r])) {
    throw new ShapeError(
      `loraLinear: lora_A is ${showShape(loraA.shape)} and lora_B ${showShape(loraB.shape)} for a weight of ${showShape(weight.shape)}; they must be [r, ${plan.K}] and [${plan.N}, r].`,
    );
  }
  return { ...plan, r, scale };
}

const op = defineOp({
  name: 'loraLinear',
  packed: [1],
  plan: (
    [x, weight, bias, a, b]: readonly [...Layer, dropped: Tensor | null],
    { mask, ...options }: Pick<LoraOptions, 'scale'> & Remade,
  ): LoraPlan & Remade => ({ ...planLora([x, weight, bias, a, b], options), mask }),
  forward(run, [x, weight, bias, loraA, loraB, dropped], { M, N, K, r, scale, mask, y: shape }) {
    const [needX, needW, , needA, needB] = run.needs;
    const branch = dropped ?? x;
    const folded = dropped ? null : foldedWeight(run, weight, loraB, loraA, scale, M);
    const h =
      needB || !folded
        ? product(run, {
            a: branch,
            b: loraA,
            layout: 'nt',
            M,
            N: r,
            K,
            shape: [M, r],
            alpha: scale,
            sharesA: folded !== null,
          })
        : null;
    const pair = folded ? undefined : { a: h!, b: loraB, K: r };
    const y = product(run, { a: x, b: folded ?? weight, layout: 'nt', M, N, K, shape, bias, pair });
    return {
      y,
      saved: {
        x: needW ? x : null,
        branch: needA ? (mask ? x : branch) : null,
        weight: needX ? (folded ?? weight) : null,
        loraA: needX && !folded ? loraA : null,
        loraB: (needX && !folded) || needA ? loraB : null,
        h: needB ? h : null,
      },
    };
  },
  backward(run, dy, { x, branch, weight, loraA, loraB, h }, { M, N, K, r, scale, mask, x: xShape }) {
    const [needX, needW, needBias, needA, , apart] = run.needs;
    const sharesA = needX === true && !loraA;
    const dh =
      loraB && product(run, { a: dy, b: loraB, layout: 'nn', M, N: r, K: N, shape: [M, r], alpha: scale, sharesA });
    return [
      needX
        ? product(run, {
            a: dy,
            b: weight!,
            layout: 'nn',
            M,
            N: K,
            K: N,
            shape: xShape,
            pair: apart || !loraA ? undefined : { a: dh!, b: loraA, K: r },
            into: run.total(0),
          })
        : null,
      needW ? product(run, { a: dy, b: x!, layout: 'tn', M: N, N: K, K: M, shape: [N, K], into: run.total(1) }) : null,
      needBias ? reduceMiddle('SUM', dy, { outer: 1, n: M, inner: N, shape: [N], into: run.total(2) }) : null,
      needA
        ? product(run, {
            a: dh!,
            b: mask ? applyMask(run, branch!, mask) : branch!,
            layout: 'tn',
            M: r,
            N: K,
            K: M,
            shape: [r, K],
            into: run.total(3),
          })
        : null,
      h && product(run, { a: dy, b: h, layout: 'tn', M: N, N: r, K: M, shape: [N, r], into: run.total(4) }),
      apart
        ? product(run, { a: dh!, b: loraA!, layout: 'nn', M, N: K, K: r, shape: xShape, into: run.total(5) })
        : null,
    ];
  },
});

/**
 * y = x·Wᵀ + bias + scale · (drop(x)·Aᵀ)·Bᵀ, with y written once: [x | h]·[W | B]ᵀ is one sum over k, or, where x has
 * many rows for the size of W and the device gains from it, x·(W + scale · B·A)ᵀ. Each call draws a new dropout mask.
 * @param x float[..., K]
 * @param weight float[N, K], usually frozen: then dx = dy·W + dh·A is one pass and no [N, K] gradient is made; a frozen
 * one may have a packed storage (f16, bf16, int8, int4, nf4: QLoRA), which is read without unpacking in both directions
 * @param bias float[N] or null
 * @returns float[..., N]
 * Saves h = scale · x·Aᵀ [M, r], x, whose dropout is drawn again for the gradient of A, and the weights that the
 * required gradients read, folded ones included. Kernels: kernels/matmul. Throws ShapeError where shapes do not go
 * together, DTypeError where a packed weight is to be trained.
 * Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685; Dettmers et al. 2023, https://arxiv.org/abs/2305.14314
 */
export function loraLinear(x: Tensor, weight: Tensor, bias: Tensor | null, options: LoraOptions): Tensor {
  requireTensors('loraLinear', x, weight);
  const { a, b, scale, dropout: p } = requireOptions('loraLinear', options, ['a', 'b', 'scale', 'dropout']);
  requireFinite('loraLinear', 'scale', scale);
  const mask = p ? drawMask(x, p) : null;
  const dropped = mask && dropoutBy(x, mask);
  if (!shardsOf(weight)) {
    if (!weight.quantisation?.columns) return op([x, weight, bias, a, b, dropped], { scale, mask });
    planLinear('loraLinear', x, weight, bias);
    return op([withColumns(x, weight), weight, bias, a, b, dropped ?? x], { scale, mask: null });
  }
  return add(linear(x, weight, bias), affine(linear(linear(dropped ?? x, a), b), scale));
}
