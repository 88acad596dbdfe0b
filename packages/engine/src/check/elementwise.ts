/**
 * @file The float64 reference of each elementwise function and of its derivative, over all of f32, and the
 * error allowed to the kernels in ulp.
 */
import { div, maximum, minimum, mul } from '../ops/elementwise/binary.ts';
import { swiglu } from '../ops/elementwise/swiglu.ts';
import {
  abs,
  affine,
  ceil,
  clamp,
  cos,
  elu,
  erf as erfOp,
  exp,
  expm1,
  floor,
  gelu,
  geluTanh,
  leakyRelu,
  log,
  log1p,
  neg,
  pow,
  quickGelu,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  tanh,
} from '../ops/elementwise/unary.ts';
import { ones } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface ElementwiseFunction {
  readonly name: string;
  readonly run: (x: Tensor) => Tensor;
  readonly f: (x: number) => number;
  readonly slope: (x: number) => number;
  /** Largest error in ulp of f32. */
  readonly forwardUlp: number;
  readonly slopeUlp: number;
  /**
   * Where the derivative passes through 0 between f32 numbers: from `low` to `high` its error is measured in ulp of
   * `scale`, the size of its larger terms, since in ulp of its own it is unbounded there.
   */
  readonly slopeZero?: { readonly low: number; readonly high: number; readonly scale: number };
  /** Left out for step functions and clamps, whose NaN other tests cover. */
  readonly atNaN: boolean;
  /** Smaller numbers are left out: a composed function loses what its parts have below 2^-126. */
  readonly lowest?: number;
}

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);
const ROOT_2_PI = Math.sqrt(2 * Math.PI);

/** erfc of t from 0 on, to 1e-14 of itself: the series of erf, from 1.5 on a continued fraction. */
function erfc(t: number): number {
  if (t === Infinity) return 0;
  if (t < 1.5) return 1 - erf(t);
  let tail = 0;
  for (let k = 100; k >= 1; k--) tail = k / 2 / (t + tail);
  return Math.exp(-t * t) / ((t + tail) * Math.sqrt(Math.PI));
}

function erf(x: number): number {
  const t = Math.abs(x);
  if (t >= 1.5) return Math.sign(x) * (1 - erfc(t));
  let sum = 0;
  let term = x;
  for (let n = 0; n < 40; n++) {
    sum += term / (2 * n + 1);
    term *= (-x * x) / (n + 1);
  }
  return Math.abs(x) < 1e-20 ? x * TWO_OVER_ROOT_PI : TWO_OVER_ROOT_PI * sum;
}

/** Φ, the normal distribution. */
const normal = (x: number): number => (x < 0 ? 0.5 * erfc(-x / Math.SQRT2) : 1 - 0.5 * erfc(x / Math.SQRT2));
const density = (x: number): number => Math.exp((-x * x) / 2) / ROOT_2_PI;
const logistic = (z: number): number => (z < 0 ? Math.exp(z) / (1 + Math.exp(z)) : 1 / (1 + Math.exp(-z)));
/** x · y, where an infinite x meets what has vanished: 0 from below, x from above. */
const gate = (x: number, share: number): number => (x === -Infinity ? -0 : x === Infinity ? Infinity : x * share);
const gateSlope = (z: number, w: number): number =>
  z < -800 ? -0 : z > 800 ? 1 : logistic(z) * (1 + w * logistic(-z));
const square = (v: number): number => v * v;
const tanhArgument = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const sech2 = (x: number): number => square((2 * Math.exp(-Math.abs(x))) / (1 + Math.exp(-2 * Math.abs(x))));
const softplusOf = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** JavaScript's ** says NaN for 1 and -1 to ±∞, where C, and so PyTorch, say 1. */
const power = (x: number, n: number): number => (Math.abs(x) === 1 && Math.abs(n) === Infinity ? 1 : x ** n);
const evenRound = (x: number): number =>
  Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.sign(x) * Math.round(Math.abs(x));
const step = (x: number): number => (x > 0 ? 1 : 0);
/** The derivative of a choice, which is 1 at NaN too: what was chosen passes the gradient on. */
const chosen = (x: number): number => (x <= 0 ? 0 : 1);
const none = (): number => 0;

const entry = (
  name: string,
  run: ElementwiseFunction['run'],
  f: (x: number) => number,
  slope: (x: number) => number,
  [forwardUlp, slopeUlp]: readonly [number, number],
  slopeZero?: ElementwiseFunction['slopeZero'],
): ElementwiseFunction => ({
  name,
  run,
  f,
  slope,
  forwardUlp,
  slopeUlp,
  atNaN: true,
  ...(slopeZero ? { slopeZero } : {}),
});

/** Functions whose value or derivative has a step. */
const stepped = (...args: Parameters<typeof entry>): ElementwiseFunction => ({ ...entry(...args) });

const powers = [-2, -1, -0.5, 0, 1 / 3, 0.5, 1.7, 2, 3, 20.25, 101].map((n) =>
  entry(
    `pow(x, ${Number.isInteger(3 * n) && !Number.isInteger(n) ? '1/3' : n})`,
    (x) => pow(x, n),
    (x) => power(x, n),
    (x) => (n === 0 ? 0 : n * power(x, n - 1)),
    [4, 5],
  ),
);

