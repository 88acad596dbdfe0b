import { defineCases } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import { broadcastShapes, broadcastStrides, denseStrides, sizeOf } from '../../tensor/shape.ts';
import type { MatmulOptions } from './matmul.ts';
import { matmul } from './matmul.ts';
import { matmulVariants } from './variants.ts';

export const matmulCases = defineCases<MatmulOptions>({
  op: 'matmul',
  run: ([a, b], attrs) => matmul(a!, b!, attrs),
  reference: ([a, b], { transposeA, transposeB } = {}) => {
    const [M, K] = transposeA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!];
    const N = transposeB ? b!.shape.at(-2)! : b!.shape.at(-1)!;
    const batch = broadcastShapes('matmul', a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const y = new Array64([...batch, M, N]);
    const [am, ak, bk, bn] = [transposeA ? 1 : K, transposeA ? M : 1, transposeB ? 1 : N, transposeB ? K : 1];
    const [aSteps, bSteps] = [a!, b!].map(({ shape: [...shape] }) =>
      broadcastStrides(shape.slice(0, -2), denseStrides(shape).slice(0, -2), batch),
    );
    const batchSteps = denseStrides(batch);
    for (let z = 0; z < sizeOf(batch); z++) {
      const startOf = (steps: readonly number[]): number =>
        steps.reduce((sum, step, i) => sum + step * (Math.floor(z / batchSteps[i]!) % batch[i]!), 0);
      const [a0, b0] = [startOf(aSteps!), startOf(bSteps!)];
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum += a!.data[a0 + m * am + k * ak]! * b!.data[b0 + k * bk + n * bn]!;
          y.data[(z * M + m) * N + n] = sum;
        }
      }
    }
    return y;
  },
  families: {
    'matmul nn': matmulVariants.nn,
    'matmul nt': matmulVariants.nt,
    'matmul tn': matmulVariants.tn,
    'matmul tt': matmulVariants.tt,
  },
  cases: [
    {
      inputs: [
        [1, 1],
        [1, 1],
      ],
      attrs: {},
    },
    {
      inputs: [
        [31, 7],
        [7, 33],
      ],
      attrs: {},
    },
    {
      inputs: [
        [17, 20],
        [20, 36],
      ],
      attrs: {},
    },
    {
      inputs: [
        [0, 4],
        [4, 8],
      ],
      attrs: {},
    },
    {
      label: 'K of 0',
      inputs: [
        { shape: [3, 0], needsGrad: false },
        { shape: [0, 5], needsGrad: false },
      ],
      attrs: {},
    },
    {
      label: 'more rows and columns than a tile',
      inputs: [
        [66, 18],
        [18, 68],
      ],
      attrs: {},
    },
    {
      label: 'b transposed, more rows than a tile',
      inputs: [
        [33, 12],
        [40, 12],
      ],
      attrs: { transposeB: true },
    },
    {
      label: 'b transposed, prime sizes',
      inputs: [
        [13, 29],
        [31, 29],
      ],
      attrs: { transposeB: true },
    },
    {
      label: 'a transposed',
      inputs: [
        [24, 36],
        [24, 20],
      ],
      attrs: { transposeA: true },
    },
    {
      label: 'a transposed, prime sizes',
      inputs: [
        [7, 17],
        [7, 19],
      ],
      attrs: { transposeA: true },
    },
    {
      label: 'both transposed',
      inputs: [
        [9, 17],
        [20, 9],
      ],
      attrs: { transposeA: true, transposeB: true },
    },
    {
      label: 'both transposed, in vec4s',
      inputs: [
        [10, 68],
        [16, 10],
      ],
      attrs: { transposeA: true, transposeB: true },
    },
    {
      label: 'batched',
      inputs: [
        [2, 3, 5, 8],
        [2, 3, 8, 4],
      ],
      attrs: {},
    },
    {
      label: 'batched a, one b',
      inputs: [
        [2, 3, 4],
        [4, 8],
      ],
      attrs: {},
    },
    {
      label: 'equal and broadcast axes alternate',
      inputs: [
        [2, 1, 2, 3, 4],
        [2, 3, 1, 4, 5],
      ],
      attrs: {},
    },
    {
      label: 'both broadcast alternately, b transposed',
      inputs: [
        [2, 1, 2, 1, 3, 4],
        [1, 2, 1, 3, 5, 4],
      ],
      attrs: { transposeB: true },
    },
    {
      label: 'broadcast both ways',
      inputs: [
        [3, 1, 5, 4],
        [2, 6, 4],
      ],
      attrs: { transposeB: true },
    },
    {
      label: 'eight rows, fewer than the lanes of some subgroups',
      inputs: [
        [8, 12],
        [12, 8],
      ],
      attrs: {},
    },
    {
      label: 'one a, batched b',
      inputs: [
        [4, 8],
        [3, 4, 8],
      ],
      attrs: { transposeA: true },
    },
    {
      label: 'few columns',
      inputs: [
        [40, 12],
        [12, 8],
      ],
      attrs: {},
    },
    {
      label: 'few columns, b transposed',
      inputs: [
        [68, 6],
        [16, 6],
      ],
      attrs: { transposeB: true },
    },
    {
      label: 'strided views',
      inputs: [
        { shape: [6, 8], strided: true },
        { shape: [8, 12], strided: true },
      ],
      attrs: {},
    },
    {
      label: 'more rows and columns than a tile of 128',
      inputs: [
        [131, 36],
        [36, 140],
      ],
      attrs: {},
    },
    {
      label: 'prime sizes larger than a tile',
      inputs: [
        [67, 37],
        [37, 71],
      ],
      attrs: {},
    },
    {
      label: 'both transposed, larger than a tile',
      inputs: [
        [20, 72],
        [68, 20],
      ],
      attrs: { transposeA: true, transposeB: true },
    },
    {
      label: 'large K',
      inputs: [
        [4, 300],
        [300, 8],
      ],
      attrs: {},
    },
  ],
  bench: [512, 1024].flatMap((n) => [
    {
      label: `${n} cubed`,
      inputs: [
        [n, n],
        [n, n],
      ],
      attrs: {},
      flops: 2 * n ** 3,
    },
    {
      label: `${n} cubed, b transposed`,
      inputs: [
        [n, n],
        [n, n],
      ],
      attrs: { transposeB: true },
      flops: 2 * n ** 3,
    },
    {
      label: `${n} cubed, a transposed`,
      inputs: [
        [n, n],
        [n, n],
      ],
      attrs: { transposeA: true },
      flops: 2 * n ** 3,
    },
  ]),
});
