/** @file ONNX's products, norms and attention. */
import * as c from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { needOption } from './node.ts';
import type { Expressions, Node } from './node.ts';

function matmul(node: Node): Tensor {
  const [a, b] = [node.float(0), node.float(1)];
  const [isRow, isColumn] = [a.shape.length === 1, b.shape.length === 1];
  const y = c.matmul(isRow ? c.unsqueeze(a, { axis: 0 }) : a, isColumn ? c.unsqueeze(b, { axis: 1 }) : b);
  const rows = isRow ? c.squeeze(y, { axis: -2 }) : y;
  return isColumn ? c.squeeze(rows, { axis: -1 }) : rows;
}

function gemm(node: Node): Tensor {
  const y = c.matmul(node.float(0), node.float(1), {
    transposeA: node.int('transA', 0) === 1,
    transposeB: node.int('transB', 0) === 1,
  });
  const scaled = c.affine(y, node.int('alpha', 1));
  return node.has(2) ? c.add(scaled, c.affine(node.float(2), node.int('beta', 1))) : scaled;
}

/** Axes from `axis` on as one row. */
function rowsFrom(node: Node, x: Tensor): { rows: Tensor; axes: number[]; width: number } {
  const rank = x.shape.length;
  const given = node.int('axis', -1);
  const first = given < 0 ? given + rank : given;
  const width = x.shape.slice(first).reduce((a, b) => a * b, 1);
  return { rows: c.reshape(x, [-1, width]), axes: x.shape.map((_, i) => i).slice(first), width };
}

function layerNorm(node: Node): (Tensor | null)[] {
  const x = node.float();
  const eps = node.int('epsilon', 1e-5);
  const { rows, axes, width } = rowsFrom(node, x);
  const bias = node.has(2) ? c.reshape(node.float(2), [width]) : c.zeros(node.gpu, [width]);
  const y = c.reshape(c.layerNorm(rows, c.reshape(node.float(1), [width]), bias, { eps }), x.shape);
  const along = { axis: axes, keepDims: true };
  return [y, c.mean(x, along), c.rsqrt(c.add(c.variance(x, { ...along, correction: 0 }), eps))].slice(0, node.outputs);
}

function rmsNorm(node: Node): Tensor {
  const x = node.float();
  const { rows, width } = rowsFrom(node, x);
  return c.reshape(c.rmsNorm(rows, c.reshape(node.float(1), [width]), { eps: node.int('epsilon', 1e-5) }), x.shape);
}

const groupNorm = (node: Node, groups: number): Tensor =>
  c.groupNorm(node.float(0), groups, node.float(1), node.float(2), { eps: node.int('epsilon', 1e-5) });

/** Each channel by its mean and variance, the given ones or, in training, the batch's, which move the given ones. */
function batchNorm(node: Node): Tensor[] {
  const x = node.float();
  const perChannel = (v: Tensor): Tensor => c.reshape(v, [-1, ...x.shape.slice(2).map(() => 1)]);
  const isTraining = node.int('training_mode', 0) === 1;
  const over = { axis: x.shape.map((_, i) => i).filter((i) => i !== 1) };
  const [given, spread] = [node.float(3), node.float(4)];
  const [mean, variance] = isTraining ? [c.mean(x, over), c.variance(x, { ...over, correction: 0 })] : [given, spread];
  const scale = c.div(node.float(1), c.sqrt(c.add(variance, node.int('epsilon', 1e-5))));
  const y = c.add(c.mul(c.sub(x, perChannel(mean)), perChannel(scale)), perChannel(node.float(2)));
  if (!isTraining) return [y];
  const momentum = node.int('momentum', 0.9);
  const moved = (from: Tensor, to: Tensor): Tensor => c.add(c.mul(from, momentum), c.mul(to, 1 - momentum));
  return [y, moved(given, mean), moved(spread, variance)];
}

function meanVarianceNormalization(node: Node): Tensor {
  const x = node.float();
  const along = { axis: node.list('axes') ?? [0, 2, 3], keepDims: true };
  return c.div(c.sub(x, c.mean(x, along)), c.add(c.std(x, { ...along, correction: 0 }), 1e-9));
}

/** [B, T, H·D] as [B, H, T, D]. */
function heads(x: Tensor, count: number): Tensor {
  if (x.shape.length === 4) return x;
  const [batch, tokens, width] = x.shape as [number, number, number];
  return c.permute(c.reshape(x, [batch, tokens, count, width / count]), [0, 2, 1, 3]);
}

function attention(node: Node): (Tensor | null)[] {
  needOption(!node.has(3), 'attention with a mask');
  needOption(node.int('softcap', 0) === 0, 'attention with a softcap');
  needOption(
    node.int('left_window_size', -1) < 0 && node.int('right_window_size', -1) < 0,
    'attention within a window',
  );
  needOption(!node.given.outputs[3], 'attention that gives its scores');
  const [q, k, v] = [0, 1, 2].map((i) => heads(node.float(i), node.int(i === 0 ? 'q_num_heads' : 'kv_num_heads', 0)));
  needOption(q!.shape[3] === v!.shape[3], 'attention with values of another width than keys');
  const [key, value] = node.has(4) ? [cached(node.float(4), k!), cached(node.float(5), v!)] : [k!, v!];
  const y = c.scaledDotProductAttention(q!, key, value, { ...seen(node, q!, key), scale: scaleOf(node) });
  const [batch, count, tokens, width] = q!.shape as [number, number, number, number];
  const is3d = node.described(0).shape!.length === 3;
  return [is3d ? c.reshape(c.permute(y, [0, 2, 1, 3]), [batch, tokens, count * width]) : y, key, value].slice(
    0,
    node.outputs,
  );
}

const cached = (past: Tensor, x: Tensor): Tensor => c.cat([past, x], { axis: 2 });
const scaleOf = (node: Node): number | undefined => node.given.attributes.scale as number | undefined;

/** The keys that each query sees: those up to its position, which follows what was cached, or all but the padding. */
function seen(node: Node, q: Tensor, key: Tensor): { lengths?: Tensor; position?: Tensor } {
  const isCausal = node.int('is_causal', 0) === 1;
  const lengths = node.has(6) ? node.index(6) : undefined;
  if (!isCausal) return lengths ? { lengths } : {};
  const tokens = q.shape[2]!;
  if (lengths) return { position: c.cast(c.sub(c.cast(lengths, 'f32'), tokens), 'i32') };
  const past = node.has(4) ? key.shape[2]! - tokens : 0;
  return { position: c.tensor(node.gpu, Int32Array.of(past)) };
}

function flexAttention(node: Node): Tensor {
  needOption(
    !node.given.attributes.score_mod && !node.given.attributes.prob_mod,
    "attention with a function of the caller's",
  );
  const [q, k, v] = [0, 1, 2].map((i) => node.float(i)) as [Tensor, Tensor, Tensor];
  needOption(q.shape[3] === v.shape[3], 'attention with values of another width than keys');
  return c.scaledDotProductAttention(q, k, v, { scale: scaleOf(node) });
}

export const rows: Expressions = {
  Attention: attention,
  BatchNormalization: batchNorm,
  FlexAttention: flexAttention,
  Gemm: gemm,
  GroupNormalization: (node) => groupNorm(node, node.int('num_groups', 1)),
  InstanceNormalization: (node) => groupNorm(node, node.described(0).shape![1]!),
  LayerNormalization: layerNorm,
  MatMul: matmul,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: rmsNorm,
};
