/** @file Random programs of PyTorch's, run on the engine; made by random_programs.py in the folder python. */
import * as c from '@curio/engine';
import type { Gpu, ReduceOptions, Shape, Tensor } from '@curio/engine';
import type { GoldenFile } from './golden.ts';

interface Step {
  readonly op: string;
  /** Numbers of values: the program's inputs, then the results of its steps. */
  readonly inputs: readonly number[];
  // biome-ignore lint/suspicious/noExplicitAny: the options are those of the op, written by the script
  readonly options: Readonly<Record<string, any>>;
}

export interface Program {
  readonly name: string;
  /** PyTorch's names of types: float32, int64 (indices), bool. */
  readonly inputs: readonly string[];
  readonly steps: readonly Step[];
}

interface Tolerance {
  readonly own: number;
  readonly greatest: number;
}

type Compute = (inputs: readonly Tensor[], options: Step['options']) => Tensor;
const of =
  (f: (...inputs: Tensor[]) => Tensor): Compute =>
  (inputs) =>
    f(...inputs);
const reducing =
  (f: (x: Tensor, options: ReduceOptions) => Tensor): Compute =>
  ([x], options) =>
    f(x!, options);
const besides =
  (f: (x: Tensor, options: never) => Tensor): Compute =>
  ([x], options) =>
    f(x!, options as never);

const { abs, ceil, cos, erf, exp, expm1, floor, gelu, geluTanh, log, log1p, neg, quickGelu, relu, round, rsqrt } = c;
const { sigmoid, sign, silu, sin, softplus, sqrt, tanh, dense, isNaN, isInf, isFinite, logicalNot } = c;
const { sum, mean, max, min, logSumExp, norm, any, all } = c;
const { unsqueeze, flip, cumsum, softmax, logSoftmax, avgPool2d, maxPool2d, unfold, rotaryEmbedding, slice } = c;
const unary = {
  abs,
  ceil,
  cos,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  geluTanh,
  log,
  log1p,
  neg,
  quickGelu,
  relu,
  round,
  rsqrt,
};
const more = { sigmoid, sign, silu, sin, softplus, sqrt, tanh, dense, isNaN, isInf, isFinite, logicalNot };
const { eq, ne, lt, le, gt, ge, logicalAnd, logicalOr, logicalXor, where, embedding, crossEntropy } = c;
const several = { eq, ne, lt, le, gt, ge, logicalAnd, logicalOr, logicalXor, where, embedding, crossEntropy };
const { swiglu, mseLoss, l1Loss, linear, transpose, squeeze } = c;
const reductions = { sum, mean, max, min, logSumExp, norm, any, all };
const withOptions = {
  unsqueeze,
  flip,
  cumsum,
  softmax,
  logSoftmax,
  avgPool2d,
  maxPool2d,
  unfold,
  rotaryEmbedding,
  slice,
};
const arithmetic = { add: c.add, sub: c.sub, mul: c.mul, div: c.div, maximum: c.maximum, minimum: c.minimum };

const mapped = <F>(fs: Readonly<Record<string, F>>, to: (f: F) => Compute): Record<string, Compute> =>
  Object.fromEntries(Object.entries(fs).map(([name, f]) => [name, to(f)]));

