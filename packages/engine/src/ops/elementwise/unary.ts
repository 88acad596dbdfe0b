/**
 * @file Functions of one tensor, element by element: float[...] in, float[...] of the same shape out. Each saves x, or
 * y where the derivative is cheaper in it. NaN stays NaN, but for x⁰ = 1. Kernel: kernels/elementwise/unary.wgsl. Each
 * throws DTypeError unless x is f32. How many ulp each is off: docs/accuracy.md.
 */
import { elementwiseUnary as kernel } from '@curio/kernels/elementwise_unary';
import { ShapeError } from '../../gpu/errors.ts';
import { requireScalar } from '../../tensor/options.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { lineWork } from '../../gpu/kernel/line.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

export type UnaryKind =
  | 'AFFINE'
  | 'EXP'
  | 'LOG'
  | 'SQRT'
  | 'RSQRT'
  | 'ABS'
  | 'TANH'
  | 'SIGMOID'
  | 'RELU'
  | 'GELU'
  | 'GELU_TANH'
  | 'QUICK_GELU'
  | 'SILU'
  | 'POW'
  | 'MAX'
  | 'MIN'
  | 'INVERSE'
  | 'SIN'
  | 'COS'
  | 'ERF'
  | 'SOFTPLUS'
  | 'ELU'
  | 'LEAKY_RELU'
  | 'CLAMP'
  | 'FLOOR'
  | 'CEIL'
  | 'ROUND'
  | 'SIGN'
  | 'EXPM1'
  | 'LOG1P'
  | 'QUOTIENT';

/** Numbers of a function, and those of its derivative where they differ. */
interface Attrs extends Numbers {
  readonly slope?: Numbers;
}
interface Numbers {
  readonly p?: number;
  readonly q?: number;
  readonly low?: number;
  readonly form?: number;
}

const WG = 64;
/** Adding -0 changes nothing, not even the sign of a zero. */
const NO_NUMBERS = { p: 0, q: -0, low: 0, form: 0 };
/** Their own derivatives, except for the shift. */
const LINEAR: readonly UnaryKind[] = ['AFFINE', 'QUOTIENT'];
const FROM_RESULT: readonly UnaryKind[] = ['EXP', 'SQRT', 'RSQRT', 'RELU'];

function define(name: string, kind: UnaryKind): (x: Tensor, attrs?: Attrs) => Tensor {
  const op = defineOp({
    name,
    plan([x]: readonly [Tensor], { slope, ...numbers }: Attrs) {
      requireFloat(name, x);
      const vectors = ceilDiv(x.size, 4);
      const params = { vectors, ...NO_NUMBERS, ...numbers };
      return { params, slope: { ...params, ...slope }, ...lineWork(x.gpu, kernel, vectors, WG, { OP: kind }) };
    },
    forward(run, [x], { params, tuning, grid }) {
      const y = run.out(x.shape);
      run.dispatch(kernel, 'forward', { buffers: { x, y }, params, tuning, grid });
      return { y, saved: { saved: LINEAR.includes(kind) ? null : FROM_RESULT.includes(kind) ? y : x } };
    },
    backward(run, dy, { saved }, { slope, tuning, grid }) {
      const dx = run.out(dy.shape);
      if (saved) run.dispatch(kernel, 'backward', { buffers: { saved, dy, dx }, params: slope, tuning, grid });
      else run.dispatch(kernel, 'forward', { buffers: { x: dy, y: dx }, params: { ...slope, q: -0 }, tuning, grid });
      return [dx];
    },
  });
  return (x, attrs = {}) => op([x], attrs);
}

const affineOp = define('affine', 'AFFINE');
const negOp = define('neg', 'AFFINE');
const powOp = define('pow', 'POW');
const expOp = define('exp', 'EXP');
const logOp = define('log', 'LOG');
const sqrtOp = define('sqrt', 'SQRT');
const rsqrtOp = define('rsqrt', 'RSQRT');
const absOp = define('abs', 'ABS');
const tanhOp = define('tanh', 'TANH');
const sigmoidOp = define('sigmoid', 'SIGMOID');
const reluOp = define('relu', 'RELU');
const geluOp = define('gelu', 'GELU');
const geluTanhOp = define('geluTanh', 'GELU_TANH');
const quickGeluOp = define('quickGelu', 'QUICK_GELU');
const siluOp = define('silu', 'SILU');
const maximumOp = define('maximum', 'MAX');
const minimumOp = define('minimum', 'MIN');
const inverseOp = define('div', 'INVERSE');
const sinOp = define('sin', 'SIN');
const cosOp = define('cos', 'COS');
const erfOp = define('erf', 'ERF');
const softplusOp = define('softplus', 'SOFTPLUS');
const eluOp = define('elu', 'ELU');
const leakyReluOp = define('leakyRelu', 'LEAKY_RELU');
const clampOp = define('clamp', 'CLAMP');
const floorOp = define('floor', 'FLOOR');
const ceilOp = define('ceil', 'CEIL');
const roundOp = define('round', 'ROUND');
const signOp = define('sign', 'SIGN');
const expm1Op = define('expm1', 'EXPM1');
const log1pOp = define('log1p', 'LOG1P');
const quotientOp = define('div', 'QUOTIENT');

/** Exponents with exact forms of their own; of others form is 8, more by 1 where they are whole, by 2 where odd. */
const POWER_FORMS: readonly (readonly [exponent: number, form: number])[] = [
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 3],
  [-1, 4],
];

