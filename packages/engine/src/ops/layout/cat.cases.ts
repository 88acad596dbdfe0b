import { defineCases } from '../../truth/cases.ts';
import { build } from '../../truth/oracle.ts';
import { cat } from './cat.ts';

export const catCases = defineCases<{ axis: number }>({
  op: 'cat',
  run: (inputs, { axis }) =>
    cat(
      inputs.map((x) => x!),
      { axis },
    ),
  reference: (inputs, { axis }) =>
    build(
      inputs[0]!.shape.map((n, i) => (i === axis ? inputs.reduce((sum, x) => sum + x!.shape[axis]!, 0) : n)),
      (...at) => {
        let k = at[axis]!;
        const from = inputs.find((x) => (k < x!.shape[axis]! ? true : ((k -= x!.shape[axis]!), false)))!;
        return from.at(...at.map((n, i) => (i === axis ? k : n)));
      },
    ),
  cases: [
    {
      inputs: [
        [3, 5],
        [1, 5],
      ],
      attrs: { axis: 0 },
    },
    {
      inputs: [
        [2, 3, 4],
        [2, 31, 4],
        [2, 0, 4],
      ],
      attrs: { axis: 1 },
    },
    { inputs: [[33, 2], { shape: [33, 3], strided: true }], attrs: { axis: 1 } },
    { label: 'strided in front', inputs: [{ shape: [4, 3], strided: true }, [2, 3]], attrs: { axis: 0 } },
  ],
});
