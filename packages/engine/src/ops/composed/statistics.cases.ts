import { defineCases } from '../../truth/cases.ts';
import type { Case } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import { special } from '../../truth/special.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { binaryCrossEntropyWithLogits, l1Loss, mseLoss } from './losses.ts';
import { groupNorm } from './group-norm.ts';
import { logSumExp, std, variance } from './statistics.ts';
import type { VarianceOptions } from './statistics.ts';

const average = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
const spread = (values: Float64Array, correction = 1): number =>
  values.reduce((sum, v) => sum + (v - average(values)) ** 2, 0) / (values.length - correction);

/** A reduction of the last axis, or of everything. */
const reduction = (
  op: string,
  run: (x: Tensor, options: VarianceOptions) => Tensor,
  f: (row: Float64Array, correction?: number) => number,
  options: VarianceOptions = {},
  extra: readonly Case<VarianceOptions>[] = [],
) =>
  defineCases<VarianceOptions>({
    op,
    run: ([x], attrs) => run(x!, attrs),
    reference: ([x], { axis, keepDims, correction }) => {
      if (axis === undefined) return new Array64([], [f(x!.data, correction)]);
      const cols = x!.shape.at(-1)!;
      const rows = Array.from({ length: x!.data.length / cols }, (_, r) =>
        f(x!.data.subarray(r * cols, (r + 1) * cols), correction),
      );
      return new Array64([...x!.shape.slice(0, -1), ...(keepDims ? [1] : [])], rows);
    },
    cases: [
      { inputs: [[33]], attrs: {} },
      { inputs: [[3, 7]], attrs: { axis: -1, ...options } },
      { inputs: [[2, 5, 12]], attrs: { axis: -1, keepDims: true } },
      ...extra,
    ],
  });

/** Rows of 12 at scales where squares underflow or overflow in f32. */
const scales = (...all: number[]): Case<VarianceOptions>[] =>
  all.map((scale) => ({
    label: `elements of ${scale}`,
    inputs: [
      {
        shape: [1, 12],
        values: Array.from({ length: 12 }, (_, c) => Math.fround((scale * ((c * 7) % 5)) / 4)),
        needsGrad: false,
      },
    ],
    attrs: { axis: -1 },
  }));

export const varianceCases = reduction('variance', variance, spread, { correction: 0 }, scales(1e-15, 1e18, 2e19));
export const stdCases = reduction(
  'std',
  std,
  (row, correction) => Math.sqrt(spread(row, correction)),
  {},
  scales(1e-38, 1e-25, 1e-15, 1e18, 1e25, 2e37),
);
const logSumExpOf = (row: Float64Array): number => {
  const top = Math.max(...row);
  return Number.isFinite(top) ? top + Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)) : top;
};
const logSumExpTable = reduction('logSumExp', logSumExp, logSumExpOf);
export const logSumExpCases = {
  ...logSumExpTable,
  cases: [
    ...logSumExpTable.cases,
    ...[1, 2, 9, 36].map((n) => ({ label: `special values, rows of ${n}`, inputs: [special(n)], attrs: { axis: -1 } })),
  ],
};

const loss = (
  op: string,
  run: (x: Tensor, target: Tensor) => Tensor,
  f: (x: number, target: number) => number,
  targets: readonly [number, number],
) =>
  defineCases({
    op,
    run: ([x, target]) => run(x!, target!),
    reference: ([x, target]) => new Array64([], [average(x!.data.map((v, i) => f(v, target!.data[i]!)))]),
    cases: [
      { inputs: [[37], { shape: [37], range: targets }] },
      { inputs: [[4, 9], { shape: [4, 9], range: targets, needsGrad: false }] },
    ],
  });

export const mseLossCases = loss('mseLoss', mseLoss, (x, t) => (x - t) ** 2, [-2, 2]);
export const l1LossCases = loss('l1Loss', l1Loss, (x, t) => Math.abs(x - t), [6, 9]);
export const binaryCrossEntropyCases = loss(
  'binaryCrossEntropyWithLogits',
  binaryCrossEntropyWithLogits,
  (x, t) => t * Math.log1p(Math.exp(-x)) + (1 - t) * Math.log1p(Math.exp(x)),
  [0, 1],
);

export const groupNormCases = defineCases<number>({
  op: 'groupNorm',
  run: ([x, weight, bias], groups) => groupNorm(x!, groups, weight!, bias!),
  reference([x, weight, bias], groups) {
    const [batch, channels] = x!.shape as [number, number];
    const size = x!.data.length / (batch * groups);
    const y = new Array64(x!.shape);
    for (let i = 0; i < y.data.length; i++) {
      const group = x!.data.subarray(Math.floor(i / size) * size, (Math.floor(i / size) + 1) * size);
      const c = Math.floor(i / (y.data.length / (batch * channels))) % channels;
      y.data[i] =
        ((x!.data[i]! - average(group)) / Math.sqrt(spread(group, 0) + 1e-5)) * weight!.data[c]! + bias!.data[c]!;
    }
    return y;
  },
  cases: [
    { inputs: [[2, 6, 3, 5], [6], [6]], attrs: 3 },
    { inputs: [[3, 4, 7], [4], [4]], attrs: 4 },
    { inputs: [[2, 8], [8], [8]], attrs: 1 },
  ],
});
