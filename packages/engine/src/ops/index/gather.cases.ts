import { defineCases } from '../../truth/cases.ts';
import { Array64, build, mapRows, setApart } from '../../truth/oracle.ts';
import { adaptiveAvgPool1d } from '../window/adaptive-avg-pool1d.ts';
import { gather, scatterAdd } from './gather.ts';
import { LOWEST } from '../../truth/special.ts';
import { topk } from './topk.ts';

const index = (shape: readonly number[], n: number) => ({ shape, dtype: 'i32' as const, range: [0, n] as const });

export const gatherCases = defineCases<{ axis: number }>({
  op: 'gather',
  run: ([x, i], { axis }) => gather(x!, i!, { axis }),
  reference: ([x, i], { axis }) =>
    build(i!.shape, (...at) => {
      const row = i!.at(...at);
      return row >= 0 && row < x!.shape[axis]! ? x!.at(...at.map((c, k) => (k === axis ? row : c))) : 0;
    }),
  cases: [
    { inputs: [[7], index([31], 7)], attrs: { axis: 0 } },
    { inputs: [[5, 3], index([9, 3], 5)], attrs: { axis: 0 } },
    { inputs: [[2, 6, 3], index([2, 4, 3], 6)], attrs: { axis: 1 } },
    { inputs: [[33, 8], index([33, 2], 8)], attrs: { axis: 1 } },
    {
      label: 'out of range',
      inputs: [[3], { shape: [4], dtype: 'i32', values: [-1, 2, 3, 0], onDevice: true }],
      attrs: { axis: 0 },
    },
  ],
});

export const scatterAddCases = defineCases<{ axis: number }>({
  op: 'scatterAdd',
  run: ([x, i, values], { axis }) => scatterAdd(x!, i!, values!, { axis }),
  reference([x, i, values], { axis }) {
    const y = new Array64(x!.shape, x!.data);
    build(i!.shape, (...at) => {
      const to = at.map((c, k) => (k === axis ? i!.at(...at) : c));
      if (to[axis]! >= 0 && to[axis]! < x!.shape[axis]!) y.set(y.at(...to) + values!.at(...at), ...to);
      return 0;
    });
    return y;
  },
  cases: [
    { inputs: [[7], index([31], 7), [31]], attrs: { axis: 0 } },
    { inputs: [[5, 3], index([9, 3], 5), [9, 3]], attrs: { axis: 0 } },
    { inputs: [[2, 6, 3], index([2, 4, 3], 6), [2, 4, 3]], attrs: { axis: 1 } },
    {
      label: 'only the values have a gradient',
      inputs: [{ shape: [5], needsGrad: false }, index([9], 5), [9]],
      attrs: { axis: 0 },
    },
    {
      label: 'out of range',
      inputs: [[3], { shape: [4], dtype: 'i32', values: [-1, 2, 3, 0], onDevice: true }, [4]],
      attrs: { axis: 0 },
    },
  ],
});

export const topkCases = defineCases<{ k: number }>({
  op: 'topk',
  run: ([x], { k }) => topk(x!, k).values,
  reference: ([x], { k }) =>
    new Array64(
      [...x!.shape.slice(0, -1), k],
      [...mapRows(x!, (row) => row.slice().sort((a, b) => b - a)).data].filter((_, i) => i % x!.shape.at(-1)! < k),
    ),
  cases: [
    { inputs: [[1, 1]], attrs: { k: 1 } },
    { inputs: [[5, 33]], attrs: { k: 4 } },
    { inputs: [[2, 3, 8]], attrs: { k: 8 } },
    { inputs: [[130, 7]], attrs: { k: 2 } },
  ].map((c) => ({ ...c, adjust: setApart })),
});

/** NaN sorts above everything; a difference of infinities would be NaN. */
const rank = (v: number): number => (Number.isNaN(v) ? 5e38 : Math.max(-4e38, Math.min(4e38, v)));

/** With ties, only their order shows whether the lowest index comes first. */
export const topkPlacesCases = defineCases<{ k: number }>({
  op: 'topk places',
  run: ([x], { k }) => topk(x!, k).indices,
  reference: ([x], { k }) => {
    const first = mapRows(x!, (row) => Array.from(row.keys()).sort((a, b) => rank(row[b]!) - rank(row[a]!) || a - b));
    return new Array64(
      [x!.shape[0]!, k],
      [...first.data].filter((_, i) => i % x!.shape[1]! < k),
    );
  },
  differentiable: false,
  cases: [
    { label: 'ties', inputs: [{ shape: [2, 4], values: [1, 3, 3, 1, 2, 2, 2, 2] }], attrs: { k: 3 } },
    { label: 'NaN first', inputs: [{ shape: [3, 3], values: [NaN, 1, 2, 1, 2, NaN, NaN, -1, NaN] }], attrs: { k: 3 } },
    {
      label: 'infinities',
      inputs: [{ shape: [2, 3], values: [-Infinity, -Infinity, -Infinity, Infinity, LOWEST, Infinity] }],
      attrs: { k: 3 },
    },
    { label: 'zeros of both signs', inputs: [{ shape: [1, 3], values: [-0, 0, -0] }], attrs: { k: 2 } },
  ],
});

export const adaptiveAvgPool1dCases = defineCases<{ length: number }>({
  op: 'adaptiveAvgPool1d',
  run: ([x], { length }) => adaptiveAvgPool1d(x!, length),
  reference: ([x], { length }) =>
    build([x!.shape[0]!, length, x!.shape[2]!], (b, i, c) => {
      const size = x!.shape[1]!;
      const start = Math.floor((i! * size) / length);
      const end = Math.ceil(((i! + 1) * size) / length);
      let total = 0;
      for (let l = start; l < end; l++) total += x!.at(b!, l, c!);
      return total / (end - start);
    }),
  cases: [
    { inputs: [[2, 9, 4]], attrs: { length: 4 } },
    { inputs: [[1, 7, 3]], attrs: { length: 7 } },
    { inputs: [[2, 31, 5]], attrs: { length: 8 } },
    { label: 'more bins than tokens', inputs: [[1, 3, 2]], attrs: { length: 7 } },
    { inputs: [[1, 64, 33]], attrs: { length: 1 } },
  ],
  bench: [
    {
      label: 'prototypes of SQ-LLaVA: 576 patches to 256 bins',
      inputs: [[8, 576, 1024]],
      attrs: { length: 256 },
      bytes: 4 * 8 * (576 + 256) * 1024,
    },
  ],
});
