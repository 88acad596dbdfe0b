/** @file Matrix products: squares, the layers of CLIP ViT-L/14-336 and LLaMA-7B, decoding. */
import { linear, matmul } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Cell, Group } from '../cell.ts';
import { input, OpCells } from '../engine-cells.ts';
import type { OpBench } from '../engine-cells.ts';
import { flipped, productEntry, rowMajor } from '../truth/product.ts';

/** The naive kernel is timed up to this many operations: 512 cubed. */
export const NAIVE_FLOPS = 2 * 512 ** 3;

type Layout = 'nn' | 'nt' | 'tn';

function productBench(layout: Layout, M: number, N: number, K: number): OpBench {
  const a = input(layout[0] === 't' ? [K, M] : [M, K], 1, true);
  const b = input(layout[1] === 't' ? [N, K] : [K, N], 2, true);
  const [left, right] = [rowMajor(a.values, a.shape[1]!), rowMajor(b.values, b.shape[1]!)];
  return {
    inputs: [a, b],
    run: ([x, w]) => matmul(x!, w!, { transposeA: layout[0] === 't', transposeB: layout[1] === 't' }),
    outputShape: [M, N],
    forward: () => productEntry(layout[0] === 't' ? flipped(left) : left, layout[1] === 't' ? flipped(right) : right, N, K),
  };
}

function square(gpu: Gpu, n: number): Group {
  const work = { flops: 2 * n ** 3 };
  const of = (layout: Layout): OpCells => new OpCells(gpu, productBench(layout, n, n, n));
  const nn = of('nn');
  const cells: Cell[] = [
    nn.forward({ variant: 'nn' }),
    of('nt').forward({ variant: 'nt' }),
    of('tn').forward({ variant: 'tn' }),
    nn.forward({ variant: 'nn tile', forced: { 'matmul nn': 'tile' } }),
    ...(work.flops <= NAIVE_FLOPS ? [nn.forward({ variant: 'nn naive', forced: { 'matmul nn': 'naive' } })] : []),
  ];
  return { op: 'matmul', shape: `${n}x${n}x${n}`, work, roof: { kind: 'openblas', size: [n, n, n] }, cells };
}

/** x[M, K]·W[N, K]ᵀ as layers call it, W frozen: y, and dx. */
function layer(gpu: Gpu, label: string, M: number, N: number, K: number): Group[] {
  const [x, w] = [input([M, K], 1, true), input([N, K], 2)];
  const [left, weight] = [rowMajor(x.values, K), rowMajor(w.values, K)];
  const cells = new OpCells(gpu, {
    inputs: [x, w],
    run: ([a, b]) => linear(a!, b!),
    outputShape: [M, N],
    forward: () => productEntry(left, flipped(weight), N, K),
    gradient: (_, dy) => productEntry(rowMajor(dy, N), weight, K, N),
  });
  const shared = { shape: `${M}x${N}x${K}`, label, work: { flops: 2 * M * N * K } };
  return [
    { op: 'linear forward', ...shared, roof: { kind: 'openblas', size: [M, N, K] }, cells: [cells.forward()] },
    { op: 'linear backward dx', ...shared, roof: { kind: 'openblas', size: [M, K, N] }, cells: [cells.backward()] },
  ];
}

/** One token against W[N, K]: bound by reading W once. */
function decode(gpu: Gpu, N: number, K: number): Group {
  const [x, w] = [input([1, K], 1), input([N, K], 2)];
  const cells = new OpCells(gpu, {
    inputs: [x, w],
    run: ([a, b]) => linear(a!, b!),
    outputShape: [1, N],
    forward: () => productEntry(rowMajor(x.values, K), flipped(rowMajor(w.values, K)), N, K),
  });
  const work = { flops: 2 * N * K, bytes: 4 * (N * K + N + K) };
  return { op: 'decode', shape: `1x${N}x${K}`, work, roof: { kind: 'copy' }, cells: [cells.forward({ variant: 'f32' })] };
}

export const productGroups = (gpu: Gpu): (() => Group[])[] => [
  ...[256, 512, 1024, 2048].map((n) => () => [square(gpu, n)]),
  () => [decode(gpu, 4096, 4096)],
  () => layer(gpu, 'q_proj of CLIP ViT-L/14-336', 577, 1024, 1024),
  () => layer(gpu, 'fc1 of CLIP ViT-L/14-336', 577, 4096, 1024),
  () => layer(gpu, 'fc2 of CLIP ViT-L/14-336', 577, 1024, 4096),
  () => layer(gpu, 'q_proj of LLaMA-7B, 256 tokens', 256, 4096, 4096),
];
