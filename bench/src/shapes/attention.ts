/** @file Attention forward and backward, full and causal. */
import { scaledDotProductAttention } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Peer, Values } from '../../peers/src/peer.ts';
import type { Group } from '../cell.ts';
import { input, OpCells } from '../engine-cells.ts';
import type { OpBench } from '../engine-cells.ts';
import { sampledEntries } from '../numbers.ts';
import { peerCells } from '../peer-cells.ts';
import { AttentionTruth } from '../truth/attention.ts';

type FloatInput = ReturnType<typeof input>;

/** The naive kernel is timed up to this many operations. */
const NAIVE_TOKENS = 512;

/** 4·H·T²·D forward, 2.5 times that backward, half of both if causal. */
export const attentionFlops = (H: number, T: number, D: number, causal: boolean, backward: boolean): number =>
  (4 * H * T * T * D * (backward ? 2.5 : 1)) / (causal ? 2 : 1);

/**
 * From this many scores on, gradients are checked only in the last head: each of its rows takes as long as a row of the
 * output.
 */
const MANY_SCORES = 2 ** 24;

/** Inputs, calls and reference of one attention. */
export function attentionBench(
  H: number,
  T: number,
  D: number,
  causal: boolean,
): OpBench & { readonly inputs: readonly [FloatInput, FloatInput, FloatInput] } {
  const shape = [1, H, T, D];
  const [q, k, v] = [1, 2, 3].map((seed) => input(shape, seed, true)) as [FloatInput, FloatInput, FloatInput];
  const values = { q: q.values, k: k.values, v: v.values, tokens: T, width: D, causal };
  let backward: AttentionTruth | null = null;
  const inLastHead = (seed: number): number[] => sampledEntries([T, D], seed).map((i) => (H - 1) * T * D + i);
  return {
    inputs: [q, k, v],
    run: ([a, b, c]) => scaledDotProductAttention(a!, b!, c!, { causal }),
    outputShape: shape,
    isRounded: true,
    forward: () => new AttentionTruth(values).y,
    gradient(i, dy) {
      backward ??= new AttentionTruth(values, dy);
      return [backward.dq, backward.dk, backward.dv][i]!;
    },
    ...(H * T * T > MANY_SCORES && {
      looksAt: (i: number | null) => (i === null ? sampledEntries(shape) : inLastHead(i)),
    }),
  };
}

/** Bytes of the keys and values that a decoded token reads. */
export const decodeBytes = (H: number, keys: number, D: number): number => 2 * 4 * H * keys * D;

/** One token over a full cache, at the position of the last key. */
export function decodeBench(H: number, keys: number, D: number): OpBench {
  const [q, k, v] = [input([1, H, 1, D], 1), input([1, H, keys, D], 2), input([1, H, keys, D], 3)];
  // As the last of as many queries as there are keys.
  const placeOf = (i: number): number => (Math.floor(i / D) * keys + keys - 1) * D + (i % D);
  const truth = (): AttentionTruth => {
    const whole = new Float32Array(H * keys * D);
    q.values.forEach((value, i) => (whole[placeOf(i)] = value));
    return new AttentionTruth({ q: whole, k: k.values, v: v.values, tokens: keys, width: D, causal: true });
  };
  return {
    inputs: [q, k, v, { shape: [1], values: Int32Array.of(keys - 1) }],
    run: ([a, b, c, position]) => scaledDotProductAttention(a!, b!, c!, { position: position! }),
    outputShape: [1, H, 1, D],
    forward: () => {
      const { y } = truth();
      return (i) => y(placeOf(i));
    },
  };
}

function groups(
  gpu: Gpu,
  peers: readonly Peer[],
  label: string,
  [H, T, D]: readonly [number, number, number],
  causal: boolean,
): Group[] {
  const shape = [1, H, T, D];
  const bench = attentionBench(H, T, D, causal);
  const [q, k, v] = bench.inputs;
  const cells = new OpCells(gpu, bench);
  const others = (T <= NAIVE_TOKENS ? ['shared', 'naive'] : ['shared']).map((variant) => ({
    variant,
    forced: { attention: variant },
  }));
  const roof = { kind: 'openblas', size: [512, 512, 512] } as const;
  const name = causal ? ' causal' : '';
  const common = { shape: `${H}x${T}x${D}`, label, roof };
  const inputs: [Values, Values, Values] = [
    { shape, values: q.values },
    { shape, values: k.values },
    { shape, values: v.values },
  ];
  const forwardPeers = peerCells(peers, causal ? 'causalAttention' : 'attention', inputs, async (job) =>
    cells.wrongOutput((await job.read())[0]!),
  );
  const gradientPeers = (
    what: 'attentionBackward' | 'attentionGradients' | 'causalAttentionBackward' | 'causalAttentionGradients',
  ) => peerCells(peers, what, [...inputs, cells.outputGradient], async (job) => cells.wrongGradients(await job.read()));
  const [forwardFlops, backwardFlops] = [false, true].map((isBackward) =>
    attentionFlops(H, T, D, causal, isBackward),
  ) as [number, number];
  return [
    {
      op: `attention forward${name}`,
      ...common,
      work: { flops: forwardFlops },
      cells: [cells.forward(), ...others.map((other) => cells.forward(other)), ...forwardPeers],
    },
    {
      op: `attention backward${name}`,
      ...common,
      work: { flops: backwardFlops },
      cells: [
        cells.backward(),
        ...others.map((other) => cells.backward(other)),
        ...gradientPeers(causal ? 'causalAttentionBackward' : 'attentionBackward'),
      ],
    },
    {
      op: `attention forward and backward${name}`,
      ...common,
      work: { flops: forwardFlops + backwardFlops },
      cells: [cells.both(), ...gradientPeers(causal ? 'causalAttentionGradients' : 'attentionGradients')],
    },
  ];
}

export const attentionGroups = (gpu: Gpu, peers: readonly Peer[]): (() => Group[])[] =>
  [false, true].flatMap((causal) => [
    () => groups(gpu, peers, '8 heads, 512 tokens', [8, 512, 64], causal),
    () => groups(gpu, peers, 'CLIP ViT-L/14-336', [16, 577, 64], causal),
  ]);
