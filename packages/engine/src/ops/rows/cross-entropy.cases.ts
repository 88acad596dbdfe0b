import { defineCases } from '../../truth/cases.ts';
import type { Case, InputSpec } from '../../truth/cases.ts';
import { meanCrossEntropy } from '../../truth/oracle.ts';
import { special } from '../../truth/special.ts';
import { crossEntropy, crossEntropyVariants } from './cross-entropy.ts';

/** Unordered classes, every third row ignored. */
const labels = (rows: number, classes: number): number[] =>
  Array.from({ length: rows }, (_, i) => (i % 3 === 1 ? -100 : (i * 29 + 3) % classes));

const only = (value: number): InputSpec => ({ shape: [1], dtype: 'i32', values: [value] });
const plain = (rows: number, classes: number): InputSpec => ({
  shape: [rows, classes],
  range: [-2, 2],
  needsGrad: false,
});

const SPECIAL: readonly Case<'sum' | undefined>[] = [7, 12, 300].flatMap((n) => [
  ...['lowest', 'all -∞', 'one finite', 'one NaN'].map((row) => ({
    label: `${row}, ${n} classes`,
    inputs: [special(n, [row]), only(n - 1), null],
  })),
  // A target of n would point to the next row's score of class 0.
  ...[n, 1000 * n, -1, -99, -101, 2 ** 31 - 1, -(2 ** 31)].map((target) => ({
    label: `target ${target} of ${n} classes`,
    inputs: [plain(2, n), { shape: [2], dtype: 'i32' as const, values: [target, 0], onDevice: true }, null],
  })),
]);

export const crossEntropyCases = defineCases<'sum' | undefined>({
  op: 'crossEntropy',
  run: ([logits, targets, weights], reduction) =>
    crossEntropy(logits!, targets!, { ...(weights && { weights }), ...(reduction && { reduction }) }),
  reference: ([logits, targets, weights], reduction) => meanCrossEntropy(logits!, targets!, weights, reduction),
  families: { crossEntropy: crossEntropyVariants },
  cases: [
    { inputs: [[1, 1], { shape: [1], dtype: 'i32', values: [0] }, null] },
    { inputs: [[5, 7], { shape: [5], dtype: 'i32', values: [0, 6, -100, 3, 3] }, null] },
    { inputs: [[67, 4], { shape: [67], dtype: 'i32', values: labels(67, 4) }, null] },
    { inputs: [[2, 5, 36], { shape: [2, 5], dtype: 'i32', values: labels(10, 36) }, null] },
    { inputs: [[9, 131], { shape: [9], dtype: 'i32', range: [0, 131] }, null] },
    { inputs: [[3, 300], { shape: [3], dtype: 'i32', range: [0, 300] }, null] },
    { label: 'several vec4s per lane', inputs: [[2, 8228], { shape: [2], dtype: 'i32', values: [8227, 2048] }, null] },
    {
      label: 'NaN in an ignored row',
      inputs: [
        { shape: [2, 8], values: [NaN, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 8], needsGrad: false },
        { shape: [2], dtype: 'i32', values: [-100, 2] },
        null,
      ],
    },
    { label: 'every target ignored', inputs: [[3, 8], { shape: [3], dtype: 'i32', values: [-100, -100, -100] }, null] },
    {
      label: 'weighted',
      inputs: [
        [6, 12],
        { shape: [6], dtype: 'i32', values: [1, -100, 11, 0, 5, 5] },
        { shape: [6], range: [0, 2], needsGrad: false },
      ],
    },
    {
      label: 'summed',
      inputs: [
        [6, 12],
        { shape: [6], dtype: 'i32', values: [1, -100, 11, 0, 5, 5] },
        { shape: [6], range: [0, 2], needsGrad: false },
      ],
      attrs: 'sum',
    },
    {
      label: 'large logits',
      inputs: [{ shape: [4, 16], range: [80, 120] }, { shape: [4], dtype: 'i32', range: [0, 16] }, null],
    },
    ...SPECIAL,
    {
      label: 'strided',
      inputs: [{ shape: [5, 12], strided: true }, { shape: [5], dtype: 'i32', range: [0, 12] }, null],
    },
  ],
  bench: [
    {
      label: 'small LLaMA, stage 2',
      inputs: [[8 * 160, 192], { shape: [8 * 160], dtype: 'i32', range: [0, 192] }, null],
      bytes: 4 * 8 * 160 * 192,
    },
    {
      label: 'LLaMA vocabulary',
      inputs: [[512, 32000], { shape: [512], dtype: 'i32', range: [0, 32000] }, null],
      bytes: 4 * 512 * 32000,
    },
  ],
});
