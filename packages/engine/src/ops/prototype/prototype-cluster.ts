import { ShapeError } from '../../gpu/errors.ts';
import { requireOptions } from '../../tensor/options.ts';
import { accumulate } from '../../tensor/accumulate.ts';
import { noGrad } from '../../tensor/autograd.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { linear } from '../matmul/linear.ts';
import { matmul } from '../matmul/matmul.ts';
import { sortTokens, step, sumGates } from './kernels.ts';
import type { Sizes } from './kernels.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { softmax, softmaxVariants } from '../rows/softmax.ts';
import { reshape, slice } from '../layout/views.ts';

export interface PrototypeClusterOptions {
  /** K, the number of centres. */
  readonly numPrototypes: number;
  /** T, the number of E/M iterations; at least 1. */
  readonly iterations: number;
}

/** Which tokens share a centre, as the op computed it; the tensors live as long as its result. */
export interface PrototypeAssignment {
  /** Of each iteration the softmax over the centres, float[B, L, K]. */
  readonly iterations: readonly Tensor[];
  /** n(l), u32[B, L]. */
  readonly centre: Tensor;
  /** w(l), float[B, L]. */
  readonly weight: Tensor;
}

interface Attributes extends PrototypeClusterOptions {
  readonly onAssignment?: (assignment: PrototypeAssignment) => void;
}

/** The weights of the extractor itself; those of its linear maps around it are the caller's. */
export interface PrototypeWeights {
  /** float[D, D], the map from centres to queries. */
  readonly cWeight: Tensor;
  /** float[D]. */
  readonly cBias: Tensor;
  /** α and β, one element each. */
  readonly simAlpha: Tensor;
  readonly simBeta: Tensor;
}

/** `x`, `f`, `v` float[B, L, D], weight and bias of the centre map, α and β. */
type Inputs = readonly [
  x: Tensor,
  f: Tensor,
  v: Tensor,
  cWeight: Tensor,
  cBias: Tensor,
  simAlpha: Tensor,
  simBeta: Tensor,
];

interface Plan extends Pick<Attributes, 'iterations' | 'onAssignment'> {
  readonly alphaShape: readonly number[];
  readonly betaShape: readonly number[];
  readonly channels: readonly number[];
  /** Sizes of a dispatch that writes token rows, and of one that writes centre rows. */
  readonly ofTokens: Sizes;
  readonly ofCentres: Sizes;
  readonly tokenShape: readonly number[];
  readonly centreShape: readonly number[];
}

function planCluster(
  [x, f, v, cWeight, cBias, simAlpha, simBeta]: Inputs,
  { numPrototypes, iterations, onAssignment }: Attributes,
): Plan {
  const where = 'prototypeCluster';
  if (x.shape.length !== 3 || x.shape[1] === 0)
    throw new ShapeError(
      `${where}: x is ${showShape(x.shape)}; it must be [batch, tokens, channels] with at least one token.`,
    );
  for (const [name, y] of [
    ['f', f],
    ['v', v],
  ] as const) {
    if (!sameShape(y.shape, x.shape))
      throw new ShapeError(
        `${where}: ${name} is ${showShape(y.shape)} and x is ${showShape(x.shape)}; they must be equal.`,
      );
  }
  const [batch, tokens, cols] = x.shape as [number, number, number];
  if (!sameShape(cWeight.shape, [cols, cols]) || !sameShape(cBias.shape, [cols]))
    throw new ShapeError(
      `${where}: cWeight is ${showShape(cWeight.shape)} and cBias ${showShape(cBias.shape)} for x of ${showShape(x.shape)}; they must be ${showShape([cols, cols])} and ${showShape([cols])}.`,
    );
  if (simAlpha.size !== 1 || simBeta.size !== 1)
    throw new ShapeError(
      `${where}: simAlpha is ${showShape(simAlpha.shape)} and simBeta ${showShape(simBeta.shape)}; each must have one element.`,
    );
  if (!Number.isInteger(numPrototypes) || numPrototypes < 1)
    throw new ShapeError(`${where}: numPrototypes is ${numPrototypes}; it must be a whole number of at least 1.`);
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new ShapeError(`${where}: iterations is ${iterations}; it must be a whole number of at least 1.`);
  const sizes = { batch, cols, tokens, centres: numPrototypes };
  return {
    iterations,
    onAssignment,
    alphaShape: simAlpha.shape,
    betaShape: simBeta.shape,
    channels: [batch, cols],
    ofTokens: { ...sizes, rows: batch * tokens },
    ofCentres: { ...sizes, rows: batch * numPrototypes },
    tokenShape: [batch, tokens, cols],
    centreShape: [batch, numPrototypes, cols],
  };
}

/** What one E/M iteration starts from and makes, for its own backward. */
interface Iteration {
  readonly centres: Tensor;
  readonly unit: Tensor;
  readonly inverse: Tensor;
  readonly assignment: Tensor;
}

/**
 * Step 5: Q = C·Wcᵀ + bc, rows normalised, A = softmax over the centres of Q̂·V̂ᵀ, kept as [B, L, K] so that its rows
 * are tokens.
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

/** total + x, in place after the first. */
function plus(total: Tensor | null, x: Tensor): Tensor {
  if (!total) return x;
  accumulate(total, x);
  return total;
}

