/** @file Matrix products: squares, the layers of CLIP ViT-L/14-336 and LLaMA-7B, decoding. */
import { byteLength, cast, linear, matmul, noGrad, Parameter, store, tensor } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import type { Peer } from '../../peers/src/peer.ts';
import { TOLERANCE } from '@curio/engine/check';
import type { Cell, Group } from '../cell.ts';
import { input, OpCells, session } from '../engine-cells.ts';
import type { OpBench } from '../engine-cells.ts';
import { heldByF16, onMatrixUnits } from '../matrix-units.ts';
import { firstWrong, noise, sampledEntries } from '../numbers.ts';
import { peerCells } from '../peer-cells.ts';
import { flipped, productEntry, rowMajor } from '../truth/product.ts';

/** The naive kernel is timed up to this many operations: 512 cubed. */
export const NAIVE_FLOPS = 2 * 512 ** 3;

export type Layout = 'nn' | 'nt' | 'tn';

/** C[M, N] of A and B in the given layout. */
export function productBench(
  layout: Layout,
  M: number,
  N: number,
  K: number,
  held = (values: Float32Array<ArrayBuffer>) => values,
): OpBench {
  const made = (shape: number[], seed: number) => ({
    ...input(shape, seed, true),
    values: held(input(shape, seed).values),
  });
  const a = made(layout[0] === 't' ? [K, M] : [M, K], 1);
  const b = made(layout[1] === 't' ? [N, K] : [K, N], 2);
  const [left, right] = [rowMajor(a.values, a.shape[1]!), rowMajor(b.values, b.shape[1]!)];
  return {
    inputs: [a, b],
    run: ([x, w]) => matmul(x!, w!, { transposeA: layout[0] === 't', transposeB: layout[1] === 't' }),
    outputShape: [M, N],
    forward: () =>
      productEntry(layout[0] === 't' ? flipped(left) : left, layout[1] === 't' ? flipped(right) : right, N, K),
  };
}

function square(gpu: Gpu, peers: readonly Peer[], n: number): Group {
  const work = { flops: 2 * n ** 3 };
  const of = (layout: Layout): OpCells => new OpCells(gpu, productBench(layout, n, n, n));
  const nn = of('nn');
  const factor = (seed: number) => ({ shape: [n, n], values: input([n, n], seed).values });
  const cells: Cell[] = [
    nn.forward({ variant: 'nn' }),
    of('nt').forward({ variant: 'nt' }),
    of('tn').forward({ variant: 'tn' }),
    nn.forward({ variant: 'nn tile', forced: { 'matmul nn': 'tile' } }),
    ...(['nn', 'nt', 'tn'] as const).flatMap((layout) =>
      onMatrixUnits(
        gpu,
        `${layout} f16 matrix units`,
        new OpCells(gpu, productBench(layout, n, n, n, heldByF16)).forward(),
      ),
    ),
    ...(work.flops <= NAIVE_FLOPS ? [nn.forward({ variant: 'nn naive', forced: { 'matmul nn': 'naive' } })] : []),
    ...peerCells(peers, 'matmul', [factor(1), factor(2)], async (job) => nn.wrongOutput((await job.read())[0]!)),
  ];
  return { op: 'matmul', shape: `${n}x${n}x${n}`, work, roof: { kind: 'openblas', size: [n, n, n] }, cells };
}

/** x[M, K]·W[N, K]ᵀ as layers call it, W frozen: y, and dx. */
function layer(gpu: Gpu, peers: readonly Peer[], label: string, M: number, N: number, K: number): Group[] {
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
  const forwardPeers = peerCells(peers, 'linear', [x, w], async (job) => cells.wrongOutput((await job.read())[0]!));
  const backwardPeers = peerCells(peers, 'linearGradient', [x, w, cells.outputGradient], async (job) =>
    cells.wrongGradients(await job.read()),
  );
  return [
    {
      op: 'linear forward',
      ...shared,
      roof: { kind: 'openblas', size: [M, N, K] },
      cells: [cells.forward(), ...forwardPeers],
    },
    {
      op: 'linear backward dx',
      ...shared,
      roof: { kind: 'openblas', size: [M, K, N] },
      cells: [cells.backward(), ...backwardPeers],
    },
  ];
}

const STORAGES = ['f32', 'f16', 'bf16', 'int8', 'int4', 'nf4'] as const;
export type Storage = (typeof STORAGES)[number];
const GROUP = 64;