/** The ops of the script, by its names. */
const ops: Readonly<Record<string, Compute>> = {
  ...mapped(
    { ...unary, ...more },
    (f) =>
      ([x]) =>
        f(x!),
  ),
  ...mapped({ ...several, swiglu, mseLoss, l1Loss, linear } as Record<string, (...x: Tensor[]) => Tensor>, of),
  ...mapped(reductions, reducing),
  ...mapped(withOptions as Record<string, (x: Tensor, options: never) => Tensor>, besides),
  ...mapped(arithmetic, of),
  ...Object.fromEntries(
    Object.entries(arithmetic).flatMap(([name, f]): [string, Compute][] => [
      [`${name}Number`, ([x], { number }) => f(x!, number)],
      [`number${name[0]!.toUpperCase()}${name.slice(1)}`, ([x], { number }) => f(number, x!)],
    ]),
  ),
  adaptiveAvgPool1d: ([x], { length }) => c.adaptiveAvgPool1d(x!, length),
  affine: ([x], { scale, shift }) => c.affine(x!, scale, shift),
  argmax: ([x], options) => c.cast(c.argmax(x!, options), 'f32'),
  argmin: ([x], options) => c.cast(c.argmin(x!, options), 'f32'),
  castFloat: ([x]) => c.cast(x!, 'f32'),
  cat: (inputs, { axis }) => c.cat(inputs, { axis }),
  clamp: ([x], { low, high }) => c.clamp(x!, low, high),
  conv2d: ([x, weight, bias], options) => c.conv2d(x!, weight!, bias ?? null, options),
  elu: ([x], { alpha }) => c.elu(x!, alpha),
  expand: ([x], { shape }) => c.expand(x!, shape as Shape),
  gather: ([x, index], { axis }) => c.gather(x!, index!, { axis }),
  groupNorm: ([x, weight, bias], { groups }) => c.groupNorm(x!, groups, weight!, bias!),
  indexSelect: ([x, index], { axis }) => c.indexSelect(x!, index!, { axis }),
  layerNorm: ([x, weight, bias], { eps }) => c.layerNorm(x!, weight!, bias!, { eps }),
  leakyRelu: ([x], { slope }) => c.leakyRelu(x!, slope),
  matmul: ([a, b], options) => c.matmul(a!, b!, options),
  pad: ([x], { sides, number }) => c.pad(x!, sides, number),
  permute: ([x], { order }) => c.permute(x!, order),
  pow: ([x], { number }) => c.pow(x!, number),
  repeat: ([x], { times }) => c.repeat(x!, times),
  reshape: ([x], { shape }) => c.reshape(x!, shape),
  rmsNorm: ([x, weight], { eps }) => c.rmsNorm(x!, weight!, { eps }),
  roll: ([x], { shift, axis }) => c.roll(x!, shift, { axis }),
  scaledDotProductAttention: ([q, k, v], { causal }) => c.scaledDotProductAttention(q!, k!, v!, { causal }),
  scatterAdd: ([x, index, values], { axis }) => c.scatterAdd(x!, index!, values!, { axis }),
  squeeze: ([x]) => squeeze(x!),
  stack: (inputs, { axis }) => c.stack(inputs, { axis }),
  std: ([x], options) => c.std(x!, { ...options, correction: 0 }),
  topk: ([x], { k }) => c.topk(x!, k).values,
  transpose: ([x]) => transpose(x!),
  tril: ([x], { diagonal }) => c.tril(x!, diagonal),
  triu: ([x], { diagonal }) => c.triu(x!, diagonal),
  variance: ([x], options) => c.variance(x!, { ...options, correction: 0 }),
};

/** What a program is, on one line. */
export const showProgram = ({ name, steps }: Program): string => `${name}: ${steps.map(({ op }) => op).join(' → ')}`;

function inputOf(gpu: Gpu, file: GoldenFile, { name, inputs }: Program, i: number): Tensor {
  const { shape, data } = file.tensor(`${name}.in.${i}`);
  const x =
    inputs[i] === 'bool'
      ? c.tensor(gpu, Array.from(data, Boolean), shape, { dtype: 'bool' })
      : c.tensor(gpu, data as Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>, shape);
  x.requiresGrad = inputs[i] === 'float32';
  return x;
}

/** What differs from PyTorch, in words: the result, and the gradients of its sum by the weights. */
export async function runProgram(gpu: Gpu, file: GoldenFile, program: Program): Promise<string[]> {
  const { name, inputs, steps } = program;
  const leaves = inputs.map((_, i) => inputOf(gpu, file, program, i));
  const { out, read } = gpu.scope(() => {
    const values = [...leaves];
    for (const { op, inputs: ins, options } of steps)
      values.push(
        ops[op]!(
          ins.map((i) => values[i]!),
          options,
        ),
      );
    const y = values.at(-1)!;
    const weights = file.tensor(`${name}.weights`);
    if (y.requiresGrad || y.node) c.backward(y, c.tensor(gpu, weights.data as Float32Array<ArrayBuffer>, y.shape));
    return { out: y.shape, read: y.read() };
  });
  const tolerance: Tolerance = file.config.tolerance;
  const wrong: string[] = [];
  const right = file.tensor(`${name}.out`);
  if (out.join() !== right.shape.join())
    wrong.push(`the shape is [${out.join(', ')}]; it must be [${right.shape.join(', ')}]`);
  wrong.push(...differing('the result', await read, right.data, tolerance));
  for (const [i, x] of leaves.entries()) {
    const grad = file.tensors.get(`${name}.grad.${i}`);
    // PyTorch has none where nothing led to the input, and the engine none or zeros.
    const right = grad?.data ?? new Float32Array(x.size);
    const got = x.grad ? await x.grad.read() : new Float32Array(x.size);
    wrong.push(...differing(`the gradient of input ${i}`, got, right, tolerance));
    x.dispose();
  }
  return wrong;
}

function differing(what: string, got: ArrayLike<number>, right: ArrayLike<number>, tolerance: Tolerance): string[] {
  let greatest = 0;
  for (let i = 0; i < right.length; i++)
    if (Number.isFinite(right[i])) greatest = Math.max(greatest, Math.abs(right[i]!));
  for (let i = 0; i < right.length; i++) {
    const [a, b] = [got[i]!, right[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const most = tolerance.own * Math.abs(b) + tolerance.greatest * greatest;
    if (!Number.isFinite(b) || !(Math.abs(a - b) <= most)) return [`${what}: element ${i} is ${a}; it must be ${b}`];
  }
  return [];
}
