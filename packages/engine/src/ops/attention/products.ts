/** @file The backward of attention by whole products, a few heads at a time. Records kernels only; no tape. */
import { attentionWeights } from '@curio/kernels/attention_weights';
import type { KernelDevice } from '../../gpu/kernel/variant.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Run } from '../../tensor/op.ts';
import { ones } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { AttentionSizes, BackwardVariant } from './plan.ts';
import { fixedSubgroupSize } from '../../gpu/kernel/variant.ts';
import { div, mul } from '../elementwise/binary.ts';
import { maximumOf } from '../elementwise/unary.ts';
import { cat } from '../layout/cat.ts';
import { matmul } from '../matmul/matmul.ts';
import { pad } from '../layout/pad.ts';
import { dense, reshape, slice } from '../layout/views.ts';
import { max } from '../reduce/reductions.ts';

/** Rows of scores that the backward by products holds at a time. */
const BAND = 2048;

/**
 * Columns of a row of scores in the backward by products: the keys and some padding. With a multiple of 64, rows are
 * copied into textures directly, which is worth up to an eighth more.
 */
function scoreColumns(keys: number): number {
  const copied = 64 * ceilDiv(keys, 64);
  return copied <= keys * 1.125 ? copied : 4 * ceilDiv(keys, 4);
}

/**
 * dy and its part of the stats divided by the largest |dy|, and that: products on matrix units round to f16, which does
 * not reach down to gradients.
 */
function nearOne(dy: Tensor, stats: Tensor): { dy: Tensor; stats: Tensor; largest: Tensor } {
  const largest = maximumOf(reshape(max(slice(stats, { axis: 3, start: 3, end: 4 })), [1]), 1e-30);
  const [one, inverse] = [ones(dy.gpu, [1]), div(1, largest)];
  return { dy: mul(dy, inverse), stats: mul(stats, cat([one, inverse, one, one], { axis: 0 })), largest };
}

/**
 * dq, dk and dv float[B, H, T or S, D], null where nothing needs them. The scores are recomputed, BAND rows at a time:
 * 8·BAND·S bytes or an eighth more, linear in the tokens. Seven products' worth of tiles become five of the fastest
 * kernel there is.
 * @param stats float[B, H, T, 4] from attention/naive's prepare
 */
function backwardByProducts(
  run: Run,
  { q, k, v, ...given }: Record<'q' | 'k' | 'v' | 'dy' | 'stats', Tensor>,
  { batch, heads, tokens, keys, width, scale }: AttentionSizes,
): (Tensor | null)[] {
  const [needsQ, needsK, needsV] = run.needs as boolean[];
  const { dy, stats, largest } = run.gpu.kernels.halfProducts
    ? nearOne(given.dy, given.stats)
    : { ...given, largest: null };
  const cols = scoreColumns(keys);
  const all = batch * heads;
  const rowsOf = (x: Tensor): Tensor => reshape(dense(x), [all, tokens, width]);
  const colsOf = (x: Tensor): Tensor =>
    reshape(
      cols === keys
        ? dense(x)
        : pad(x, [
            [0, cols - keys],
            [0, 0],
          ]),
      [all, cols, width],
    );
  const [query, dyRows, key, value] = [rowsOf(q), rowsOf(dy), colsOf(k), colsOf(v)];
  const perBand = Math.max(1, Math.floor(BAND / tokens));
  const bands = Array.from({ length: ceilDiv(all, perBand) }, (_, i) =>
    run.gpu.scope(() => {
      const [first, end] = [i * perBand, Math.min(all, (i + 1) * perBand)];
      const [qBand, dyBand, kBand, vBand] = [query, dyRows, key, value].map((x) =>
        slice(x, { axis: 0, start: first, end }),
      ) as [Tensor, Tensor, Tensor, Tensor];
      const s = matmul(qBand, kBand, { transposeB: true });
      const ds = matmul(dyBand, vBand, { transposeB: true });
      const rows = (end - first) * tokens;
      run.dispatch(attentionWeights, 'weights', {
        buffers: { stats_saved: stats, s, ds },
        params: { rows, vec4s: cols / 4, first: first * tokens, scale },
        grid: lineGrid(ceilDiv(rows, 8)),
      });
      return {
        dq: needsQ ? matmul(ds, kBand) : null,
        dk: needsK ? matmul(ds, qBand, { transposeA: true }) : null,
        dv: needsV ? matmul(s, dyBand, { transposeA: true }) : null,
      };
    }),
  );
  return (['dq', 'dk', 'dv'] as const).map((name) => {
    const parts = bands.flatMap((band) => band[name] ?? []);
    if (parts.length === 0) return null;
    const whole = parts.length === 1 ? parts[0]! : cat(parts, { axis: 0 });
    const gradient = slice(reshape(whole, [batch, heads, name === 'dq' ? tokens : cols, width]), {
      axis: 2,
      start: 0,
      end: name === 'dq' ? tokens : keys,
    });
    return largest ? mul(gradient, largest) : gradient;
  });
}

/** Rows of scores that cannot be copied into textures directly would cost more than this gains. */
const beatsSubgroups = (gpu: KernelDevice, { tokens, keys, flags }: AttentionSizes): boolean =>
  (flags & 1) === 0 && Math.min(tokens, keys) >= 64 && (scoreColumns(keys) % 64 === 0 || fixedSubgroupSize(gpu) !== 8);

/**
 * Wide heads and many tokens, all of which see each other: on an H200 32 heads of 2048×128 took 8.0 ms by products and
 * 11.4 ms by tiles, 16 of 577×64 0.72 and 0.42 ms. On matrix units, whose kernel for gradients takes no wide heads, the
 * five products and the passes over their scores are estimated at 19 ps per score, tiles in f32 at 90 and, causal, 45.
 */
const beatsTiles = (gpu: KernelDevice, { tokens, keys, width, flags }: AttentionSizes): boolean => {
  const isCausal = (flags & 1) !== 0;
  const onUnits = gpu.kernels.halfProducts && gpu.adapter.subgroupMatrix !== null;
  return (!isCausal || onUnits) && width > 64 && Math.min(tokens, keys) >= (onUnits && !isCausal ? 512 : 1024);
};

/** Its kernel is the part between the products. */
export const attentionProducts: BackwardVariant = {
  kernel: attentionWeights,
  fits: (_, { group, tokens, keys }) => group === 1 && keys > 0 && tokens <= BAND,
  pays: (gpu, sizes) => (gpu.adapter.costs.barriers === 'high' ? beatsSubgroups : beatsTiles)(gpu, sizes),
  grid: (_, { tokens }) => lineGrid(ceilDiv(tokens, 8)),
  entries: [],
  gradients: backwardByProducts,
};
