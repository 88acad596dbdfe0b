import { defineCases } from '../../truth/cases.ts';
import { Array64, build } from '../../truth/oracle.ts';
import { pad } from './pad.ts';

interface Attrs {
  sides: [number, number][];
  value?: number;
}

export const padCases = defineCases<Attrs>({
  op: 'pad',
  run: ([x], { sides, value }) => pad(x!, sides, value),
  reference([x], { sides, value = 0 }) {
    const full = [...new Array<[number, number]>(x!.shape.length - sides.length).fill([0, 0]), ...sides];
    return build(
      x!.shape.map((n, i) => n + full[i]![0] + full[i]![1]),
      (...at) => {
        const from = at.map((c, i) => c - full[i]![0]);
        return from.every((c, i) => c >= 0 && c < x!.shape[i]!) ? x!.at(...from) : value;
      },
    );
  },
  cases: [
    { inputs: [[3]], attrs: { sides: [[1, 2]] } },
    {
      inputs: [[2, 3, 5]],
      attrs: {
        sides: [
          [1, 0],
          [0, 3],
        ],
        value: -1,
      },
    },
    {
      label: 'strided',
      inputs: [{ shape: [4, 6], strided: true }],
      attrs: {
        sides: [
          [1, 1],
          [2, 2],
        ],
      },
    },
    {
      label: 'no padding',
      inputs: [[0, 2]],
      attrs: {
        sides: [
          [1, 1],
          [0, 0],
        ],
        value: 3,
      },
    },
  ],
});

export const padWholeCases = defineCases({
  op: 'pad of whole numbers',
  run: ([x]) => pad(x!, [[2, 1]], 7),
  reference: ([x]) => new Array64([6], [7, 7, ...x!.data, 7]),
  differentiable: false,
  cases: [{ inputs: [{ shape: [3], dtype: 'i32', values: [-4, 5, 6] }] }],
});