/** Every function of one tensor, and those of two along one of them. */
export const elementwiseFunctions: readonly ElementwiseFunction[] = [
  entry('exp', exp, Math.exp, Math.exp, [2, 2]),
  entry('expm1', expm1, Math.expm1, Math.exp, [4, 2]),
  entry('log', log, Math.log, (x) => 1 / x, [3, 3]),
  entry('log1p', log1p, Math.log1p, (x) => 1 / (1 + x), [4, 4]),
  entry('sqrt', sqrt, Math.sqrt, (x) => 0.5 / Math.sqrt(x), [3, 5]),
  entry(
    'rsqrt',
    rsqrt,
    (x) => 1 / Math.sqrt(x),
    (x) => -0.5 * (1 / Math.sqrt(x)) ** 3,
    [3, 10],
  ),
  ...powers,
  entry('sin', sin, Math.sin, Math.cos, [3, 3]),
  entry('cos', cos, Math.cos, (x) => -Math.sin(x), [3, 3]),
  entry('tanh', tanh, Math.tanh, sech2, [5, 6]),
  entry('sigmoid', sigmoid, logistic, (x) => logistic(x) * logistic(-x), [5, 7]),
  entry('softplus', softplus, softplusOf, logistic, [5, 5]),
  entry('erf', erfOp, erf, (x) => TWO_OVER_ROOT_PI * Math.exp(-x * x), [4, 4]),
  entry(
    'gelu',
    gelu,
    (x) => gate(x, normal(x)),
    (x) => (Math.abs(x) === Infinity ? step(x) : normal(x) + x * density(x)),
    [7, 8],
    { low: -1, high: -0.5, scale: 0.25 },
  ),
  entry(
    'geluTanh',
    geluTanh,
    (x) => gate(x, logistic(tanhArgument(x))),
    (x) => gateSlope(tanhArgument(x), x * 2 * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x * x)),
    [6, 8],
    { low: -1, high: -0.5, scale: 0.25 },
  ),
  entry(
    'quickGelu',
    quickGelu,
    (x) => gate(x, logistic(1.702 * x)),
    (x) => gateSlope(1.702 * x, 1.702 * x),
    [6, 8],
    { low: -1, high: -0.5, scale: 0.25 },
  ),
  entry(
    'silu',
    silu,
    (x) => gate(x, logistic(x)),
    (x) => gateSlope(x, x),
    [6, 8],
    { low: -1.6, high: -1, scale: 0.25 },
  ),
  entry(
    'swiglu, up = 1',
    (x) => swiglu(x, ones(x.gpu, x.shape)),
    (x) => gate(x, logistic(x)),
    (x) => gateSlope(x, x),
    [6, 8],
    { low: -1.6, high: -1, scale: 0.25 },
  ),
  entry(
    'elu',
    (x) => elu(x, 1.5),
    (x) => (x > 0 ? x : 1.5 * Math.expm1(x)),
    (x) => (x > 0 ? 1 : 1.5 * Math.exp(x)),
    [5, 4],
  ),
  stepped(
    'leakyRelu',
    (x) => leakyRelu(x, 0.125),
    (x) => (x > 0 ? x : 0.125 * x),
    (x) => (x > 0 ? 1 : 0.125),
    [1, 0],
  ),
  {
    ...entry(
      'mish, composed',
      (x) => mul(x, tanh(softplus(x))),
      (x) => x * Math.tanh(softplusOf(x)),
      (x) =>
        Math.abs(x) === Infinity
          ? NaN
          : x < -800
            ? 0
            : x > 800
              ? 1
              : Math.tanh(softplusOf(x)) + x * sech2(softplusOf(x)) * logistic(x),
      [16, 24],
      { low: -1.6, high: -0.9, scale: 0.25 },
    ),
    lowest: -86,
  },
  stepped('relu', relu, (x) => Math.max(x, 0), chosen, [0, 0]),
  stepped('abs', abs, Math.abs, (x) => step(x) - step(-x), [0, 0]),
  entry(
    'neg',
    neg,
    (x) => -x,
    () => -1,
    [0, 0],
  ),
  entry(
    'affine(x, 3)',
    (x) => affine(x, 3),
    (x) => 3 * x,
    () => 3,
    [1, 0],
  ),
  stepped(
    'maximum(x, 1)',
    (x) => maximum(x, 1),
    (x) => Math.max(x, 1),
    (x) => (x === 1 ? 0.5 : chosen(x - 1)),
    [0, 0],
  ),
  stepped(
    'minimum(x, 1)',
    (x) => minimum(x, 1),
    (x) => Math.min(x, 1),
    (x) => (x === 1 ? 0.5 : chosen(1 - x)),
    [0, 0],
  ),
  stepped(
    'clamp(x, -1, 1)',
    (x) => clamp(x, -1, 1),
    (x) => Math.min(Math.max(x, -1), 1),
    (x) => (Math.abs(x) < 1 ? 1 : 0),
    [0, 0],
  ),
  entry(
    '3 / x',
    (x) => div(3, x),
    (x) => 3 / x,
    (x) => -3 / x / x,
    [3, 6],
  ),
  entry(
    'x / 3e38',
    (x) => div(x, 3e38),
    (x) => x / Math.fround(3e38),
    () => 1 / Math.fround(3e38),
    [3, 3],
  ),
  entry(
    'x / 3',
    (x) => div(x, 3),
    (x) => x / 3,
    () => 1 / 3,
    [3, 3],
  ),
  entry(
    'a / x, a = 1',
    (x) => div(ones(x.gpu, x.shape), x),
    (x) => 1 / x,
    (x) => -1 / x / x,
    [3, 6],
  ),
  entry('floor', floor, Math.floor, none, [0, 0]),
  entry('ceil', ceil, Math.ceil, none, [0, 0]),
  entry('round', round, evenRound, none, [0, 0]),
  stepped('sign', sign, (x) => (Number.isNaN(x) ? NaN : step(x) - step(-x)), none, [0, 0]),
];