function backward(run: Run, dy: Tensor, saved: Record<string, Tensor>, plan: Plan): (Tensor | null)[] {
  const [needsX, needsF, needsV, needsWeight, needsBias, needsAlpha, needsBeta] = run.needs as boolean[];
  const { ofTokens, ofCentres, tokenShape, centreShape } = plan;
  const { x, f, cWeight, alpha, vUnit, centreUnit, index, stats, order, first, group } = saved as Record<
    string,
    Tensor
  >;
  const { rows, cols } = ofCentres;
  const flat = (centres: Tensor): Tensor => reshape(centres, [rows, cols]);

  // Steps 10 to 6: what the chosen pairs of token and centre send back.
  const dgroup = run.out(centreShape);
  step(run, 'prototypeMembers', 'gather_gradient', ofCentres, {
    index: index!,
    order: order!,
    first: first!,
    stats: stats!,
    dy,
    dgroup,
  });
  const dgate = run.out([...tokenShape.slice(0, 2), 2]);
  step(run, 'prototypeRows', 'gate_backward', ofTokens, {
    dy,
    f: f!,
    group: group!,
    dgroup,
    index: index!,
    stats: stats!,
    alpha: alpha!,
    dgate,
  });
  const dgates = needsAlpha || needsBeta ? run.out([2]) : null;
  if (dgates) sumGates(run, ofTokens, { dgate, stats: stats!, dgates });
  const dx = needsX ? run.out(tokenShape) : null;
  if (dx)
    step(run, 'prototypeTokens', 'token_dx', ofTokens, {
      dy,
      x: x!,
      centre_unit: centreUnit!,
      index: index!,
      stats: stats!,
      dgate,
      dx,
    });
  const df = needsF ? run.out(tokenShape) : null;
  if (df) step(run, 'prototypeTokens', 'token_df', ofTokens, { index: index!, stats: stats!, dpooled: dgroup, df });

  // Step 5, last iteration first: dcentres is the gradient of the centres that iteration t made.
  let dvUnit: Tensor | null = null;
  let dWeight: Tensor | null = null;
  let dBias: Tensor | null = null;
  const needsStart = needsX || needsV || needsWeight || needsBias;
  let dcentres = run.out(centreShape);
  if (needsStart || needsF)
    step(run, 'prototypeMembers', 'gather_cosine', ofCentres, {
      index: index!,
      order: order!,
      first: first!,
      x: x!,
      stats: stats!,
      dgate,
      centre_unit: centreUnit!,
      inverse: saved.centreInverse!,
      dcentre: dcentres,
    });
  for (let t = plan.iterations - 1; t >= 0; t--) {
    const made = {
      centres: saved[`centres${t}`]!,
      unit: saved[`unit${t}`]!,
      inverse: saved[`inverse${t}`]!,
      assignment: saved[`assignment${t}`]!,
    };
    if (df) accumulate(df, matmul(made.assignment, dcentres));
    if (!needsStart && (t === 0 || !needsF)) break;
    const dscores = softmaxBackward(run, made.assignment, matmul(f!, dcentres, { transposeB: true }));
    if (needsV) dvUnit = plus(dvUnit, matmul(dscores, made.unit));
    if (t === 0 && !needsX && !needsWeight && !needsBias) break;
    const dunit = matmul(dscores, vUnit!, { transposeA: true });
    const dquery = run.out(centreShape);
    step(run, 'prototypeRows', 'unit_backward', ofCentres, {
      dy: dunit,
      y_saved: made.unit,
      inverse_saved: made.inverse,
      dx: dquery,
    });
    if (needsWeight) dWeight = plus(dWeight, matmul(flat(dquery), flat(made.centres), { transposeA: true }));
    if (needsBias) dBias = plus(dBias, reduceMiddle('SUM', dquery, { outer: 1, n: rows, inner: cols, shape: [cols] }));
    if (t > 0 || needsX) dcentres = matmul(dquery, cWeight!);
  }
  if (dx) step(run, 'prototypeTokens', 'spread', ofTokens, { dpooled: dcentres, dx });
  const dv = dvUnit && run.out(tokenShape);
  if (dv)
    step(run, 'prototypeColumns', 'backward', ofTokens, {
      dy: dvUnit!,
      y_saved: vUnit!,
      inverse_saved: saved.vInverse!,
      dx: dv,
    });
  const scalar = (shape: readonly number[], offset: number): Tensor =>
    new Tensor(run.gpu, shape, 'f32', dgates!.storage, { strides: shape.map(() => 1), offset });
  return [
    dx,
    df,
    dv,
    dWeight,
    dBias,
    needsAlpha ? scalar(plan.alphaShape, 0) : null,
    needsBeta ? scalar(plan.betaShape, 1) : null,
  ];
}

function softmaxBackward(run: Run, y: Tensor, dy: Tensor): Tensor {
  const dx = run.out(y.shape);
  const cols = y.shape.at(-1)!;
  const sizes = { rows: y.size / cols, cols };
  run.launch('softmax', softmaxVariants, sizes, 'backward', { buffers: { y_saved: y, dy, dx }, params: sizes });
  return dx;
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
