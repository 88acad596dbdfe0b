/** @file ONNX's operators that reduce, scan or order along axes. */
import * as c from '@curio/engine';
import type { ReduceOptions, Tensor } from '@curio/engine';
import { needOption } from './node.ts';
import type { Expression, Expressions, Node } from './node.ts';

const WHOLE: ReduceOptions = {};

/** Axes stand in the second input or in an attribute; an empty list is all of them, or none by an attribute's word. */
function reduced(f: (x: Tensor, options: ReduceOptions) => Tensor, needsElements = false): Expression {
  return (node) => {
    const given = node.has(1) ? node.numbers(1) : (node.list('axes') ?? []);
    const x = node.float();
    if (given.length === 0 && node.int('noop_with_empty_axes', 0) === 1) return x;
    const axis = given.length > 0 ? { axis: given } : WHOLE;
    if (needsElements) needOption(x.size > 0, 'the greatest, least or log-sum of no elements');
    return f(x, { ...axis, keepDims: node.int('keepdims', 1) === 1 });
  };
}

/** Of bool the greatest is whether any holds, the least whether all do. */
function extreme(
  f: (x: Tensor, options: ReduceOptions) => Tensor,
  ofBool: (x: Tensor, options: ReduceOptions) => Tensor,
): Expression {
  const ofFloat = reduced(f, true);
  return (node) => {
    if (node.described(0).type !== 'bool') return ofFloat(node);
    return ofBool(node.tensor(0), { axis: node.numbers(1), keepDims: node.int('keepdims', 1) === 1 });
  };
}

function argument(f: typeof c.argmax): Expression {
  return (node) => {
    needOption(node.int('select_last_index', 0) === 0, 'argmax and argmin that choose the last of equals');
    return f(node.float(), { axis: node.int('axis', 0), keepDims: node.int('keepdims', 1) === 1 });
  };
}

function cumsum(node: Node): Tensor {
  const [at] = node.numbers(1);
  const x = node.float();
  const axis = at! < 0 ? at! + x.shape.length : at!;
  const turned = (y: Tensor): Tensor => (node.int('reverse', 0) ? c.flip(y, { axis }) : y);
  const sums = c.cumsum(turned(x), { axis });
  if (!node.int('exclusive', 0)) return turned(sums);
  const before = c.slice(sums, { axis, end: x.shape[axis]! - 1 });
  return turned(
    c.pad(
      before,
      x.shape.map((_, i) => [i === axis ? 1 : 0, 0] as const),
    ),
  );
}

function topk(node: Node): Tensor[] {
  needOption(node.int('sorted', 1) === 1 || node.int('largest', 1) === 0, 'topk in any order');
  const x = node.float();
  const axis = node.int('axis', -1);
  const last = (y: Tensor): Tensor => c.transpose(y, axis, -1);
  const sign = node.int('largest', 1) ? 1 : -1;
  const { values, indices } = c.topk(c.affine(last(x), sign), node.numbers(1)[0]!);
  return [c.affine(last(values), sign), last(indices)];
}

/** Zero where the norm is. */
function lpNormalization(node: Node): Tensor {
  const x = node.float();
  const along = { axis: node.int('axis', -1), keepDims: true };
  const length = node.int('p', 2) === 1 ? c.sum(c.abs(x), along) : c.norm(x, along);
  return c.where(c.eq(length, 0), 0, c.div(x, length));
}

function softmaxCrossEntropy(node: Node): Tensor[] {
  const logProbs = c.logSoftmax(node.float(), { axis: 1 });
  const loss = logLikelihood(node, logProbs);
  return node.outputs > 1 ? [loss, logProbs] : [loss];
}

function logLikelihood(node: Node, logProbs: Tensor): Tensor {
  const given = node.index(1);
  const ignored = node.given.attributes.ignore_index as number | undefined;
  const target = ignored === undefined ? given : c.cast(c.where(c.eq(given, ignored), 0, c.cast(given, 'f32')), 'i32');
  const picked = c.squeeze(c.gather(logProbs, c.unsqueeze(target, { axis: 1 }), { axis: 1 }), { axis: 1 });
  const perClass = node.has(2) ? node.float(2) : c.ones(node.gpu, [logProbs.shape[1]!]);
  const chosen = c.reshape(c.indexSelect(perClass, c.reshape(target, [target.size]), { axis: 0 }), target.shape);
  const weights = ignored === undefined ? chosen : c.where(c.eq(given, ignored), 0, chosen);
  const losses = c.neg(c.mul(picked, weights));
  const reduction = node.text('reduction', 'mean');
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? c.sum(losses) : c.div(c.sum(losses), c.sum(weights));
}

export const reduce: Expressions = {
  ArgMax: argument(c.argmax),
  ArgMin: argument(c.argmin),
  CumSum: cumsum,
  Hardmax: (node) => {
    const x = node.float();
    const axis = node.int('axis', -1);
    return c.transpose(c.oneHot(c.argmax(c.transpose(x, axis, -1)), x.shape.at(axis)!), axis, -1);
  },
  LogSoftmax: (node) => c.logSoftmax(node.float(), { axis: node.int('axis', -1) }),
  LpNormalization: lpNormalization,
  NegativeLogLikelihoodLoss: (node) => logLikelihood(node, node.float()),
  ReduceL1: reduced((x, options) => c.sum(c.abs(x), options)),
  ReduceL2: reduced(c.norm),
  ReduceLogSum: reduced((x, options) => c.log(c.sum(x, options))),
  ReduceLogSumExp: reduced(c.logSumExp, true),
  ReduceMax: extreme(c.max, c.any),
  ReduceMean: reduced(c.mean),
  ReduceMin: extreme(c.min, c.all),
  ReduceSum: reduced(c.sum),
  ReduceSumSquare: reduced((x, options) => c.sum(c.mul(x, x), options)),
  Softmax: (node) => c.softmax(node.float(), { axis: node.int('axis', -1) }),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
  TopK: topk,
};
