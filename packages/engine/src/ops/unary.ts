/** @file Functions of one tensor, element by element. Each saves x, or y where the slope is cheaper in it. Kernel: kernels/elementwise/unary.wgsl. */
import { elementwiseUnary as kernel } from '@curio/kernels/elementwise_unary';
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import { defineOp } from '../tensor/op.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { requireFloat } from './walk.ts';

export type UnaryKind = 'AFFINE' | 'EXP' | 'LOG' | 'SQRT' | 'RSQRT' | 'ABS' | 'TANH' | 'SIGMOID' | 'RELU' | 'GELU' | 'GELU_TANH' | 'QUICK_GELU' | 'SILU' | 'POW' | 'MAX' | 'MIN' | 'INVERSE';

interface Attrs { readonly p?: number; readonly q?: number }

const WG = 256;
const FROM_RESULT: readonly UnaryKind[] = ['EXP', 'SQRT', 'RSQRT', 'TANH', 'SIGMOID', 'RELU'];

function define(name: string, kind: UnaryKind): (x: Tensor, attrs?: Attrs) => Tensor {
  const tuning = { OP: kind };
  const op = defineOp({
    name,
    plan([x]: readonly [Tensor], { p = 0, q = 0 }: Attrs) {
      requireFloat(name, x);
      return { params: { vectors: ceilDiv(x.size, 4), p, q }, grid: lineGrid(ceilDiv(x.size, 4 * WG)) };
    },
    forward(run, [x], plan) {
      const y = run.out(x.shape);
      run.dispatch(kernel, 'forward', { buffers: { x, y }, tuning, ...plan });
      return { y, saved: { saved: kind === 'AFFINE' ? null : FROM_RESULT.includes(kind) ? y : x } };
    },
    backward(run, dy, { saved }, plan) {
      const dx = run.out(dy.shape);
      if (saved) run.dispatch(kernel, 'backward', { buffers: { saved, dy, dx }, tuning, ...plan });
      else run.dispatch(kernel, 'forward', { buffers: { x: dy, y: dx }, tuning, grid: plan.grid, params: { ...plan.params, q: 0 } });
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

/** y = scale · x + shift. Saves nothing. */
export const affine = (x: Tensor, scale: number, shift = 0): Tensor => affineOp(x, { p: scale, q: shift });
/** y = -x. */
export const neg = (x: Tensor): Tensor => negOp(x, { p: -1 });
/** y = x ^ exponent. Negative x only with a whole exponent. */
export const pow = (x: Tensor, exponent: number): Tensor => powOp(x, { p: exponent });
/** y = eˣ. Infinite above 88.7. */
export const exp = (x: Tensor): Tensor => expOp(x);
/** y = ln x. */
export const log = (x: Tensor): Tensor => logOp(x);
/** y = √x. */
export const sqrt = (x: Tensor): Tensor => sqrtOp(x);
/** y = 1 / √x. */
export const rsqrt = (x: Tensor): Tensor => rsqrtOp(x);
/** y = |x|; slope 0 at 0. */
export const abs = (x: Tensor): Tensor => absOp(x);
/** y = tanh x. */
export const tanh = (x: Tensor): Tensor => tanhOp(x);
/** y = 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => sigmoidOp(x);
/** y = max(x, 0); slope 0 at 0. */
export const relu = (x: Tensor): Tensor => reluOp(x);
/** y = x · Φ(x) = x/2 · (1 + erf(x / √2)); erf to 2e-7 (Hendrycks and Gimpel 2016). */
export const gelu = (x: Tensor): Tensor => geluOp(x);
/** y = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export const geluTanh = (x: Tensor): Tensor => geluTanhOp(x);
/** y = x · sigmoid(1.702 x), as CLIP has it. */
export const quickGelu = (x: Tensor): Tensor => quickGeluOp(x);
/** y = x · sigmoid(x). */
export const silu = (x: Tensor): Tensor => siluOp(x);
/** y = max(x, number). */
export const maximumOf = (x: Tensor, number: number): Tensor => maximumOp(x, { p: number });
/** y = min(x, number). */
export const minimumOf = (x: Tensor, number: number): Tensor => minimumOp(x, { p: number });
/** y = number / x. */
export const inverse = (x: Tensor, number = 1): Tensor => inverseOp(x, { p: number });
