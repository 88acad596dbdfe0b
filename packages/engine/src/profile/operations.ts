/**
 * @file How many multiplications and additions a dispatch does, for profiles: from its kernel's params, by one rule per
 * family.
 */
import type { TimedDispatch } from '../gpu/stream/timing.ts';

type Dispatched = Pick<TimedDispatch, 'kernel' | 'entry' | 'params' | 'grid'>;
type Rule = (dispatch: Dispatched) => number | null;

/**
 * Products of [T, D]·[D, S] that an entry of attention does for each head; the backward ones compute the scores again.
 */
const ATTENTION_PRODUCTS: Readonly<Record<string, number>> = { forward: 2, backward: 5, backward_q: 3, backward_kv: 4 };
const CAUSAL = 1;

function attention({ entry, params: { tokens, keys, width, group, flags }, grid: [x, y] }: Dispatched): number {
  // A workgroup of `backward` takes all query heads of a key head, one of `backward_kv` a part of them; else y counts
  // query heads.
  const heads = entry === 'backward' ? x * group! : entry === 'backward_kv' ? y * group! : y;
  const products = ATTENTION_PRODUCTS[entry];
  if (!products) return 0;
  const all = 2 * products * tokens! * keys! * width! * heads;
  return (flags! & CAUSAL) !== 0 ? all / 2 : all;
}

/** Null for what prepares operands: padded rows, halves. */
const product: Rule = ({ kernel, params: { M, N, K, K2 = 0 }, grid }) =>
  M === undefined ? null : 2 * M * N! * (K! + K2) * (kernel.startsWith('matmul/gemv') ? 1 : grid[2]);

/** By the beginning of a kernel's name. */
const RULES: readonly (readonly [start: string, rule: Rule])[] = [
  ['matmul/', product],
  ['attention/', attention],
];

/** Operations of a dispatch; null for memory-bound kernels, which are not counted. */
export const operationsOf = (dispatch: Dispatched): number | null =>
  RULES.find(([start]) => dispatch.kernel.startsWith(start))?.[1](dispatch) ?? null;
