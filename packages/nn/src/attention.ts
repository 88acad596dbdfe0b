import { permute, reshape, rotaryEmbeddings, scaledDotProductAttention } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { traceAttention } from './attention-trace.ts';
import type { AttentionTrace } from './attention-trace.ts';
import type { Initializer } from './init.ts';
import type { KvCache } from './kv-cache.ts';
import { Linear, SharedInputLinears } from './linear.ts';
import type { LoraOptions } from './lora.ts';
import type { Mode } from './mode.ts';
import type { Weights } from './weights.ts';

export interface AttentionOptions {
  readonly hiddenSize: number;
  readonly numHeads: number;
  /** Fewer than `numHeads`: several query heads share one pair of key and value heads. */
  readonly numKeyValueHeads?: number;
  readonly headDim?: number;
  readonly causal: boolean;
  readonly bias: boolean;
  /** `out_proj` in CLIP, `o_proj` in LLaMA. */
  readonly outputName: string;
  /** Rotary positions with this base; none when left out. */
  readonly ropeTheta?: number;
  readonly lora?: LoraOptions | null;
  readonly initial?: Initializer;
  readonly outputInitial?: Initializer;
  readonly mode?: Mode;
}

export interface AttentionContext {
  /** Valid tokens of each row, i32[B]; the rest is padding. */
  readonly lengths?: Tensor | null;
  readonly cache?: KvCache | null;
  /** Which layer of the cache and of the trace. */
  readonly layer?: number;
  /**
   * Position of the first token, i32[1], or of the one token of each row, i32[B]; without it 0, or the tokens that the
   * cache holds. With a cache the keys and values are written there, and the caller tracks its length, as a captured
   * decoding step requires.
   */
  readonly positions?: Tensor | null;
  /** Receives what one query of each row attends to; without it nothing more is computed. */
  readonly trace?: AttentionTrace | null;
}

/**
 * Multi-head attention over x float[B, T, C]: o(softmax(q·kᵀ/√D)·v). Tensors: `q_proj`, `k_proj`, `v_proj` and the
 * output projection.
 */
export class Attention {
  private readonly qkv: SharedInputLinears;
  private readonly o: Linear;
  private readonly headDim: number;

  constructor(
    w: Weights,
    private readonly options: AttentionOptions,
  ) {
    const { hiddenSize, numHeads, numKeyValueHeads = numHeads, bias, lora, initial, mode } = options;
    this.headDim = options.headDim ?? hiddenSize / numHeads;
    const [wide, narrow] = [numHeads * this.headDim, numKeyValueHeads * this.headDim];
    const shared = { bias, lora, initial, mode };
    this.qkv = new SharedInputLinears(w, hiddenSize, { q_proj: wide, k_proj: narrow, v_proj: narrow }, shared);
    this.o = new Linear(w.at(options.outputName), wide, hiddenSize, {
      ...shared,
      initial: options.outputInitial ?? initial,
    });
  }

  forward(x: Tensor, context: AttentionContext = {}): Tensor {
    const { lengths = null, cache = null, layer = 0, positions = null, trace = null } = context;
    const [batch, tokens] = x.shape as [number, number];
    const { causal, ropeTheta } = this.options;
    const heads = (y: Tensor): Tensor => reshape(y, [batch, tokens, -1, this.headDim]);
    const first = (y: Tensor): Tensor => permute(y, [0, 2, 1, 3]);
    const [query, key, value] = this.qkv.forward(x).map(heads) as [Tensor, Tensor, Tensor];
    const rotary = { theta: ropeTheta, ...(positions && { positions }) };
    const [turnedQuery, turnedKey] = ropeTheta === undefined ? [query, key] : rotaryEmbeddings(query, key, rotary);
    const q = first(turnedQuery);
    let k = first(turnedKey);
    let v = first(value);
    if (cache) ({ k, v } = cache.append(layer, k, v, positions));
    if (trace) traceAttention(trace, layer, q, k);
    const position = cache && positions;
    const y = scaledDotProductAttention(q, k, v, {
      causal,
      ...(lengths && { lengths }),
      ...(position && { position }),
    });
    return this.o.forward(reshape(permute(y, [0, 2, 1, 3]), [batch, tokens, -1]));
  }
}
