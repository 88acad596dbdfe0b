import { defineCases } from '../../truth/cases.ts';
import type { Case, InputSpec, OpCases } from '../../truth/cases.ts';
import { Array64, build, setApart } from '../../truth/oracle.ts';
import { special, specialColumns } from '../../truth/special.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { cumsum } from './cumsum.ts';
import { norm } from './norm.ts';
import { reduceColumnsVariants, reduceRowsVariants } from '../parts/reduce.ts';
import { argmax, argmin, max, mean, min, sum } from './reductions.ts';
import type { ReduceOptions } from './reductions.ts';

/** f over the reduced axes, for each coordinate of the remaining ones. */
function reduce(x: Array64, { axis, keepDims }: ReduceOptions, f: (values: number[]) => number): Array64 {
  const rank = x.shape.length;
  const gone =
    axis === undefined
      ? x.shape.map((_, i) => i)
      : (typeof axis === 'number' ? [axis] : [...axis]).map((k) => (k < 0 ? k + rank : k));
  const kept = x.shape.map((n, i) => (gone.includes(i) ? 1 : n));
  const groups = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  let i = 0;
  build(x.shape, (...at) => {
    const group = at.reduce((sum, c, k) => sum * kept[k]! + (kept[k] === 1 ? 0 : c), 0);
    groups[group]!.push(x.data[i++]!);
    return 0;
  });
  return new Array64(keepDims ? kept : kept.filter((_, k) => !gone.includes(k)), groups.map(f));
}

const CASES: readonly Case<ReduceOptions>[] = [
  { label: 'all, 1 element', inputs: [[1]], attrs: {} },
  { label: 'all, 33 elements', inputs: [[33]], attrs: {} },
  { label: 'last axis, odd', inputs: [[3, 31]], attrs: { axis: -1 } },
  { label: 'last axis, in vec4s', inputs: [[65, 36]], attrs: { axis: -1 } },
  { label: 'last axis, kept', inputs: [[2, 3, 12]], attrs: { axis: -1, keepDims: true } },
  { label: 'first axis, odd', inputs: [[37, 7]], attrs: { axis: 0 } },
  { label: 'first axis, in vec4s', inputs: [[37, 12]], attrs: { axis: 0 } },
  { label: 'middle axis', inputs: [[3, 19, 8]], attrs: { axis: 1 } },
  { label: 'two separate axes', inputs: [[3, 5, 2, 7]], attrs: { axis: [0, 2] } },
  { label: 'two adjacent axes, kept', inputs: [[3, 5, 2, 7]], attrs: { axis: [1, 2], keepDims: true } },
  {
    label: 'two passes over rows',
    inputs: [[2, 4100]],
    attrs: { axis: 1 },
    tolerance: {
      factor: 10,
      reason: 'partial sums of thousands of terms are ten times as large as a sum that cancels',
    },
  },
  { label: 'two passes over an odd row', inputs: [[4099]], attrs: {}, tolerance: { factor: 10, reason: 'as above' } },
  { label: 'two passes over columns', inputs: [[131, 4]], attrs: { axis: 0 } },
  { label: 'strided', inputs: [{ shape: [6, 10], strided: true }], attrs: { axis: -1 } },
];

/** Gradients of min and max are checked where no two elements are nearly equal. */
const APART = CASES.map((c) => ({ ...c, adjust: setApart }));

/** Along rows and columns, with and without vec4s, in one pass and in two. */
const SPECIAL: readonly Case<ReduceOptions>[] = [1, 2, 4, 8, 33, 132, 4100].flatMap((n) => [
  { label: `special values, rows of ${n}`, inputs: [special(n)], attrs: { axis: -1 } },
  { label: `special values, columns of ${n}`, inputs: [specialColumns(n)], attrs: { axis: 0 } },
  {
    label: `special values, odd columns of ${n}`,
    inputs: [specialColumns(n, ['all -∞', 'one NaN', 'all ∞'])],
    attrs: { axis: 0 },
  },
]);

const EMPTY: readonly Case<ReduceOptions>[] = [
  { label: 'no rows', inputs: [[0, 5]], attrs: { axis: -1 } },
  { label: 'no elements', inputs: [[3, 0]], attrs: { axis: -1 } },
];

const reduction = (
  op: string,
  run: (x: Tensor, options: ReduceOptions) => Tensor,
  f: (values: number[]) => number,
  cases: readonly Case<ReduceOptions>[],
): OpCases<ReduceOptions> =>
  defineCases<ReduceOptions>({
    op,
    run: ([x], options) => run(x!, options),
    reference: ([x], options) => reduce(x!, options, f),
    families: { reduceRows: reduceRowsVariants, reduceColumns: reduceColumnsVariants },
    cases,
    bench: [
      {
        label: 'gradient of a bias: 16384 tokens of width 1024',
        inputs: [[16384, 1024]],
        attrs: { axis: 0 },
        bytes: 4 * 16384 * 1024,
      },
      {
        label: 'each of 16384 tokens of width 1024',
        inputs: [[16384, 1024]],
        attrs: { axis: 1 },
        bytes: 4 * 16384 * 1024,
      },
      { label: '64 MB as one sum', inputs: [[1 << 24]], attrs: {}, bytes: 4 << 24 },
    ],
  });

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);

