/** @file Kernels to begin with: two that everybody knows, each broken on purpose, naive and fast. */
import { ownText } from './texts.ts';

export interface Exhibit {
  readonly title: string;
  readonly kernel: string;
  /** A part of the kernel, and its replacement. */
  readonly change?: readonly [from: string, to: string];
  readonly hint: string;
}

export const gallery: readonly { readonly name: string; readonly entries: readonly Exhibit[] }[] = [
  {
    name: 'Softmax',
    entries: [
      {
        title: 'Broken on purpose',
        kernel: 'rows/softmax_naive',
        change: ['(dy[i] - dot)', 'dy[i]'],
        hint: 'Forward is right; backward forgets a term. Find the line.',
      },
      {
        title: 'Naive',
        kernel: 'rows/softmax_naive',
        hint: 'One lane goes along a whole row: short to read, and slow where rows are few.',
      },
      {
        title: 'Fast',
        kernel: 'rows/softmax_shared',
        hint: 'A workgroup shares a row, so that adjacent lanes read adjacent elements.',
      },
    ],
  },
  {
    name: 'Matrix product',
    entries: [
      {
        title: 'Broken on purpose',
        kernel: 'matmul/naive',
        change: ['for (var k = 0u; k < terms; k++)', 'for (var k = 1u; k < terms; k++)'],
        hint: 'A product that leaves out one term. Find the line.',
      },
      {
        title: 'Naive',
        kernel: 'matmul/naive',
        hint: 'One lane per element of the result: each operand is read again and again.',
      },
      {
        title: 'Fast',
        kernel: 'matmul/tile',
        hint: 'A workgroup computes a tile of the result from tiles that it keeps in its own memory.',
      },
    ],
  },
];

/** The text that an exhibit begins with. */
export const textOf = ({ kernel, change }: Pick<Exhibit, 'kernel' | 'change'>): string =>
  change ? ownText(kernel).replace(...(change as [string, string])) : ownText(kernel);
