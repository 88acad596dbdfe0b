import { defineCases } from '../../truth/cases.ts';
import type { OpCases } from '../../truth/cases.ts';
import { Array64, erf, setApart } from '../../truth/oracle.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  abs,
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
} from './unary.ts';

const map = (x: Array64, f: (v: number) => number): Array64 => new Array64(x.shape, x.data.map(f));

/** Cases of a function of one tensor; `range` is where it is defined and smooth. */
function unary(
  op: string,
  run: (x: Tensor) => Tensor,
  f: (v: number) => number,
  range: readonly [number, number] = [-4, 4],
  large: readonly number[] = [],
  adjust?: typeof setApart,
): OpCases {
  const cases = [[1], [31], [33], [4, 257], [0, 3]].map((shape) => ({ inputs: [{ shape, range }], adjust }));
  return defineCases({
    op,
    run: ([x]) => run(x!),
    reference: ([x]) => map(x!, f),
    cases: [
      ...cases,
      { label: 'NaN', inputs: [{ shape: [5], values: [NaN, range[1], NaN, range[1], NaN], needsGrad: false }] },
      { inputs: [{ shape: [5, 12], range, strided: true }], adjust },
      ...(large.length
        ? [{ label: 'large magnitudes', inputs: [{ shape: [large.length], values: large.map(Math.fround) }] }]
        : []),
    ],
    bench: [
      {
        label: 'MLP of CLIP ViT-L/14-336: 577 tokens of width 4096',
        inputs: [{ shape: [577, 4096], range }],
        bytes: 8 * 577 * 4096,
      },
    ],
  });
}

const logistic = (v: number): number => 1 / (1 + Math.exp(-v));
const FAR = [-200, -90, -30, -12, 12, 30, 90, 200];
const positive = [0.1, 4] as const;

export const negCases = unary('neg', neg, (v) => -v);
export const expCases = unary('exp', exp, Math.exp, [-4, 4], [-200, -90, -30, 10]);
export const expm1Cases = unary('expm1', expm1, Math.expm1, [-4, 4], [-200, -90, -30, -1e-6, 1e-6, 10]);
export const log1pCases = unary('log1p', log1p, Math.log1p, [-0.9, 4], [-0.5, 0, 1e-3, 1000, 1e6]);
export const logCases = unary('log', log, Math.log, positive);
export const sqrtCases = unary('sqrt', sqrt, Math.sqrt, positive);
export const rsqrtCases = unary('rsqrt', rsqrt, (v) => 1 / Math.sqrt(v), positive);
export const absCases = unary('abs', abs, Math.abs, [-4, 4], [], setApart);
export const tanhCases = unary('tanh', tanh, Math.tanh, [-4, 4], FAR);
export const sigmoidCases = unary('sigmoid', sigmoid, logistic, [-4, 4], FAR);
export const reluCases = unary('relu', relu, (v) => Math.max(v, 0), [-4, 4], [], setApart);
export const geluCases = unary('gelu', gelu, (v) => 0.5 * v * (1 + erf(v / Math.SQRT2)), [-4, 4], FAR);
export const geluTanhCases = unary(
  'geluTanh',
  geluTanh,
  (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
  [-4, 4],
  FAR,
);
export const quickGeluCases = unary('quickGelu', quickGelu, (v) => v * logistic(1.702 * v), [-4, 4], FAR);
export const siluCases = unary('silu', silu, (v) => v * logistic(v), [-4, 4], FAR);
export const sinCases = unary('sin', sin, Math.sin, [-7, 7], [-900.3, -50, 0, 31.4, 100, 2000.7]);
export const cosCases = unary('cos', cos, Math.cos, [-7, 7], [-900.3, -50, 0, 31.4, 100, 2000.7]);
export const erfCases = unary('erf', erfOp, erf, [-4, 4], [-30, -5, 5, 30]);
export const softplusCases = unary(
  'softplus',
  softplus,
  (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
  [-4, 4],
  FAR,
);
export const eluCases = unary(
  'elu',
  (x) => elu(x, 1.5),
  (v) => (v > 0 ? v : 1.5 * Math.expm1(v)),
  [-4, 4],
  FAR,
  setApart,
);
export const leakyReluCases = unary(
  'leakyRelu',
  (x) => leakyRelu(x, 0.1),
  (v) => (v > 0 ? v : 0.1 * v),
  [-4, 4],
  [],
  setApart,
);
/** Spaced values lie at odd multiples of 0.005, so none is at a discontinuity. */
export const clampCases = unary(
  'clamp',
  (x) => clamp(x, -0.1, 0.15),
  (v) => Math.min(Math.max(v, -0.1), 0.15),
  [-4, 4],
  [],
  setApart,
);

/** Step functions, at points away from the steps. */
const steps = (op: string, run: (x: Tensor) => Tensor, f: (v: number) => number): OpCases =>
  defineCases({
    op,
    run: ([x]) => run(x!),
    reference: ([x]) => map(x!, f),
    cases: [
      { label: 'special values', inputs: [{ shape: [3], values: [NaN, Infinity, -Infinity], needsGrad: false }] },
      { inputs: [{ shape: [10], values: [-2.7, -1.2, -0.9, -0.25, 0.25, 0.75, 1.2, 2.7, 7.4, 100.75] }] },
    ],
  });

export const floorCases = steps('floor', floor, Math.floor);
export const ceilCases = steps('ceil', ceil, Math.ceil);
export const roundCases = steps('round', round, Math.round);
export const signCases = steps('sign', sign, Math.sign);

export const powCases = defineCases<{ exponent: number }>({
  op: 'pow',
  run: ([x], { exponent }) => pow(x!, exponent),
  reference: ([x], { exponent }) => map(x!, (v) => v ** exponent),
  cases: [
    { label: 'exponent 0 at 0', inputs: [{ shape: [3], values: [0, 0, 2] }], attrs: { exponent: 0 } },
    ...[0, 1, 2, 3, -1, 0.5].map((exponent) => ({
      label: `NaN, exponent ${exponent}`,
      inputs: [{ shape: [3], values: [NaN, 1, NaN], needsGrad: false }],
      attrs: { exponent },
    })),
    ...[0, 1, 2, 3].map((exponent) => ({ label: `exponent ${exponent}`, inputs: [[33]], attrs: { exponent } })),
    ...[-2, -1, 0.5, 1.7].map((exponent) => ({
      label: `exponent ${exponent}`,
      inputs: [{ shape: [33], range: [0.5, 3] as const }],
      attrs: { exponent },
    })),
  ],
});
