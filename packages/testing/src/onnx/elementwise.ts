/** @file ONNX's operators that go element by element. */
import * as c from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { Missing, needOption } from './node.ts';
import type { Expression, Expressions, Node } from './node.ts';

const unary =
  (f: (x: Tensor, node: Node) => Tensor): Expression =>
  (node) =>
    f(node.float(), node);
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Expression =>
  (node) =>
    f(node.float(0), node.float(1));
const compared =
  (f: (a: Tensor, b: Tensor) => Tensor): Expression =>
  (node) =>
    f(node.tensor(0), node.tensor(1));
const folded =
  (f: (a: Tensor, b: Tensor) => Tensor): Expression =>
  (node) =>
    all(node).reduce(f);

const all = (node: Node): Tensor[] => Array.from({ length: node.inputs }, (_, i) => node.float(i));
const swish = (x: Tensor, alpha: number): Tensor => (alpha === 1 ? c.silu(x) : c.mul(x, c.sigmoid(c.affine(x, alpha))));
const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor => c.clamp(c.affine(x, alpha, beta), 0, 1);

/** Signs are put back, since the sum under the logarithm is of positive terms only so. */
function asinh(x: Tensor): Tensor {
  const size = c.abs(x);
  const square = c.mul(size, size);
  return c.mul(c.sign(x), c.log1p(c.add(size, c.div(square, c.add(c.sqrt(c.add(square, 1)), 1)))));
}

function acosh(x: Tensor): Tensor {
  const over = c.sub(x, 1);
  return c.log1p(c.add(over, c.sqrt(c.mul(over, c.add(x, 1)))));
}

function clip(node: Node): Tensor {
  const [low] = node.has(1) ? node.numbers(1) : [-Infinity];
  const [high] = node.has(2) ? node.numbers(2) : [Infinity];
  return c.minimum(c.maximum(node.float(), low!), high!);
}

function pow(node: Node): Tensor {
  const { shape } = node.described(1);
  const x = node.float();
  needOption(shape!.length === 0, 'pow with a tensor of exponents');
  return c.pow(x, node.numbers(1)[0]!);
}

function isInf(node: Node): Tensor {
  const x = node.float();
  const [positive, negative] = [node.int('detect_positive', 1), node.int('detect_negative', 1)];
  if (positive && negative) return c.isInf(x);
  return positive ? c.eq(x, Infinity) : c.eq(x, -Infinity);
}

function cast(node: Node): Tensor {
  const to = node.given.outputs[0]!.type;
  const from = node.described(0).type;
  if (from === 'double' || to === 'double') throw new Missing('type', 'double');
  const dtype = ({ float: 'f32', float16: 'f16', bfloat16: 'bf16', int32: 'i32', bool: 'bool' } as const)[to];
  if (!dtype) throw new Missing('type', to);
  return c.cast(node.tensor(0), dtype);
}

/** Drops nothing without training, or at a ratio of 0; ONNX's random numbers are nobody else's. */
function dropout(node: Node): Tensor[] {
  const training = node.has(2) && node.numbers(2)[0] === 1;
  const ratio = node.has(1) ? node.numbers(1)[0]! : 0.5;
  needOption(!training || ratio === 0, "dropout with ONNX's random numbers");
  const x = node.float();
  return node.outputs > 1 ? [x, c.ones(node.gpu, x.shape, 'bool')] : [x];
}

export const elementwise: Expressions = {
  Abs: unary(c.abs),
  Acosh: unary(acosh),
  Add: binary(c.add),
  And: compared(c.logicalAnd),
  Asinh: unary(asinh),
  Atanh: unary((x) => c.mul(c.sub(c.log1p(x), c.log1p(c.neg(x))), 0.5)),
  Binarizer: unary((x, node) => c.cast(c.gt(x, node.int('threshold', 0)), 'f32')),
  Cast: cast,
  CastLike: cast,
  Ceil: unary(c.ceil),
  Celu: unary((x, node) => c.mul(c.elu(c.div(x, node.int('alpha', 1))), node.int('alpha', 1))),
  Clip: clip,
  Cos: unary(c.cos),
  Cosh: unary((x) => c.mul(c.add(c.exp(x), c.exp(c.neg(x))), 0.5)),
  Div: binary(c.div),
  Dropout: dropout,
  Elu: unary((x, node) => c.elu(x, node.int('alpha', 1))),
  Equal: compared(c.eq),
  Erf: unary(c.erf),
  Exp: unary(c.exp),
  Floor: unary(c.floor),
  Gelu: unary((x, node) => (node.text('approximate', 'none') === 'tanh' ? c.geluTanh(x) : c.gelu(x))),
  Greater: compared(c.gt),
  GreaterOrEqual: compared(c.ge),
  HardSigmoid: unary((x, node) => hardSigmoid(x, node.int('alpha', 0.2), node.int('beta', 0.5))),
  HardSwish: unary((x) => c.mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Identity: (node) => node.tensor(0),
  IsInf: isInf,
  IsNaN: unary(c.isNaN),
  LeakyRelu: unary((x, node) => c.leakyRelu(x, node.int('alpha', 0.01))),
  Less: compared(c.lt),
  LessOrEqual: compared(c.le),
  Log: unary(c.log),
  Max: folded(c.maximum),
  Mean: (node) => c.div(all(node).reduce(c.add), node.inputs),
  Min: folded(c.minimum),
  Mish: unary((x) => c.mul(x, c.tanh(c.softplus(x)))),
  Mul: binary(c.mul),
  Neg: unary(c.neg),
  Not: (node) => c.logicalNot(node.tensor(0)),
  Or: compared(c.logicalOr),
  PRelu: (node) => c.where(c.lt(node.float(0), 0), c.mul(node.float(0), node.float(1)), node.float(0)),
  Pow: pow,
  Reciprocal: unary((x) => c.div(1, x)),
  Relu: unary(c.relu),
  Round: unary(c.round),
  Selu: unary((x, node) =>
    c.mul(c.elu(x, node.int('alpha', 1.6732631921768188)), node.int('gamma', 1.0507010221481323)),
  ),
  Shrink: unary((x, node) => {
    const [lambda, bias] = [node.int('lambd', 0.5), node.int('bias', 0)];
    return c.where(c.lt(x, -lambda), c.add(x, bias), c.where(c.gt(x, lambda), c.sub(x, bias), 0));
  }),
  Sigmoid: unary(c.sigmoid),
  Sign: unary(c.sign),
  Sin: unary(c.sin),
  Sinh: unary((x) => c.mul(c.sub(c.expm1(x), c.expm1(c.neg(x))), 0.5)),
  Softplus: unary(c.softplus),
  Softsign: unary((x) => c.div(x, c.add(c.abs(x), 1))),
  Sqrt: unary(c.sqrt),
  Sub: binary(c.sub),
  Sum: folded(c.add),
  SwiGLU: (node) => {
    const alpha = node.int('alpha', 1);
    return alpha === 1 ? c.swiglu(node.float(0), node.float(1)) : c.mul(swish(node.float(0), alpha), node.float(1));
  },
  Swish: unary((x, node) => swish(x, node.int('alpha', 1))),
  Tan: unary((x) => c.div(c.sin(x), c.cos(x))),
  Tanh: unary(c.tanh),
  ThresholdedRelu: unary((x, node) => c.where(c.gt(x, node.int('alpha', 1)), x, 0)),
  Where: (node) => c.where(node.tensor(0), node.tensor(1), node.tensor(2)),
  Xor: compared(c.logicalXor),
};
