import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { choose, tune } from '../../gpu/kernel/choose.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { AttentionPlan, AttentionSizes } from './plan.ts';
import { attentionBackwardVariants, attentionPrepare, attentionVariants } from './variants.ts';
import { adjacentOutputs } from '../parts/adjacent.ts';
import { requireFloat } from '../parts/broadcast.ts';

export interface AttentionOptions {
  /** Query i sees keys up to its own position: S - T + i, or as `position` says. */
  readonly causal?: boolean;
  /**
   * i32[B]: number of valid keys of each batch row, 0 to S; the rest is padding. One out of range is refused where the
   * host knows it, and taken as the nearest where only the device does.
   */
  readonly lengths?: Tensor;
  /**
   * i32[1] or i32[B]: position of the first query, as data, for decoding over a cache of fixed size: 0 to S - T,
   * with lengths' rule for any other. Implies `causal`; no gradient.
   */
  readonly position?: Tensor;
  /** Default 1 / √D. */
  readonly scale?: number;
}

type In = readonly [q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | null, position: Tensor | null];

const op = defineOp({
  name: 'scaledDotProductAttention',
  layouts: ['rows', 'rows', 'rows', 'dense', 'dense'],
  dyLayout: 'any',
  plan([q, k, v, lengths, position]: In, { causal = false, scale }: AttentionOptions): AttentionSizes {
    requireFloat('scaledDotProductAttention', q, k, v);
    const [batch, heads, tokens, width] = q.shape as [number, number, number, number];
    const [, kvHeads, keys] = k.shape as [number, number, number, number];
    const fits =
      [q, k, v].every((x) => x.shape.length === 4) &&
      k.shape.every((n, i) => n === v.shape[i]) &&
      k.shape[0] === batch &&
      k.shape[3] === width;
    if (!fits)
      throw new ShapeError(
        `scaledDotProductAttention: q is ${showShape(q.shape)}, k ${showShape(k.shape)} and v ${showShape(v.shape)}; they must be [B, H, T, D], [B, Hkv, S, D] and [B, Hkv, S, D].`,
      );
    if (heads % kvHeads !== 0)
      throw new ShapeError(
        `scaledDotProductAttention: q has ${heads} heads and k ${kvHeads}; the first must be a multiple of the second.`,
      );
    for (const [name, x, sizes] of [
      ['lengths', lengths, [batch]],
      ['position', position, [1, batch]],
    ] as const) {
      if (!x) continue;
      if (x.dtype !== 'i32') throw new DTypeError(`scaledDotProductAttention: ${name} is ${x.dtype}; it must be i32.`);
      if (!(sizes as readonly number[]).includes(x.size))
        throw new ShapeError(
          `scaledDotProductAttention: ${name} is ${showShape(x.shape)} and q is ${showShape(q.shape)}; ${name} must be ${[...new Set(sizes)].map((n) => `[${n}]`).join(' or ')}.`,
        );
    }
    if (scale !== undefined) requireFinite('scaledDotProductAttention', 'scale', scale);
    if (lengths) requireIndices('scaledDotProductAttention', 'length', lengths, { low: 0, high: keys });
    if (position) requireIndices('scaledDotProductAttention', 'position', position, { low: 0, high: keys - tokens });
    if (lengths && position)
      throw new ShapeError(
        'scaledDotProductAttention: lengths and position are both given; leave lengths out, since position already masks the keys that do not exist yet.',
      );
    const flags =
      (causal || position ? 1 : 0) + (lengths ? 2 : 0) + (position ? 4 : 0) + (position && position.size > 1 ? 8 : 0);
    return { batch, heads, group: heads / kvHeads, tokens, keys, width, scale: scale ?? 1 / Math.sqrt(width), flags };
  },
  forward(run, [q, k, v, lengths, position], sizes) {
    const dense = k.strides.every((stride, i) => stride === v.strides[i] || k.shape[i] === 1);
    const [key, value] = dense ? [k, v] : ([run.fit(byToken(k)), run.fit(byToken(v))].map(byToken) as [Tensor, Tensor]);
    const plan = planOf(sizes, q, key, value);
    const y = run.out([sizes.batch, sizes.tokens, sizes.heads, sizes.width]);
    const lse = run.out([sizes.batch, sizes.heads, sizes.tokens]);
    const buffers = { q, k: key, v: value, bounds: lengths ?? position ?? q, y, lse };
    run.launch('attention', attentionVariants, plan, 'forward', { buffers, params: plan.params });
    return { y: byToken(y), saved: { q, k: key, v: value, lengths, y, lse } };
  },
  backward(run, dy, { q, k, v, lengths, y, lse }, sizes) {
    if (sizes.flags & 4)
      throw new ShapeError(
        'scaledDotProductAttention: a gradient is required and position is given; position is for decoding under noGrad, use causal to train.',
      );
    const plan = planOf(sizes, q, k, v);
    const stats = run.out([...lse.shape, 4]);
    const dyByToken = run.fit(byToken(dy));
    const { batch, tokens, heads, group, keys, width } = sizes;
    const { params } = plan;
    run.dispatch(attentionPrepare.kernel, 'prepare', {
      buffers: { y_saved: y, lse_saved: lse, dy: dyByToken, bounds: lengths ?? q, stats },
      params,
      ...tune(run.gpu, attentionPrepare, plan, 'prepare'),
    });
    const family = run.gpu.kernels.forced.has('attention backward') ? 'attention backward' : 'attention';
    const variant = choose(run.gpu, family, 'backward', attentionBackwardVariants, plan, 'attention backward');
    if (variant.gradients) return [...variant.gradients(run, { q, k, v, dy, stats }, sizes), null, null];
    const wants = { backward: true, backward_q: run.needs[0]!, backward_kv: run.needs[1]! || run.needs[2]! };
    const entries = variant.entries.filter((entry) => wants[entry]);
    const writes = (entry: keyof typeof wants): boolean => entries.includes('backward') || entries.includes(entry);
    const shapes = { q: [batch, tokens, heads, width], kv: [batch, keys, heads / group, width] };
    // Side by side, for the layers that they go to.
    const all =
      writes('backward_q') && writes('backward_kv') && sameShape(shapes.q, shapes.kv)
        ? adjacentOutputs(run, 3, shapes.q)
        : null;
    const dq = all?.[0] ?? (writes('backward_q') ? run.out(shapes.q) : null);
    const [dk, dv] = all?.slice(1) ?? (writes('backward_kv') ? [0, 1].map(() => run.out(shapes.kv)) : []);
    if (dq && dq.size > 0) run.gpu.stream.clear(dq.binding, 4 * dq.size);
    const buffers = {
      q,
      k,
      v,
      dy: dyByToken,
      stats_saved: stats,
      ...(dq && { dq }),
      ...(dk && { dk }),
      ...(dv && { dv }),
    };
    for (const entry of entries) run.launchVariant(variant, plan, entry, { buffers, params });
    return [
      run.needs[0] ? byToken(dq!) : null,
      run.needs[1] ? byToken(dk!) : null,
      run.needs[2] ? byToken(dv!) : null,
      null,
      null,
    ];
  },
});

