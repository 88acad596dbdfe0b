/** @file Memory-bound kernels: softmax, norms, cross-entropy. Bytes at minimum traffic. */
import { crossEntropy, layerNorm, neg, rmsNorm, softmax } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import type { Job, Peer, Values } from '../../peers/src/peer.ts';
import { Array64 } from '@curio/engine/check';
import type { Cell, Group } from '../cell.ts';
import { input, OpCells } from '../engine-cells.ts';
import type { Input, OpBench } from '../engine-cells.ts';
import { noise } from '../numbers.ts';
import { peerCells } from '../peer-cells.ts';
import { adamw, adamw8bit } from './adamw.ts';
import { RowTruth } from '../truth/rows.ts';

const roof = { kind: 'copy' } as const;

/** Forward reads x and writes y; backward reads two arrays and writes one. */
function rowGroups(
  gpu: Gpu,
  op: string,
  label: string,
  [R, C]: readonly [number, number],
  bench: OpBench,
  peersOf: (cells: OpCells) => { readonly forward: Cell[]; readonly backward: Cell[] },
): Group[] {
  const cells = new OpCells(gpu, bench);
  const naive = { variant: 'naive', forced: { [op]: 'naive' } };
  const shape = `${R}x${C}`;
  const others = peersOf(cells);
  return [
    {
      op: `${op} forward`,
      shape,
      label,
      roof,
      work: { bytes: 8 * R * C },
      source: cells,
      cells: [cells.forward(), cells.forward(naive), ...others.forward],
    },
    {
      op: `${op} backward`,
      shape,
      label,
      roof,
      work: { bytes: 12 * R * C },
      source: cells,
      cells: [cells.backward(), cells.backward(naive), ...others.backward],
    },
  ];
}

const judgeOutput =
  (cells: OpCells) =>
  async (job: Job): Promise<string | null> =>
    cells.wrongOutput((await job.read())[0]!);
const judgeGradients =
  (cells: OpCells) =>
  async (job: Job): Promise<string | null> =>
    cells.wrongGradients(await job.read());

const dyRow =
  (dy: Float32Array, C: number) =>
  (row: number): Float32Array =>
    dy.subarray(row * C, (row + 1) * C);

export function softmaxGroups(gpu: Gpu, peers: readonly Peer[], label: string, R: number, C: number): Group[] {
  const x = input([R, C], 1, true);
  const truth = new RowTruth('softmax', x.values, C);
  const bench: OpBench = {
    inputs: [x],
    run: ([a]) => softmax(a!),
    outputShape: [R, C],
    forward: () => truth.y,
    gradient: (_, dy) => truth.dx(dyRow(dy, C)),
  };
  return rowGroups(gpu, 'softmax', label, [R, C], bench, (cells) => ({
    forward: peerCells(peers, 'softmax', [x], judgeOutput(cells)),
    backward: peerCells(peers, 'softmaxGradient', [x, cells.outputGradient], judgeGradients(cells)),
  }));
}

/** Scale and shift are frozen, as in LoRA training. */
export function normGroups(
  gpu: Gpu,
  peers: readonly Peer[],
  op: 'layerNorm' | 'rmsNorm',
  label: string,
  R: number,
  C: number,
): Group[] {
  const x = input([R, C], 1, true);
  const shared = (op === 'layerNorm' ? [2, 3] : [2]).map((seed) => input([C], seed));
  const rest = shared.map(({ values }) => new Array64([C], values));
  const truth = new RowTruth(op, x.values as Float32Array, C, () => rest);
  const run = ([a, weight, bias]: readonly Tensor[]): Tensor =>
    op === 'layerNorm' ? layerNorm(a!, weight!, bias!) : rmsNorm(a!, weight!);
  const bench: OpBench = {
    inputs: [x, ...shared],
    run,
    outputShape: [R, C],
    forward: () => truth.y,
    gradient: (_, dy) => truth.dx(dyRow(dy, C)),
  };
  const [weight, bias] = shared as [Values, Values];
  return rowGroups(gpu, op, label, [R, C], bench, (cells) =>
    op === 'layerNorm'
      ? {
          forward: peerCells(peers, 'layerNorm', [x, weight, bias], judgeOutput(cells)),
          backward: peerCells(
            peers,
            'layerNormGradient',
            [x, weight, bias, cells.outputGradient],
            judgeGradients(cells),
          ),
        }
      : {
          forward: peerCells(peers, 'rmsNorm', [x, weight], judgeOutput(cells)),
          backward: peerCells(peers, 'rmsNormGradient', [x, weight, cells.outputGradient], judgeGradients(cells)),
        },
  );
}