/** Bytes of N·K weights as they are stored, with one f32 scale per group if there are scales. */
const weightBytes = (storage: Storage, count: number): number =>
  count * { f32: 4, f16: 2, bf16: 2, int8: 1 + 4 / GROUP, int4: 0.5 + 4 / GROUP, nf4: 0.5 + 4 / GROUP }[storage];

/** Weights packed and unpacked on the device, in parts that fit one binding. */
async function asStored(
  gpu: Gpu,
  weights: Float32Array<ArrayBuffer>,
  storage: Storage,
  K: number,
): Promise<Float32Array> {
  if (storage === 'f32') return weights;
  const out = new Float32Array(weights.length);
  const part = K * 1024;
  for (let at = 0; at < weights.length; at += part) {
    const plain = weights.subarray(at, at + part);
    out.set(
      await gpu.scope(() =>
        cast(cast(tensor(gpu, plain, [plain.length / K, K]), storage, { groupSize: GROUP }), 'f32').read(),
      ),
      at,
    );
  }
  return out;
}

/**
 * M rows of x[M, K] times a frozen W[N, K] in a packed storage. The reference uses W as unpacked by the device, so only
 * the product is checked.
 */
export function packed(gpu: Gpu, storage: Storage, M: number, N: number, K: number): Cell {
  const work = { flops: 2 * M * N * K, bytes: weightBytes(storage, N * K) + 4 * M * (N + K) };
  return {
    library: 'curio',
    variant: storage,
    work,
    open: () => {
      const [x, w] = [noise(M * K, 1), noise(N * K, 2)];
      const weight = new Parameter(
        gpu,
        'weight',
        [N, K],
        storage === 'f32' ? w : new Uint32Array(byteLength(storage, N * K) / 4),
        storage,
      );
      store(weight, w, { groupSize: GROUP });
      const rows = tensor(gpu, x, [M, K]);
      const run = (): Tensor => noGrad(() => linear(rows, weight));
      const timed = session(
        gpu,
        run,
        async () => {
          const y = await gpu.scope(() => run().read());
          const stored = await asStored(gpu, w, storage, K);
          return firstWrong(
            'y',
            sampledEntries([M, N]),
            y,
            productEntry(rowMajor(x, K), flipped(rowMajor(stored, K)), N, K),
            TOLERANCE.forward,
          );
        },
        [rows],
      );
      return { ...timed, close: () => (timed.close(), weight.dispose()) };
    },
  };
}

/** One token against W[N, K]: bound by reading W once. */
function decode(gpu: Gpu, N: number, K: number): Group {
  const work = { flops: 2 * N * K, bytes: weightBytes('f32', N * K) + 4 * (N + K) };
  return {
    op: 'decode',
    shape: `1x${N}x${K}`,
    work,
    roof: { kind: 'copy' },
    label: 'one token; by the storage of W',
    cells: STORAGES.map((storage) => packed(gpu, storage, 1, N, K)),
  };
}

/** A layer whose f32 weight would exceed a binding of 128 MiB. */
const packedLayer = (gpu: Gpu, label: string, M: number, N: number, K: number): Group => ({
  op: 'linear forward',
  shape: `${M}x${N}x${K}`,
  label,
  work: { flops: 2 * M * N * K },
  roof: { kind: 'openblas', size: [M, N, K] },
  cells: (['f16', 'nf4'] as const).map((storage) => packed(gpu, storage, M, N, K)),
});

export const productGroups = (gpu: Gpu, peers: readonly Peer[]): (() => Group[])[] => [
  ...[256, 512, 1024, 2048, ...(gpu.adapter.isSoftware ? [] : [4096])].map((n) => () => [square(gpu, peers, n)]),
  () => [decode(gpu, 4096, 4096)],
  () => layer(gpu, peers, 'q_proj of CLIP ViT-L/14-336', 577, 1024, 1024),
  () => layer(gpu, peers, 'fc1 of CLIP ViT-L/14-336', 577, 4096, 1024),
  () => layer(gpu, peers, 'fc2 of CLIP ViT-L/14-336', 577, 1024, 4096),
  () => layer(gpu, peers, 'q_proj of LLaMA-7B, 256 tokens', 256, 4096, 4096),
  () => [packedLayer(gpu, 'gate_proj of LLaMA-7B, 256 tokens, packed', 256, 11008, 4096)],
];
