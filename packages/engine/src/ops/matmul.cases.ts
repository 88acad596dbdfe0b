import { defineCases } from '../check/cases.ts';
import { build } from '../check/oracle.ts';
import { broadcastShapes } from '../tensor/shape.ts';
import type { MatmulOptions } from './matmul.ts';
import { matmul } from './matmul.ts';
import { matmulVariants } from './matmul-variants.ts';

export const matmulCases = defineCases<MatmulOptions>({
  op: 'matmul',
  run: ([a, b], attrs) => matmul(a!, b!, attrs),
  reference: ([a, b], { transposeA, transposeB } = {}) => {
    const [M, K] = transposeA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!];
    const N = transposeB ? b!.shape.at(-2)! : b!.shape.at(-1)!;
    const batch = broadcastShapes('matmul', a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const lead = (shape: readonly number[], index: number[]): number[] => shape.slice(0, -2).map((n, i) => (n === 1 ? 0 : index[i + batch.length - (shape.length - 2)]!));
    return build([...batch, M, N], (...index) => {
      const [m, n] = index.splice(-2) as [number, number];
      const [la, lb] = [lead(a!.shape, index), lead(b!.shape, index)];
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a!.at(...la, ...(transposeA ? [k, m] : [m, k])) * b!.at(...lb, ...(transposeB ? [n, k] : [k, n]));
      return sum;
    });
  },
  families: { 'matmul nn': matmulVariants.nn, 'matmul nt': matmulVariants.nt, 'matmul tn': matmulVariants.tn, 'matmul tt': matmulVariants.tt },
  cases: [
    { inputs: [[1, 1], [1, 1]], attrs: {} },
    { inputs: [[31, 7], [7, 33]], attrs: {} },
    { inputs: [[17, 20], [20, 36]], attrs: {} },
    { inputs: [[0, 4], [4, 8]], attrs: {} },
    { label: 'no terms', inputs: [{ shape: [3, 0], needsGrad: false }, { shape: [0, 5], needsGrad: false }], attrs: {} },
    { label: 'b transposed, rows over a tile', inputs: [[33, 12], [40, 12]], attrs: { transposeB: true } },
    { label: 'b transposed, prime sizes', inputs: [[13, 29], [31, 29]], attrs: { transposeB: true } },
    { label: 'a transposed', inputs: [[24, 36], [24, 20]], attrs: { transposeA: true } },
    { label: 'a transposed, prime sizes', inputs: [[7, 17], [7, 19]], attrs: { transposeA: true } },
    { label: 'both transposed', inputs: [[9, 17], [20, 9]], attrs: { transposeA: true, transposeB: true } },
    { label: 'batches', inputs: [[2, 3, 5, 8], [2, 3, 8, 4]], attrs: {} },
    { label: 'a batch of rows against one b', inputs: [[2, 3, 4], [4, 8]], attrs: {} },
    { label: 'broadcast both ways', inputs: [[3, 1, 5, 4], [2, 6, 4]], attrs: { transposeB: true } },
    { label: 'eight rows, fewer than some subgroups have lanes', inputs: [[8, 12], [12, 8]], attrs: {} },
    { label: 'one a, many b', inputs: [[4, 8], [3, 4, 8]], attrs: { transposeA: true } },
    { label: 'strided views', inputs: [{ shape: [6, 8], strided: true }, { shape: [8, 12], strided: true }], attrs: {} },
    { label: 'many terms', inputs: [[4, 300], [300, 8]], attrs: {} },
  ],
  bench: [512, 1024].map((n) => ({ label: `${n} cubed`, inputs: [[n, n], [n, n]], attrs: {}, flops: 2 * n ** 3 })),
});