/** Forward reads the logits once, backward reads them and writes their gradient. */
export function crossEntropyGroups(gpu: Gpu, peers: readonly Peer[], label: string, R: number, C: number): Group[] {
  const x = input([R, C], 1, true);
  const targets: Input = { shape: [R], values: Int32Array.from(noise(R, 2), (v) => Math.floor((v + 0.5) * C)) };
  const truth = new RowTruth('crossEntropy', x.values as Float32Array, C, (row) => [
    new Array64([1], [targets.values[row]!]),
    null,
  ]);
  const rowLoss = (row: number): number => {
    const logits = (x.values as Float32Array).subarray(row * C, (row + 1) * C);
    let total = 0;
    for (const v of logits) total += Math.exp(v);
    return Math.log(total) - logits[targets.values[row]!]!;
  };
  const cells = new OpCells(gpu, {
    inputs: [x, targets],
    run: ([a, b]) => crossEntropy(a!, b!),
    outputShape: [],
    forward: () => () => Array.from({ length: R }, (_, row) => rowLoss(row)).reduce((a, b) => a + b, 0) / R,
    gradient: (_, dy) => truth.dx(() => [dy[0]! / R]),
  });
  const naive = { variant: 'naive', forced: { crossEntropy: 'naive' } };
  const common = { shape: `${R}x${C}`, label, roof, source: cells };
  const inputs: [Values, Values] = [x, { shape: targets.shape, values: Float32Array.from(targets.values) }];
  const forwardPeers = peerCells(peers, 'crossEntropy', inputs, judgeOutput(cells));
  const backwardPeers = peerCells(
    peers,
    'crossEntropyGradient',
    [...inputs, cells.outputGradient],
    judgeGradients(cells),
  );
  return [
    {
      op: 'crossEntropy forward',
      ...common,
      work: { bytes: 4 * R * C },
      cells: [cells.forward(), cells.forward(naive), ...forwardPeers],
    },
    {
      op: 'crossEntropy backward',
      ...common,
      work: { bytes: 8 * R * C },
      cells: [cells.backward(), cells.backward(naive), ...backwardPeers],
    },
  ];
}

/** Reads and writes each element once: the fastest that a kernel can be. */
export function negGroup(gpu: Gpu, R: number, C: number): Group {
  const x = input([R, C], 1);
  const cells = new OpCells(gpu, {
    inputs: [x],
    run: ([a]) => neg(a!),
    outputShape: [R, C],
    forward: () => (i) => -x.values[i]!,
  });
  return {
    op: 'neg',
    shape: `${R}x${C}`,
    label: 'one read, one write',
    roof,
    work: { bytes: 8 * R * C },
    cells: [cells.forward()],
  };
}

/** The roof, a copy of 64 MB, is timed with each group. */
export const rowGroupsOf = (gpu: Gpu, peers: readonly Peer[]): (() => Group[])[] => [
  () => [negGroup(gpu, 4096, 1024)],
  () => softmaxGroups(gpu, peers, 'attention scores of CLIP ViT-L/14-336, 16 heads', 16 * 577, 577),
  () => softmaxGroups(gpu, peers, '4096 rows of 1024', 4096, 1024),
  () => normGroups(gpu, peers, 'layerNorm', 'CLIP ViT-L/14-336, batch 8', 8 * 577, 1024),
  () => normGroups(gpu, peers, 'rmsNorm', 'LLaMA-7B, 512 tokens', 512, 4096),
  () => crossEntropyGroups(gpu, peers, 'LLaMA vocabulary', 512, 32000),
  () => [adamw(gpu, peers, 2 ** 22), adamw8bit(gpu, 2 ** 22)],
  // The sizes above fit a GPU's caches.
  ...(gpu.adapter.isSoftware
    ? []
    : [
        () => softmaxGroups(gpu, peers, 'over every cache', 32768, 4096),
        () => normGroups(gpu, peers, 'rmsNorm', 'over every cache', 32768, 4096),
        () => [adamw(gpu, peers, 2 ** 25), adamw8bit(gpu, 2 ** 25)],
      ]),
];
