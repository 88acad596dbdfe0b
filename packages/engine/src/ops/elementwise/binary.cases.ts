import { defineCases } from '../../truth/cases.ts';
import type { Case, InputSpec, OpCases } from '../../truth/cases.ts';
import { Array64, broadcast, setApart } from '../../truth/oracle.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { add, div, maximum, minimum, mul, sub } from './binary.ts';
import { swiglu } from './swiglu.ts';

type Range = readonly [number, number] | undefined;

/** Pairs of shapes, each with its own path through the kernel. */
const SHAPES: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ['one element', [1], [1]],
  ['dense, not a multiple of four', [3, 31], [3, 31]],
  ['dense, more than a workgroup', [5, 257], [5, 257]],
  ['empty', [0, 4], [4]],
  ['a row broadcast, in vec4s', [19, 12], [12]],
  ['a row broadcast, odd', [19, 7], [7]],
  ['broadcast on the left', [12], [19, 12]],
  ['a column broadcast', [9, 20], [9, 1]],
  ['a scalar', [4, 9], []],
  ['a middle axis', [3, 5, 4], [3, 1, 4]],
  ['both broadcast', [4, 1, 3], [5, 1]],
  ['four axes', [2, 1, 3, 1], [1, 4, 1, 5]],
  ['five axes, copied first', [2, 1, 3, 1, 2], [1, 4, 1, 5, 1]],
  ['eight axes, copied first', [2, 1, 2, 1, 3, 1, 2, 1], [1, 2, 1, 2, 1, 2, 1, 3]],
];

function cases(range: Range): Case<undefined>[] {
  const input = (shape: readonly number[], more: Partial<InputSpec> = {}): InputSpec => ({
    shape,
    ...(range ? { range } : {}),
    ...more,
  });
  return [
    ...SHAPES.map(([label, a, b]) => ({ label, inputs: [input(a), input(b)] })),
    { label: 'strided', inputs: [input([6, 10], { strided: true }), input([6, 10])] },
    { label: 'no gradient on the left', inputs: [input([6, 8], { needsGrad: false }), input([8])] },
    { label: 'no gradient on the right', inputs: [input([6, 8]), input([8], { needsGrad: false })] },
  ];
}

function binary(
  op: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  f: (a: number, b: number) => number,
  range?: Range,
  adjust?: Case<undefined>['adjust'],
): OpCases {
  return defineCases({
    op,
    run: ([a, b]) => run(a!, b!),
    reference: ([a, b]) => broadcast([a!, b!], f),
    cases: cases(range).map((c) => ({ ...c, adjust })),
    bench: [
      {
        label: 'residual of CLIP ViT-L/14-336, batch 8',
        inputs: [
          [8, 577, 1024],
          [8, 577, 1024],
        ],
        bytes: 12 * 8 * 577 * 1024,
      },
      { label: 'bias of CLIP ViT-L/14-336, batch 8', inputs: [[8, 577, 1024], [1024]], bytes: 8 * 8 * 577 * 1024 },
    ],
  });
}

export const addCases = binary('add', add, (a, b) => a + b);
export const subCases = binary('sub', sub, (a, b) => a - b);
export const mulCases = binary('mul', mul, (a, b) => a * b);
export const divCases = binary('div', div, (a, b) => a / b, [0.5, 3]);
/** Dense, a broadcast row and strided, with and without vec4s. */
const withNaN = (table: OpCases): OpCases => ({
  ...table,
  cases: [
    ...table.cases,
    ...[
      [3, 4],
      [3, 3],
    ].flatMap(([rows, cols]) => {
      const x = (every: number): InputSpec => ({
        shape: [rows!, cols!],
        values: Array.from({ length: rows! * cols! }, (_, i) =>
          i % every === 1 ? NaN : i % 5 === 0 ? -Infinity : i - 4,
        ),
        needsGrad: false,
      });
      const row: InputSpec = { shape: [cols!], values: [NaN, ...Array<number>(cols! - 1).fill(2)], needsGrad: false };
      return [
        { label: `NaN on both sides, ${cols} columns`, inputs: [x(4), x(3)] },
        { label: `NaN with a broadcast row, ${cols} columns`, inputs: [x(4), row] },
        { label: `NaN, strided, ${cols} columns`, inputs: [{ ...x(4), strided: true }, x(3)] },
      ];
    }),
  ],
});

export const maximumCases = withNaN(binary('maximum', maximum, Math.max, undefined, setApart));
export const minimumCases = withNaN(binary('minimum', minimum, Math.min, undefined, setApart));

export const swigluCases = defineCases({
  op: 'swiglu',
  run: ([gate, up]) => swiglu(gate!, up!),
  reference: ([gate, up]) => broadcast([gate!, up!], (g, u) => (g / (1 + Math.exp(-g))) * u),
  cases: [
    ...[[1], [3, 31], [5, 257], [0, 4]].map((shape) => ({ inputs: [shape, shape] })),
    { label: 'frozen gate', inputs: [{ shape: [7, 6], needsGrad: false }, [7, 6]] },
    { label: 'frozen up', inputs: [[7, 6], { shape: [7, 6], needsGrad: false }] },
    { label: 'large magnitudes', inputs: [{ shape: [6], values: [-200, -90, -20, 20, 90, 200] }, [6]] },
  ],
  bench: [
    {
      label: 'MLP of LLaMA-7B, 739 tokens',
      inputs: [
        [739, 11008],
        [739, 11008],
      ],
      bytes: 12 * 739 * 11008,
    },
  ],
});

/** Cases with a number as operand. */
export const numberCases = defineCases<{ run: (x: Tensor) => Tensor; f: (v: number) => number }>({
  op: 'number operands',
  run: ([x], { run }) => run(x!),
  reference: ([x], { f }) => new Array64(x!.shape, x!.data.map(f)),
  cases: [
    { label: 'x + 2', attrs: { run: (x: Tensor) => add(x, 2), f: (v: number) => v + 2 } },
    { label: '2 + x', attrs: { run: (x: Tensor) => add(2, x), f: (v: number) => 2 + v } },
    { label: 'x - 2', attrs: { run: (x: Tensor) => sub(x, 2), f: (v: number) => v - 2 } },
    { label: '2 - x', attrs: { run: (x: Tensor) => sub(2, x), f: (v: number) => 2 - v } },
    { label: '3 x', attrs: { run: (x: Tensor) => mul(3, x), f: (v: number) => 3 * v } },
    { label: 'x / 4', attrs: { run: (x: Tensor) => div(x, 4), f: (v: number) => v / 4 } },
    { label: '4 / x', attrs: { run: (x: Tensor) => div(4, x), f: (v: number) => 4 / v } },
    { label: 'max(x, 1.5)', attrs: { run: (x: Tensor) => maximum(x, 1.5), f: (v: number) => Math.max(v, 1.5) } },
    { label: 'min(x, 1.5)', attrs: { run: (x: Tensor) => minimum(1.5, x), f: (v: number) => Math.min(v, 1.5) } },
  ].map((c) => ({ ...c, inputs: [{ shape: [3, 11], range: [0.5, 3] as const }] })),
});