/** [B, T, H, D] viewed as [B, H, T, D], or vice versa; no gradient is recorded. */
const byToken = ({ gpu, shape, dtype, storage, strides, offset }: Tensor): Tensor =>
  new Tensor(gpu, [shape[0]!, shape[2]!, shape[1]!, shape[3]!], dtype, storage, {
    strides: [strides[0]!, strides[2]!, strides[1]!, strides[3]!],
    offset,
  });

function planOf(sizes: AttentionSizes, q: Tensor, k: Tensor, v: Tensor): AttentionPlan {
  const { tokens, keys, heads, group, width, scale, flags } = sizes;
  const [qBatch, qHead, qToken] = q.strides as [number, number, number];
  const [kvBatch, kvHead, kvToken] = k.strides as [number, number, number];
  const params = {
    tokens,
    keys,
    heads,
    group,
    width,
    q_batch: qBatch,
    q_head: qHead,
    q_token: qToken,
    q_offset: q.bindingOffset,
    kv_batch: kvBatch,
    kv_head: kvHead,
    kv_token: kvToken,
    k_offset: k.bindingOffset,
    v_offset: v.bindingOffset,
    scale,
    flags,
  };
  const steps = [
    width,
    qBatch,
    qHead,
    qToken,
    q.bindingOffset,
    kvBatch,
    kvHead,
    kvToken,
    k.bindingOffset,
    v.bindingOffset,
  ];
  return { ...sizes, params, inQuads: steps.every((n) => n % 4 === 0) };
}

/**
 * Scaled dot-product attention: y = softmax(scale · q·kᵀ)·v over the keys that a query sees. Several query heads may
 * share a key and value head (H a multiple of Hkv: head h uses h·Hkv/H). A query that sees no key gives 0; padded
 * queries give finite values. ∞ or NaN in v at a key past `lengths` reaches no query. At a key that `causal` hides it
 * makes NaN, 0·∞, of those queries that share a tile with one that sees the key; kernels differ in their tiles, and
 * `naive` has none. PyTorch has NaN for every query there.
 * @param q float[B, H, T, D] @param k float[B, Hkv, S, D] @param v float[B, Hkv, S, D]: any strides with a dense last
 * axis
 * @returns float[B, H, T, D], stored as [B, T, H, D], so that permuting back and merging the heads is free
 * Saves q, k, v, y and one number per query; the backward pass recomputes the scores, by tiles or a few heads at a
 * time.
 * Kernels: kernels/attention. Throws ShapeError and DTypeError where sizes do not fit. Source: Dao 2023
 * (FlashAttention-2).
 */
export const scaledDotProductAttention = (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor =>
  op(
    [q, k, v, options.lengths ?? null, options.position ?? null],
    requireOptions('scaledDotProductAttention', options, ['causal', 'scale', 'lengths', 'position']),
  );
