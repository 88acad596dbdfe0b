/** @file LoRA linear layers against a plain one: [M, K] rows times a frozen W[N, K], with a branch of rank r. */
import { linear, loraLinear } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Group } from '../cell.ts';
import { input, OpCells } from '../engine-cells.ts';
import type { Entry } from '../engine-cells.ts';
import { dot, flipped, productEntry, rowMajor } from '../truth/product.ts';

const SCALE = 2;

/** Columns of a product with a narrow right side, each computed once: the branch's h = x·Aᵀ and dh = dy·B. */
function columnsOf(make: (r: number) => Float64Array): (r: number) => Float64Array {
  const made = new Map<number, Float64Array>();
  return (r) => {
    const column = made.get(r) ?? make(r);
    made.set(r, column);
    return column;
  };
}

function loraCells(gpu: Gpu, M: number, N: number, K: number, r: number): OpCells {
  const inputs = [input([M, K], 1, true), input([N, K], 2), input([r, K], 3, true), input([N, r], 4, true)];
  const [x, w, a, b] = inputs.map(({ values, shape }) => rowMajor(values, shape[1]!)) as [
    ReturnType<typeof rowMajor>,
    ReturnType<typeof rowMajor>,
    ReturnType<typeof rowMajor>,
    ReturnType<typeof rowMajor>,
  ];
  const column = (f: (m: number) => number): Float64Array => Float64Array.from({ length: M }, (_, m) => f(m));
  const h = columnsOf((j) => column((m) => SCALE * dot(x, flipped(a), m, j, K)));
  const y: Entry = (i) => {
    const [m, n] = [Math.floor(i / N), i % N];
    let branch = 0;
    for (let j = 0; j < r; j++) branch += SCALE * dot(x, flipped(a), m, j, K) * b.values[n * r + j]!;
    return dot(x, flipped(w), m, n, K) + branch;
  };
  const gradients = (values: Float32Array): Record<number, Entry> => {
    const dy = rowMajor(values, N);
    const dh = columnsOf((j) => column((m) => SCALE * dot(dy, b, m, j, N)));
    return {
      0: (i) => {
        const [m, k] = [Math.floor(i / K), i % K];
        let branch = 0;
        for (let j = 0; j < r; j++) branch += SCALE * dot(dy, b, m, j, N) * a.values[j * K + k]!;
        return dot(dy, w, m, k, N) + branch;
      },
      2: (i) => dh(Math.floor(i / K)).reduce((sum, v, m) => sum + v * x.values[m * K + (i % K)]!, 0),
      3: (i) => h(i % r).reduce((sum, v, m) => sum + v * values[m * N + Math.floor(i / r)]!, 0),
    };
  };
  return new OpCells(gpu, {
    inputs,
    run: ([p, q, s, t]) => loraLinear(p!, q!, null, { a: s!, b: t!, scale: SCALE }),
    outputShape: [M, N],
    forward: () => y,
    gradient: (i, dy) => gradients(dy)[i]!,
  });
}

export function loraGroups(gpu: Gpu): (() => Group[])[] {
  const [M, N, K] = [1024, 1024, 1024];
  return [
    () => {
      const [x, w] = [input([M, K], 1, true), input([N, K], 2)];
      const weight = rowMajor(w.values, K);
      const plain = new OpCells(gpu, {
        inputs: [x, w],
        run: ([p, q]) => linear(p!, q!),
        outputShape: [M, N],
        forward: () => productEntry(rowMajor(x.values, K), flipped(weight), N, K),
        gradient: (_, dy) => productEntry(rowMajor(dy, N), weight, K, N),
      });
      const ranks = [16, 64, 128].map((r) => ({ r, cells: loraCells(gpu, M, N, K, r), branch: 2 * r * M * (K + N) }));
      const common = {
        shape: `${M}x${N}x${K}`,
        roof: { kind: 'openblas', size: [M, N, K] } as const,
        work: { flops: 2 * M * N * K },
      };
      return [
        {
          op: 'loraLinear forward',
          ...common,
          label: 'W frozen',
          cells: [
            plain.forward({ variant: 'plain linear' }),
            ...ranks.map(({ r, cells, branch }) =>
              cells.forward({ variant: `r ${r}`, work: { flops: common.work.flops + branch } }),
            ),
          ],
        },
        {
          op: 'loraLinear backward',
          ...common,
          label: 'dx, dA, dB; W frozen',
          cells: [
            plain.backward({ variant: 'plain linear, dx' }),
            ...ranks.map(({ r, cells, branch }) =>
              cells.backward({ variant: `r ${r}`, work: { flops: common.work.flops + 2 * branch } }),
            ),
          ],
        },
      ];
    },
  ];
}
