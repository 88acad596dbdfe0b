import { defineCases } from '../../truth/cases.ts';
import type { Case } from '../../truth/cases.ts';
import { build, setApart } from '../../truth/oracle.ts';
import type { Array64 } from '../../truth/oracle.ts';
import { conv2d, unfold } from './conv2d.ts';
import type { WindowOptions } from './conv2d.ts';
import { LOWEST } from '../../truth/special.ts';
import { avgPool2d, maxPool2d } from './pool2d.ts';
import type { PoolOptions } from './pool2d.ts';

/** A pixel, 0 outside. */
const pixel = (x: Array64, b: number, c: number, v: number, u: number): number =>
  v >= 0 && u >= 0 && v < x.shape[2]! && u < x.shape[3]! ? x.at(b, c, v, u) : 0;

const count = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

export const unfoldCases = defineCases<WindowOptions>({
  op: 'unfold',
  run: ([x], options) => unfold(x!, options),
  reference([x], { kernel, stride = 1, padding = 0 }) {
    const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
    const [b, c, h, w] = x!.shape as [number, number, number, number];
    const [rows, cols] = [count(h, kh, stride, padding), count(w, kw, stride, padding)];
    return build([b, c * kh * kw, rows * cols], (n, k, l) => {
      const j = k! % kw;
      const i = Math.floor(k! / kw) % kh;
      return pixel(
        x!,
        n!,
        Math.floor(k! / (kw * kh)),
        Math.floor(l! / cols) * stride + i - padding,
        (l! % cols) * stride + j - padding,
      );
    });
  },
  cases: [
    { inputs: [[1, 1, 1, 1]], attrs: { kernel: 1 } },
    { label: 'patches', inputs: [[2, 3, 8, 12]], attrs: { kernel: 4, stride: 4 } },
    { label: 'overlap and padding', inputs: [[1, 2, 5, 7]], attrs: { kernel: 3, stride: 2, padding: 1 } },
    { label: 'non-square window', inputs: [[2, 1, 6, 5]], attrs: { kernel: [2, 3], stride: 1 } },
    { label: 'a remainder', inputs: [[1, 2, 7, 8]], attrs: { kernel: 2, stride: 3 } },
  ],
  bench: [
    {
      label: 'patches of CLIP ViT-L/14-336, batch 8',
      inputs: [[8, 3, 336, 336]],
      attrs: { kernel: 14, stride: 14 },
      bytes: 8 * 8 * 3 * 336 * 336,
    },
  ],
});

export const conv2dCases = defineCases<{ stride?: number; padding?: number }>({
  op: 'conv2d',
  run: ([x, weight, bias], options) => conv2d(x!, weight!, bias ?? null, options),
  reference([x, weight, bias], { stride = 1, padding = 0 }) {
    const [out, channels, kh, kw] = weight!.shape as [number, number, number, number];
    const [rows, cols] = [count(x!.shape[2]!, kh, stride, padding), count(x!.shape[3]!, kw, stride, padding)];
    return build([x!.shape[0]!, out, rows, cols], (b, o, oy, ox) => {
      let total = bias ? bias.at(o!) : 0;
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++)
            total += weight!.at(o!, c, i, j) * pixel(x!, b!, c, oy! * stride + i - padding, ox! * stride + j - padding);
      return total;
    });
  },
  cases: [
    { inputs: [[1, 3, 8, 8], [5, 3, 4, 4], null], attrs: { stride: 4 } },
    { inputs: [[2, 2, 5, 6], [3, 2, 3, 3], [3]], attrs: { padding: 1 } },
    { inputs: [[1, 1, 7, 7], [2, 1, 3, 3], [2]], attrs: { stride: 2, padding: 1 } },
  ],
});

const POOLS: readonly Case<PoolOptions>[] = [
  { inputs: [[1, 1, 2, 2]], attrs: { kernel: 2 } },
  { inputs: [[2, 3, 8, 6]], attrs: { kernel: 2 } },
  { label: 'overlap', inputs: [[1, 2, 7, 7]], attrs: { kernel: 3, stride: 2 } },
  { label: 'padding', inputs: [[1, 2, 6, 5]], attrs: { kernel: 3, stride: 2, padding: 1 } },
];

const pool = (
  op: string,
  run: typeof avgPool2d,
  f: (inside: number[], side: number) => number,
  adjust?: Case<PoolOptions>['adjust'],
  more: readonly Case<PoolOptions>[] = [],
) =>
  defineCases<PoolOptions>({
    op,
    run: ([x], options) => run(x!, options),
    reference([x], { kernel, stride = kernel, padding = 0 }) {
      const [b, c, h, w] = x!.shape as [number, number, number, number];
      return build([b, c, count(h, kernel, stride, padding), count(w, kernel, stride, padding)], (n, k, oy, ox) => {
        const inside: number[] = [];
        for (let i = 0; i < kernel; i++) {
          for (let j = 0; j < kernel; j++) {
            const [v, u] = [oy! * stride + i - padding, ox! * stride + j - padding];
            if (v >= 0 && u >= 0 && v < h && u < w) inside.push(x!.at(n!, k!, v, u));
          }
        }
        return f(inside, kernel);
      });
    },
    cases: [...POOLS.map((c) => ({ ...c, adjust })), ...more],
  });

export const avgPool2dCases = pool(
  'avgPool2d',
  avgPool2d,
  (inside, side) => inside.reduce((a, b) => a + b, 0) / (side * side),
);
export const maxPool2dCases = pool('maxPool2d', maxPool2d, (inside) => Math.max(...inside), setApart, [
  {
    label: 'special values',
    inputs: [
      {
        shape: [1, 4, 2, 4],
        values: [
          -Infinity,
          -Infinity,
          1,
          NaN,
          -Infinity,
          -Infinity,
          2,
          3,
          NaN,
          NaN,
          NaN,
          Infinity,
          NaN,
          NaN,
          0,
          1,
          Infinity,
          1,
          LOWEST,
          LOWEST,
          2,
          3,
          LOWEST,
          LOWEST,
          1,
          2,
          3,
          4,
          5,
          6,
          7,
          NaN,
        ],
        needsGrad: false,
      },
    ],
    attrs: { kernel: 2 },
  },
  {
    label: 'special values, padding',
    inputs: [{ shape: [1, 1, 2, 2], values: [-Infinity, -Infinity, NaN, -Infinity], needsGrad: false }],
    attrs: { kernel: 2, stride: 1, padding: 1 },
  },
]);
