/** @file The prototype extractor at its published sizes, against its matrix products alone. */
import { matmul, noGrad, prototypeCluster, tensor } from '@curio/engine';
import type { Gpu, MatmulOptions } from '@curio/engine';
import type { Cell, Group } from '../cell.ts';
import { input, OpCells, session } from '../engine-cells.ts';
import type { Input } from '../engine-cells.ts';
import { noise } from '../numbers.ts';
import { prototypeTruth } from '../truth/prototypes.ts';
import type { PrototypeTruth } from '../truth/prototypes.ts';

interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly options: MatmulOptions;
}

const flopsOf = (products: readonly Product[]): number => products.reduce((sum, { M, N, K }) => sum + 2 * M * N * K, 0);

/** Products of the extractor, in the layouts that it uses. */
function products(L: number, D: number, K: number, iterations: number): { forward: Product[]; backward: Product[] } {
  const one = (M: number, N: number, inner: number, layout: string): Product => ({
    M,
    N,
    K: inner,
    options: { transposeA: layout[0] === 't', transposeB: layout[1] === 't' },
  });
  const often = (list: Product[]): Product[] => Array.from({ length: iterations }, () => list).flat();
  return {
    forward: [...often([one(K, D, D, 'nt'), one(L, K, D, 'nt'), one(K, D, L, 'tn')]), one(L, K, D, 'nt')],
    backward: often([
      one(L, D, K, 'nn'),
      one(L, K, D, 'nt'),
      one(L, D, K, 'nn'),
      one(K, D, L, 'tn'),
      one(D, D, K, 'tn'),
      one(K, D, D, 'nn'),
    ]),
  };
}

/** The products in sequence, on inputs of their own. */
function productsAlone(gpu: Gpu, list: readonly Product[]): Cell {
  return {
    library: 'curio',
    variant: 'its products alone',
    work: { flops: flopsOf(list) },
    open: () => {
      const make = (rows: number, cols: number, isTurned: boolean | undefined) =>
        tensor(gpu, noise(rows * cols, rows + cols), isTurned ? [cols, rows] : [rows, cols]);
      const pairs = list.map(({ M, N, K, options }) => ({
        a: make(M, K, options.transposeA),
        b: make(K, N, options.transposeB),
        options,
      }));
      const run = (): void => noGrad(() => pairs.forEach(({ a, b, options }) => void matmul(a, b, options)));
      return session(
        gpu,
        run,
        async () => null,
        pairs.flatMap(({ a, b }) => [a, b]),
      );
    },
  };
}

/** Random features whose mean is not 0 make all centres nearly equal, and then f32 cannot tell which one is nearest. */
function removeMean(values: Input['values'], cols: number): void {
  const mean = new Float64Array(cols);
  values.forEach((v, i) => (mean[i % cols]! += (v * cols) / values.length));
  values.forEach((v, i) => (values[i] = v - mean[i % cols]!));
}

export function prototypeGroups(gpu: Gpu): (() => Group[])[] {
  const [L, D, K, iterations] = [576, 1024, 256, 2];
  return [
    () => {
      // With this first seed every token's nearest centre is clear.
      const tokens = [7, 2, 3].map((seed) => input([1, L, D], seed, true));
      removeMean(tokens[1]!.values, D);
      const weight: Input = { shape: [D, D], values: noise(D * D, 4).map((v) => v / 8), learns: true };
      const scalar = (value: number): Input => ({ shape: [1], values: Float32Array.of(value), learns: true });
      // A bias much larger than the centres would make all queries, and so all centres, nearly equal again.
      const bias: Input = { shape: [D], values: noise(D, 5).map((v) => v / 1e4), learns: true };
      const inputs = [...tokens, weight, bias, scalar(1), scalar(0)];
      let truth: PrototypeTruth | null = null;
      const truthOf = (dy: Float32Array): PrototypeTruth =>
        (truth ??= prototypeTruth(
          inputs.map(({ values }) => values as Float32Array),
          L,
          D,
          K,
          iterations,
          dy,
        ));
      const cells = new OpCells(gpu, {
        inputs,
        run: ([x, f, v, w, b, alpha, beta]) =>
          prototypeCluster(x!, f!, v!, {
            cWeight: w!,
            cBias: b!,
            simAlpha: alpha!,
            simBeta: beta!,
            numPrototypes: K,
            iterations,
          }),
        outputShape: [1, L, D],
        forward: (dy) => (i) => truthOf(dy).y[i]!,
        gradient: (which, dy) => (i) => truthOf(dy).grads[which]![i]!,
      });
      const { forward, backward } = products(L, D, K, iterations);
      const common = {
        shape: `${L}x${D}`,
        label: `${K} centres, ${iterations} iterations`,
        roof: { kind: 'openblas', size: [512, 512, 512] } as const,
      };
      return [
        {
          op: 'prototypeCluster forward',
          ...common,
          work: { flops: flopsOf(forward) },
          cells: [cells.forward(), productsAlone(gpu, forward)],
        },
        {
          op: 'prototypeCluster backward',
          ...common,
          work: { flops: flopsOf(backward) },
          cells: [cells.backward(), productsAlone(gpu, backward)],
        },
      ];
    },
  ];
}