/** factor · x^exponent: the exponent in two parts, of which the first has twelve bits. */
function power(exponent: number, factor: number): Numbers {
  const n = Math.min(Math.max(exponent, -1e30), 1e30); // effectively infinite, and no product with it is NaN
  const bits = new Uint32Array(Float32Array.of(n).buffer);
  bits[0]! &= 0xfffff000;
  const p = new Float32Array(bits.buffer)[0]!;
  const form =
    POWER_FORMS.find(([known]) => known === n)?.[1] ??
    8 + (Number.isInteger(n) ? 1 : 0) + (Math.abs(n % 2) === 1 ? 2 : 0);
  return { p, low: n - p, q: factor, form };
}

/** y = scale · x + shift. Saves nothing. */
export function affine(x: Tensor, scale: number, shift = -0): Tensor {
  requireScalar('affine', 'the scale', scale);
  requireScalar('affine', 'the shift', shift);
  return affineOp(x, { p: scale, q: shift });
}
/** y = -x. */
export const neg = (x: Tensor): Tensor => negOp(x, { p: -1 });
/**
 * y = x ^ exponent, by C's rules at 0 and ∞; NaN for negative x unless the exponent is whole. Derivative exponent · x ^
 * (exponent - 1).
 */
export function pow(x: Tensor, exponent: number): Tensor {
  requireScalar('pow', 'the exponent', exponent);
  return powOp(x, { ...power(exponent, 1), slope: exponent === 0 ? power(0, 0) : power(exponent - 1, exponent) });
}
/** y = eˣ. Infinite above 88.7. */
export const exp = (x: Tensor): Tensor => expOp(x);
/** y = eˣ - 1, without the loss of digits near 0. */
export const expm1 = (x: Tensor): Tensor => expm1Op(x);
/** y = ln(1 + x), without the loss of digits near 0; -∞ at -1, NaN below. */
export const log1p = (x: Tensor): Tensor => log1pOp(x);
/** y = ln x; -∞ at 0, NaN below. */
export const log = (x: Tensor): Tensor => logOp(x);
/** y = √x; its derivative is infinite at 0. */
export const sqrt = (x: Tensor): Tensor => sqrtOp(x);
/** y = 1 / √x. */
export const rsqrt = (x: Tensor): Tensor => rsqrtOp(x);
/** y = |x|; derivative 0 at 0. */
export const abs = (x: Tensor): Tensor => absOp(x);
/** y = tanh x. */
export const tanh = (x: Tensor): Tensor => tanhOp(x);
/** y = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => sigmoidOp(x);
/** y = max(x, 0); derivative 0 at 0 and below, where no gradient passes, be it infinite or NaN. */
export const relu = (x: Tensor): Tensor => reluOp(x);
/** y = x · Φ(x) = x/2 · (1 + erf(x / √2)) (Hendrycks and Gimpel 2016). */
export const gelu = (x: Tensor): Tensor => geluOp(x);
/** y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export const geluTanh = (x: Tensor): Tensor => geluTanhOp(x);
/** y = x · sigmoid(1.702 x), as CLIP has it. */
export const quickGelu = (x: Tensor): Tensor => quickGeluOp(x);
/** y = x · sigmoid(x). */
export const silu = (x: Tensor): Tensor => siluOp(x);
/** y = max(x, number); derivative ½ where they are equal. */
export const maximumOf = (x: Tensor, number: number): Tensor => maximumOp(x, { p: number });
/** y = min(x, number); derivative ½ where they are equal. */
export const minimumOf = (x: Tensor, number: number): Tensor => minimumOp(x, { p: number });
/** y = x / number. Saves nothing. */
export const quotient = (x: Tensor, number: number): Tensor => quotientOp(x, { p: number });
/** y = number / x. */
export const inverse = (x: Tensor, number = 1): Tensor => inverseOp(x, { p: number });
/** y = sin x, x in radians; NaN at ±∞. */
export const sin = (x: Tensor): Tensor => sinOp(x);
/** y = cos x, x in radians; NaN at ±∞. */
export const cos = (x: Tensor): Tensor => cosOp(x);
/** y = 2/√π · ∫₀ˣ e^(-t²) dt. */
export const erf = (x: Tensor): Tensor => erfOp(x);
/** y = ln(1 + eˣ). */
export const softplus = (x: Tensor): Tensor => softplusOp(x);
/** y = x above 0, else alpha · (eˣ - 1) (Clevert et al. 2015). */
export function elu(x: Tensor, alpha = 1): Tensor {
  requireScalar('elu', 'alpha', alpha);
  return eluOp(x, { p: alpha });
}
/** y = x above 0, else slope · x. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  requireScalar('leakyRelu', 'the slope', slope);
  return leakyReluOp(x, { p: slope });
}
/**
 * y = min(max(x, low), high); derivative 1 between low and high, else 0, at the bounds too as in PyTorch 2.15, and no
 * gradient passes. Throws ShapeError when low exceeds high.
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  requireScalar('clamp', 'low', low);
  requireScalar('clamp', 'high', high);
  if (!(low <= high)) throw new ShapeError(`clamp: low is ${low} and high ${high}; low must not exceed high.`);
  return clampOp(x, { p: low, q: high });
}
/** y = the largest integer not above x. Its gradient is 0. */
export const floor = (x: Tensor): Tensor => floorOp(x);
/** y = the smallest integer not below x. Its gradient is 0. */
export const ceil = (x: Tensor): Tensor => ceilOp(x);
/** y = the nearest integer, halves to the even one. Its gradient is 0. */
export const round = (x: Tensor): Tensor => roundOp(x);
/** y = -1, 0 or 1 as x is below, at or above 0; NaN at NaN, where PyTorch has 0. Its gradient is 0. */
export const sign = (x: Tensor): Tensor => signOp(x);
