import { defineCases } from '../../truth/cases.ts';
import { build } from '../../truth/oracle.ts';
import { indexSelect, selectVariants } from './index-select.ts';

export const indexSelectCases = defineCases<{ axis: number }>({
  op: 'indexSelect',
  run: ([x, index], { axis }) => indexSelect(x!, index!, { axis }),
  reference: ([x, index], { axis }) =>
    build(
      x!.shape.map((n, i) => (i === axis ? index!.shape[0]! : n)),
      (...at) => {
        const source = index!.at(at[axis]!);
        return source < 0 || source >= x!.shape[axis]! ? 0 : x!.at(...at.map((n, i) => (i === axis ? source : n)));
      },
    ),
  families: { select: selectVariants },
  cases: [
    { inputs: [[7, 5], { shape: [4], values: [6, 0, 0, 3], dtype: 'i32' }], attrs: { axis: 0 } },
    {
      label: 'out of range',
      inputs: [[3, 33], { shape: [3], values: [-1, 3, 2], dtype: 'i32', onDevice: true }],
      attrs: { axis: 0 },
    },
    {
      label: 'one index repeated',
      inputs: [[2, 8], { shape: [65], range: [0, 2], dtype: 'i32' }],
      attrs: { axis: 0 },
    },
    { inputs: [[3, 6, 5], { shape: [31], range: [0, 6], dtype: 'i32' }], attrs: { axis: 1 } },
    {
      label: 'rows of vec4s, some left out, some out of range',
      inputs: [[41, 68], { shape: [37], range: [-2, 43], dtype: 'i32', onDevice: true }],
      attrs: { axis: 0 },
    },
    { label: 'long rows', inputs: [[3, 1028], { shape: [5], range: [0, 3], dtype: 'i32' }], attrs: { axis: 0 } },
    {
      label: 'strided',
      inputs: [
        { shape: [9, 4], strided: true },
        { shape: [5], range: [0, 9], dtype: 'i32' },
      ],
      attrs: { axis: 0 },
    },
  ],
});
