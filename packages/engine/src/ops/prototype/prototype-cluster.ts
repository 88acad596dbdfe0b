/** @file The prototype extractor: its forward pass, and the op. */
import { requireOptions } from '../../tensor/options.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { linear } from '../matmul/linear.ts';
import { matmul } from '../matmul/matmul.ts';
import { backward } from './backward.ts';
import { sortTokens, step } from './kernels.ts';
import { planCluster } from './plan.ts';
import type { Attributes, Inputs, Plan, PrototypeAssignment, PrototypeWeights } from './plan.ts';
import { softmax } from '../rows/softmax.ts';
import { reshape, slice } from '../layout/views.ts';

/** What one E/M iteration starts from and makes, for its own backward. */
interface Iteration {
  readonly centres: Tensor;
  readonly unit: Tensor;
  readonly inverse: Tensor;
  readonly assignment: Tensor;
}

/**
 * One E/M iteration: Q = C·Wcᵀ + bc, rows normalised, A = softmax over the centres of Q̂·V̂ᵀ, kept as [B, L, K] so that
 * its rows are tokens.
 */
function iterate(
  run: Run,
  { ofCentres, centreShape }: Plan,
  centres: Tensor,
  vUnit: Tensor,
  cWeight: Tensor,
  cBias: Tensor,
): Iteration {
  const query = linear(centres, cWeight, cBias);
  const unit = run.out(centreShape);
  const inverse = run.out(centreShape.slice(0, 2));
  step(run, 'prototypeRows', 'unit_forward', ofCentres, { x: query, y: unit, inverse });
  return { centres, unit, inverse, assignment: softmax(matmul(vUnit, unit, { transposeB: true })) };
}

function forward(
  run: Run,
  [x, f, v, cWeight, cBias, alpha, beta]: Inputs,
  plan: Plan,
): { y: Tensor; saved: Record<string, Tensor> } {
  const { ofTokens, ofCentres, tokenShape, centreShape } = plan;
  const [batch, tokens] = tokenShape as [number, number, number];
  const vUnit = run.out(tokenShape);
  const vInverse = run.out(plan.channels);
  step(run, 'prototypeColumns', 'forward', ofTokens, { x: v, y: vUnit, inverse: vInverse });
  let centres = run.out(centreShape);
  step(run, 'prototypeMembers', 'pool', ofCentres, { x, pooled: centres });
  const saved: Record<string, Tensor> = {};
  for (let t = 0; t < plan.iterations; t++) {
    const iteration = iterate(run, plan, centres, vUnit, cWeight, cBias);
    for (const [name, value] of Object.entries(iteration)) saved[`${name}${t}`] = value as Tensor;
    centres = matmul(iteration.assignment, f, { transposeA: true });
  }
  const centreUnit = run.out(centreShape);
  const centreInverse = run.out(centreShape.slice(0, 2));
  step(run, 'prototypeRows', 'unit_forward', ofCentres, { x: centres, y: centreUnit, inverse: centreInverse });
  const relative = run.out(centreShape);
  step(run, 'prototypeTokens', 'relative', ofCentres, { centre_unit: centreUnit, y: relative });
  const scores = matmul(x, relative, { transposeB: true });
  const index = run.out([batch, tokens], 'u32');
  const stats = run.out([batch, tokens, 3]);
  step(run, 'prototypeRows', 'assign', ofTokens, {
    scores,
    x,
    centre_unit: centreUnit,
    alpha,
    beta,
    index_out: index,
    stats_out: stats,
  });
  const order = run.out([batch, tokens], 'u32');
  const first = run.out([batch, ofTokens.centres + 1], 'u32');
  sortTokens(run, ofTokens, { index, order, first });
  const group = run.out(centreShape);
  step(run, 'prototypeMembers', 'gather_features', ofCentres, { index, order, first, stats, f, group });
  const y = run.out(tokenShape);
  step(run, 'prototypeTokens', 'residual', ofTokens, { x, index, stats, group, y });
  return {
    y,
    saved: {
      ...saved,
      x,
      f,
      cWeight,
      alpha,
      vUnit,
      vInverse,
      centreUnit,
      centreInverse,
      index,
      stats,
      order,
      first,
      group,
    },
  };
}

const op = defineOp({
  name: 'prototypeCluster',
  plan: planCluster,
  forward(run, inputs: Inputs, plan) {
    const made = run.gpu.scope(() => {
      const { y, saved } = noGrad(() => forward(run, inputs, plan));
      return run.needs.some(Boolean) || plan.onAssignment ? { y, saved } : { y };
    });
    if (made.saved) plan.onAssignment?.(assignmentOf(made.saved, plan));
    return made;
  },
  backward,
});

function assignmentOf({ index, stats, ...saved }: Record<string, Tensor>, { iterations }: Plan): PrototypeAssignment {
  const [batch, tokens] = index!.shape as [number, number];
  return {
    iterations: Array.from({ length: iterations }, (_, t) => saved[`assignment${t}`]!),
    centre: index!,
    weight: reshape(slice(stats!, { axis: 2, start: 0, end: 1 }), [batch, tokens]),
  };
}

/**
 * The prototype extractor of SQ-LLaVA between its linear maps and its MLP. Per batch item, with C⁰ the tokens of x
 * average-pooled to K bins:
 *
 *     C ← softmax_K(unit(C·Wcᵀ + bc) · unit_L(v)ᵀ)·f, T times     (unit: each row; unit_L: each channel over tokens)
 *     n(l) = arg max_n of s[n, l], s = σ(β + α·cos(C[n], x[l])), the lowest n on ties; w(l) = s[n(l), l]
 *     G[n] = (Σ_{n(l) = n} w(l)·f[l] + pooled f[n]) / (number of l with n(l) = n, plus 1)
 *     y[l] = x[l] + w(l)·G[n(l)]
 *
 * No gradient flows through the choice of n(l) or the counts.
 * @param x float[B, L, D], the tower's features
 * @param f float[B, L, D], the tokens as features
 * @param v float[B, L, D], the tokens as keys
 * @param options the weights beside the two numbers; `onAssignment` is given the op's own tensors of who shares a
 * centre, which are then kept, at no further computation
 * @returns float[B, L, D]
 * Saves, besides x and f, the unit v, of each iteration C, unit Q [B, K, D] and the softmax [B, L, K], G, and some
 * numbers a token.
 * Kernels: kernels/prototype, kernels/matmul, kernels/rows; all f32, same bits on every run. Throws ShapeError where
 * shapes do not go together.
 * Source: heliossun/SQ-LLaVA, the cluster projector; its aggregation is that of Ma et al. 2023, Image as Set of Points.
 */
export const prototypeCluster = (x: Tensor, f: Tensor, v: Tensor, options: Attributes & PrototypeWeights): Tensor => {
  const { cWeight, cBias, simAlpha, simBeta, ...attrs } = requireOptions('prototypeCluster', options, [
    'cWeight',
    'cBias',
    'simAlpha',
    'simBeta',
    'numPrototypes',
    'iterations',
    'onAssignment',
  ]);
  return op([x, f, v, cWeight, cBias, simAlpha, simBeta], attrs);
};
