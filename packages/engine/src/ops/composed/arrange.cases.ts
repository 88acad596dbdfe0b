import { defineCases } from '../../truth/cases.ts';
import { build } from '../../truth/oracle.ts';
import { flip, oneHot, repeat, roll, tril, triu } from './arrange.ts';

export const repeatCases = defineCases<number[]>({
  op: 'repeat',
  run: ([x], times) => repeat(x!, times),
  reference: ([x], times) =>
    build(
      x!.shape.map((n, i) => n * times[i]!),
      (...at) => x!.at(...at.map((c, i) => c % x!.shape[i]!)),
    ),
  cases: [
    { inputs: [[3]], attrs: [4] },
    { inputs: [[2, 3]], attrs: [2, 3] },
    { inputs: [[2, 1, 3]], attrs: [1, 5, 2] },
    { label: 'four axes', inputs: [[2, 3, 2, 5]], attrs: [3, 2, 2, 2] },
    { label: 'eight axes', inputs: [[2, 1, 2, 2, 1, 2, 1, 2]], attrs: [2, 2, 1, 2, 2, 1, 1, 2] },
  ],
});

export const flipCases = defineCases<number>({
  op: 'flip',
  run: ([x], axis) => flip(x!, { axis }),
  reference: ([x], axis) =>
    build(x!.shape, (...at) => x!.at(...at.map((c, i) => (i === axis ? x!.shape[i]! - 1 - c : c)))),
  cases: [
    { inputs: [[7]], attrs: 0 },
    { inputs: [[3, 4, 5]], attrs: 1 },
    { inputs: [[3, 8]], attrs: 1 },
  ],
});

export const rollCases = defineCases<{ shift: number; axis: number }>({
  op: 'roll',
  run: ([x], { shift, axis }) => roll(x!, shift, { axis }),
  reference: ([x], { shift, axis }) =>
    build(x!.shape, (...at) =>
      x!.at(...at.map((c, i) => (i === axis ? (((c - shift) % x!.shape[i]!) + x!.shape[i]!) % x!.shape[i]! : c))),
    ),
  cases: [
    { inputs: [[7]], attrs: { shift: 2, axis: 0 } },
    { inputs: [[3, 5]], attrs: { shift: -6, axis: 1 } },
    { inputs: [[4, 2]], attrs: { shift: 4, axis: 0 } },
  ],
});

const triangle = (op: string, run: typeof tril, keeps: (row: number, col: number, diagonal: number) => boolean) =>
  defineCases<number>({
    op,
    run: ([x], diagonal) => run(x!, diagonal),
    reference: ([x], diagonal) =>
      build(x!.shape, (...at) => (keeps(at.at(-2)!, at.at(-1)!, diagonal) ? x!.at(...at) : 0)),
    cases: [
      { inputs: [[5, 5]], attrs: 0 },
      { inputs: [[2, 3, 7]], attrs: 2 },
      { inputs: [[6, 4]], attrs: -1 },
    ],
  });

export const trilCases = triangle('tril', tril, (row, col, diagonal) => col <= row + diagonal);
export const triuCases = triangle('triu', triu, (row, col, diagonal) => col >= row + diagonal);

export const oneHotCases = defineCases<number>({
  op: 'oneHot',
  run: ([ids], classes) => oneHot(ids!, classes),
  reference: ([ids], classes) =>
    build([...ids!.shape, classes], (...at) => Number(ids!.at(...at.slice(0, -1)) === at.at(-1))),
  differentiable: false,
  cases: [
    { inputs: [{ shape: [5], dtype: 'i32', range: [0, 4] }], attrs: 4 },
    { inputs: [{ shape: [2, 2], dtype: 'i32', values: [-1, 2, 3, 0], onDevice: true }], attrs: 3 },
  ],
});
