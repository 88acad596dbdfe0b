/** @file The gradients of the prototype extractor; in the reverse order of the forward pass. */
import { accumulate } from '../../tensor/accumulate.ts';
import type { Run } from '../../tensor/op.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { reshape } from '../layout/views.ts';
import { matmul } from '../matmul/matmul.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { softmaxVariants } from '../rows/softmax.ts';
import { step, sumGates } from './kernels.ts';
import type { Plan } from './plan.ts';

/** total + x, in place after the first. */
function plus(total: Tensor | null, x: Tensor): Tensor {
  if (!total) return x;
  accumulate(total, x);
  return total;
}

export function backward(run: Run, dy: Tensor, saved: Record<string, Tensor>, plan: Plan): (Tensor | null)[] {
  const [needsX, needsF, needsV, needsWeight, needsBias, needsAlpha, needsBeta] = run.needs as boolean[];
  const { ofTokens, ofCentres, tokenShape, centreShape } = plan;
  const { x, f, cWeight, alpha, vUnit, centreUnit, index, stats, order, first, group } = saved as Record<
    string,
    Tensor
  >;
  const { rows, cols } = ofCentres;
  const flat = (centres: Tensor): Tensor => reshape(centres, [rows, cols]);

  // Through the choice of a centre for each token, and the group that the token receives.
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

  // Through the E/M iterations, the last one first; dcentres is the gradient of the centres that iteration t made.
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
