/**
 * @file What one query of each row attends to, computed separately from the fused kernels, which never materialise the
 * weights.
 */
import { affine, assignSlice, indexSelect, matmul, mean, permute, reshape, softmax, where } from '@curio/engine';
import type { Tensor } from '@curio/engine';

export interface AttentionTrace {
  /** float[B, L, S], dense: receives the weights of each layer, the mean over its heads. */
  readonly weights: Tensor;
  /** i32[B], the flat positions b·T + t of the traced queries; null where each row has one. */
  readonly rows: Tensor | null;
  /** bool[B, S]: the keys that the traced query sees. */
  readonly visible: Tensor;
  /** −∞, float[1]. It is made by the caller, since a captured step cannot write it. */
  readonly hidden: Tensor;
}

/**
 * Writes mean over the heads of softmax(q·kᵀ/√D) for the traced query of each row; 0 at keys that it does not see,
 * whatever these hold.
 * @param q float[B, H, T, D]
 * @param k float[B, Hkv, S, D]
 */
export function traceAttention(
  { weights, rows, visible, hidden }: AttentionTrace,
  layer: number,
  q: Tensor,
  k: Tensor,
): void {
  const [batch, heads, tokens, width] = q.shape as [number, number, number, number];
  const [, kvHeads, keys] = k.shape as [number, number, number];
  const byToken = reshape(permute(q, [0, 2, 1, 3]), [batch * tokens, heads * width]);
  const query = reshape(rows ? indexSelect(byToken, rows, { axis: 0 }) : byToken, [batch, kvHeads, -1, width]);
  const scores = affine(matmul(query, k, { transposeB: true }), 1 / Math.sqrt(width));
  const seen = where(reshape(visible, [batch, 1, 1, keys]), scores, hidden);
  const each = reshape(softmax(seen), [batch, heads, keys]);
  assignSlice(weights, mean(each, { axis: 1, keepDims: true }), { axis: 1, start: layer });
}