/** Sums of the lowest number overflow only in f32. */
const FINITE_SUMS = [4, 33, 4100].map((n) => ({
  label: `special values, rows of ${n}`,
  inputs: [special(n, ['all -∞', 'one finite', 'one NaN', 'all ∞', 'some ∞'])],
  attrs: { axis: -1 },
}));

export const sumCases = reduction('sum', sum, total, [...CASES, ...EMPTY, ...FINITE_SUMS]);
export const meanCases = reduction('mean', mean, (values) => total(values) / values.length, CASES);
export const maxCases = reduction('max', max, (values) => Math.max(...values), [...APART, ...SPECIAL]);
export const minCases = reduction('min', min, (values) => Math.min(...values), [...APART, ...SPECIAL]);

/** Scales whose squares underflow, lose digits or overflow; one per case, as errors are relative to the largest. */
const SCALES = [1e-38, 1e-30, 1e-20, 1e-12, 1e15, 1e19, 1e25, 1e36];
const row = (n: number, scale: number): InputSpec => ({
  shape: [1, n],
  values: Array.from({ length: n }, (_, c) => Math.fround((scale * (1 + (c % 3))) / 4)),
  needsGrad: false,
});

/** Rows whose norm is infinite or NaN in float64 too. */
const ENDLESS = ['all -∞', 'one finite', 'one NaN', 'NaN last', 'all ∞', 'some ∞'];
/** Math.hypot returns ∞ if there is an infinity, even with a NaN. */
const normOf = (values: number[]): number => (values.some(Number.isNaN) ? NaN : Math.hypot(...values));
const normTable = reduction('norm', norm, normOf, CASES);
export const normCases: OpCases<ReduceOptions> = {
  ...normTable,
  families: {},
  cases: [
    ...normTable.cases,
    ...[1, 3, 36, 4100].flatMap((n) => [
      ...SCALES.map((scale) => ({
        label: `rows of ${n} times ${scale}`,
        inputs: [row(n, scale)],
        attrs: { axis: -1 },
      })),
      { label: `special values, rows of ${n}`, inputs: [special(n, ENDLESS)], attrs: { axis: -1 } },
      { label: `special values, columns of ${n}`, inputs: [specialColumns(n, ENDLESS)], attrs: { axis: 0 } },
    ]),
    { label: 'no elements', inputs: [[3, 0]], attrs: { axis: -1 } },
    { label: 'axes of size 1', inputs: [[3, 1, 1]], attrs: { axis: [1, 2] } },
  ],
};

const arg = (
  op: string,
  run: (x: Tensor, options: { axis: number; keepDims?: boolean }) => Tensor,
  best: (values: number[]) => number,
) =>
  defineCases<{ axis: number; keepDims?: boolean }>({
    op,
    run: ([x], options) => run(x!, options),
    reference: ([x], options) =>
      reduce(x!, options, (values) =>
        values.some(Number.isNaN) ? values.findIndex(Number.isNaN) : values.indexOf(best(values)),
      ),
    differentiable: false,
    cases: [
      { inputs: [[1, 1]], attrs: { axis: -1 } },
      { inputs: [[7, 33]], attrs: { axis: -1 } },
      { inputs: [[7, 33]], attrs: { axis: 0, keepDims: true } },
      { inputs: [[2, 5, 3]], attrs: { axis: 1 } },
      { label: 'special values', inputs: [special(9)], attrs: { axis: -1 } },
      { label: 'zeros of both signs', inputs: [{ shape: [2, 2], values: [-0, 0, 0, -0] }], attrs: { axis: -1 } },
      {
        label: 'ties: the first',
        inputs: [{ shape: [2, 4], values: [1, 3, 3, 1, 2, 2, 2, 2] }],
        attrs: { axis: -1 },
      },
    ],
  });

export const argmaxCases = arg('argmax', argmax, (values) => Math.max(...values));
export const argminCases = arg('argmin', argmin, (values) => Math.min(...values));

export const cumsumCases = defineCases<{ axis: number }>({
  op: 'cumsum',
  run: ([x], options) => cumsum(x!, options),
  reference: ([x], { axis }) =>
    build(x!.shape, (...at) =>
      total(
        Array.from({ length: at.at(axis)! + 1 }, (_, j) =>
          x!.at(...at.map((c, k) => (k === (axis + at.length) % at.length ? j : c))),
        ),
      ),
    ),
  cases: [
    { inputs: [[1]], attrs: { axis: -1 } },
    { inputs: [[3, 31]], attrs: { axis: -1 } },
    { inputs: [[3, 9, 5]], attrs: { axis: 1 } },
    { inputs: [[4, 66]], attrs: { axis: 0 } },
  ],
});
