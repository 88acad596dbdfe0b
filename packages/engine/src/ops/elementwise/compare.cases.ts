import { defineCases } from '../../truth/cases.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { Array64, broadcast, mapRows } from '../../truth/oracle.ts';
import { all, any, eq, ge, gt, le, logicalAnd, logicalNot, logicalOr, logicalXor, lt, ne } from './compare.ts';
import { where } from './where.ts';

const compare = (op: string, run: (a: Tensor, b: Tensor) => Tensor, f: (a: number, b: number) => boolean) =>
  defineCases({
    op,
    run: ([a, b]) => run(a!, b!),
    reference: ([a, b]) => broadcast([a!, b!], (u, v) => Number(f(u, v))),
    differentiable: false,
    cases: [
      ...(['i32', 'u32'] as DType[]).map((dtype) => ({
        label: dtype,
        inputs: [
          { shape: [9, 13], dtype },
          { shape: [13], dtype },
        ],
      })),
      {
        label: 'f32 with ties',
        inputs: [
          { shape: [4], values: [1, 2, 3, 4] },
          { shape: [4], values: [2, 2, 3, 1] },
        ],
      },
      {
        label: 'NaN and infinities',
        inputs: [
          { shape: [6, 1], values: [NaN, 1, Infinity, -Infinity, 0, -0] },
          { shape: [6], values: [NaN, 1, Infinity, -Infinity, 0, -0] },
        ],
      },
      {
        label: 'integers with the bits of NaN',
        inputs: [
          { shape: [3], dtype: 'i32', values: [0x7fc00000, -1, 5] },
          { shape: [3], dtype: 'i32', values: [0x7fc00000, -1, 6] },
        ],
      },
      {
        label: 'both broadcast',
        inputs: [
          [4, 1, 3],
          [5, 1],
        ],
      },
      { inputs: [[0], [1]] },
    ],
  });

export const eqCases = compare('eq', eq, (a, b) => a === b);
export const neCases = compare('ne', ne, (a, b) => a !== b);
export const ltCases = compare('lt', lt, (a, b) => a < b);
export const leCases = compare('le', le, (a, b) => a <= b);
export const gtCases = compare('gt', gt, (a, b) => a > b);
export const geCases = compare('ge', ge, (a, b) => a >= b);

const logic = (op: string, run: (a: Tensor, b: Tensor) => Tensor, f: (a: boolean, b: boolean) => boolean) =>
  defineCases({
    op,
    run: ([a, b]) => run(a!, b!),
    reference: ([a, b]) => broadcast([a!, b!], (u, v) => Number(f(u !== 0, v !== 0))),
    differentiable: false,
    cases: [
      {
        inputs: [
          { shape: [9, 13], dtype: 'bool' },
          { shape: [13], dtype: 'bool' },
        ],
      },
      {
        inputs: [
          { shape: [4, 1], dtype: 'bool' },
          { shape: [3], dtype: 'bool' },
        ],
      },
    ],
  });

export const logicalAndCases = logic('logicalAnd', logicalAnd, (a, b) => a && b);
export const logicalOrCases = logic('logicalOr', logicalOr, (a, b) => a || b);
export const logicalXorCases = logic('logicalXor', logicalXor, (a, b) => a !== b);
export const logicalNotCases = logic(
  'logicalNot',
  (a, b) => logicalAnd(logicalNot(a), eq(b, b)),
  (a) => !a,
);

const quantifier = (
  op: string,
  run: (x: Tensor, options: { axis: number }) => Tensor,
  f: (row: Float64Array) => boolean,
) =>
  defineCases({
    op,
    run: ([x]) => run(x!, { axis: -1 }),
    reference: ([x]) =>
      new Array64(
        [x!.shape[0]!],
        [...mapRows(x!, (row) => row.map(() => Number(f(row)))).data].filter((_, i) => i % x!.shape[1]! === 0),
      ),
    differentiable: false,
    cases: [
      { inputs: [{ shape: [4, 3], dtype: 'bool', values: [0, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0] }] },
      { inputs: [{ shape: [3, 2], values: [0, -0.5, 0, -0, 0, NaN] }] },
      { inputs: [{ shape: [33, 2], dtype: 'i32', range: [-1, 2] }] },
    ],
  });

export const anyCases = quantifier('any', any, (row) => row.some((v) => v !== 0));
export const allCases = quantifier('all', all, (row) => row.every((v) => v !== 0));

const cond = (shape: readonly number[]) => ({ shape, dtype: 'bool' as const });

export const whereCases = defineCases({
  op: 'where',
  run: ([c, a, b]) => where(c!, a!, b!),
  reference: (inputs) =>
    broadcast(
      inputs.map((x) => x!),
      (c, a, b) => (c ? a : b),
    ),
  cases: [
    { inputs: [cond([33]), [33], [33]] },
    { label: 'condition broadcast', inputs: [cond([5, 1]), [5, 9], [5, 9]] },
    { label: 'scalar on the right', inputs: [cond([3, 17]), [3, 17], []] },
    { label: 'all broadcast', inputs: [cond([2, 1, 1]), [3, 1], [5]] },
    { label: 'four axes, copied first', inputs: [cond([2, 1, 3, 1]), [1, 4, 1, 5], [2, 1, 1, 5]] },
    { inputs: [cond([0]), [0], [1]] },
  ],
});
