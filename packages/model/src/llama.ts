/**
 * @file LLaMA-2's decoder with LoRA on its seven linears. Mirrors transformers' LlamaForCausalLM; docs/sq-llava.md 1.5
 * and 1.6.
 */
import { add, cast, cat, embedding, indexSelect, linear, linearCrossEntropy, reshape, tensor } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { Attention, GatedMlp, init, RmsNorm, runBlock } from '@curio/nn';
import type { AttentionContext, Initializer, LoraOptions, Mode, Weights } from '@curio/nn';
import type { LlamaConfig } from './config.ts';

export interface LlamaOptions {
  readonly lora?: LoraOptions | null;
  readonly mode?: Mode;
  /**
   * New words after the vocabulary; they get rows `extra_embedding` and `extra_head` of their own, so the frozen tables
   * stay as they are.
   */
  readonly extraTokens?: number;
  /** Initial values of the embedding table, if no file has them. */
  readonly embeddingInitial?: Initializer;
}

/** Scales that suited pretraining small models: wide embeddings, narrow outputs of the residual branches. */
const inner = (fanIn: number): Initializer => init.normal(0.8 / Math.sqrt(fanIn));
const outer = (fanIn: number): Initializer => init.normal(0.25 / Math.sqrt(fanIn));

/** h += o(attention(RMS h)); h += down(silu(gate(RMS h)) ⊙ up(RMS h)). */
export class LlamaBlock {
  private readonly inputNorm: RmsNorm;
  private readonly postNorm: RmsNorm;
  private readonly attention: Attention;
  private readonly mlp: GatedMlp;

  constructor(w: Weights, config: LlamaConfig, lora: LoraOptions | null, mode?: Mode) {
    const { hiddenSize, intermediateSize, numHeads, numKeyValueHeads, rmsNormEps, ropeTheta } = config;
    this.inputNorm = new RmsNorm(w.at('input_layernorm'), hiddenSize, rmsNormEps);
    this.attention = new Attention(w.at('self_attn'), {
      hiddenSize,
      numHeads,
      numKeyValueHeads,
      causal: true,
      bias: false,
      outputName: 'o_proj',
      ropeTheta,
      lora,
      mode,
      initial: inner(hiddenSize),
      outputInitial: outer(hiddenSize),
    });
    this.postNorm = new RmsNorm(w.at('post_attention_layernorm'), hiddenSize, rmsNormEps);
    this.mlp = new GatedMlp(w.at('mlp'), {
      hiddenSize,
      intermediateSize,
      lora,
      mode,
      initial: inner(hiddenSize),
      outputInitial: outer(intermediateSize),
    });
  }

  /** @param rows flat positions of the required rows; returns float[R, C] */
  forward(x: Tensor, context: AttentionContext, rows: Tensor | null = null): Tensor {
    const all = add(x, this.attention.forward(this.inputNorm.forward(x), context));
    const mixed = rows ? indexSelect(reshape(all, [-1, x.shape.at(-1)!]), rows, { axis: 0 }) : all;
    return add(mixed, this.mlp.forward(this.postNorm.forward(mixed)));
  }
}

/** The decoder. Tensors: `model.embed_tokens`, `model.layers.{i}`, `model.norm`, `lm_head`. */
export class Llama {
  readonly embedTokens: Parameter;
  readonly layers: readonly LlamaBlock[];
  private readonly mode: Mode | undefined;
  private readonly norm: RmsNorm;
  private readonly head: Parameter;
  private readonly extra: { readonly embedding: Parameter; readonly head: Parameter } | null;

  constructor(
    w: Weights,
    readonly config: LlamaConfig,
    options: LlamaOptions = {},
  ) {
    const { hiddenSize, vocabSize, numLayers, rmsNormEps } = config;
    const { lora = null, mode, extraTokens = 0, embeddingInitial = init.normal(0.5) } = options;
    this.mode = mode;
    const body = w.at('model');
    this.embedTokens = body.at('embed_tokens').get('weight', [vocabSize, hiddenSize], embeddingInitial);
    this.layers = Array.from(
      { length: numLayers },
      (_, i) => new LlamaBlock(body.at(`layers.${i}`), config, lora, mode),
    );
    this.norm = new RmsNorm(body.at('norm'), hiddenSize, rmsNormEps);
    this.head = w.at('lm_head').get('weight', [vocabSize, hiddenSize], init.normal(0.02));
    this.extra =
      extraTokens === 0
        ? null
        : {
            embedding: w.get('extra_embedding', [extraTokens, hiddenSize], init.zeros),
            head: w.get('extra_head', [extraTokens, hiddenSize], init.zeros),
          };
  }

  /** Rows of the embedding table: i32[...] → float[..., C]. */
  embed(ids: Tensor): Tensor {
    return embedding(ids, this.extra ? [this.embedTokens, this.extra.embedding] : this.embedTokens);
  }

  /**
   * Hidden states after the final norm: float[B, T, C] → float[B, T, C]. With a cache, x holds only the new tokens and
   * the cache advances; with `positions` as well, the caller tracks the position.
   * @param rows i32[R], flat positions b·T + t: returns only their states, float[R, C], and skips the last MLP for the
   * others
   */
  forward(x: Tensor, context: AttentionContext = {}, rows: Tensor | null = null): Tensor {
    const { cache } = context;
    const positions =
      context.positions ?? (cache && cache.length > 0 ? tensor(x.gpu, Int32Array.of(cache.length)) : null);
    const hidden = this.layers.reduce((h, layer, i) => {
      const wanted = i === this.layers.length - 1 ? rows : null;
      return runBlock(this.mode, (y) => layer.forward(y, { ...context, positions, layer: i }, wanted), h);
    }, x);
    if (cache && !context.positions) cache.length += x.shape[1]!;
    return this.norm.forward(hidden);
  }

  /** Scores of every word: float[..., C] → float[..., V]. */
  logits(hidden: Tensor): Tensor {
    const known = linear(hidden, this.head, null);
    return this.extra ? cat([known, linear(hidden, this.extra.head, null)], { axis: -1 }) : known;
  }

  /**
   * Mean cross-entropy of the next words: hidden float[R, C], targets i32[R], -100 where there is none. The logits of
   * many rows are never held all at once.
   */
  loss(hidden: Tensor, targets: Tensor): Tensor {
    return linearCrossEntropy(hidden, this.extra ? [this.head, this.extra.head] : this.head, targets);
  }

  /**
   * Gives each new word the mean of the known rows, in embedding and head, as the specification's `token` variant
   * requires.
   */
  async initialiseExtra(): Promise<void> {
    if (!this.extra) return;
    const { hiddenSize, vocabSize } = this.config;
    for (const [row, table] of [
      [this.extra.embedding, this.embedTokens],
      [this.extra.head, this.head],
    ] as const) {
      const known = (await table.gpu.scope(() => cast(table, 'f32').read())) as Float32Array;
      const mean = new Float32Array(hiddenSize);
      for (let i = 0; i < known.length; i++) mean[i % hiddenSize]! += known[i]! / vocabSize;
      const values = new Float32Array(row.size);
      for (let i = 0; i < values.length; i++) values[i] = mean[i % hiddenSize]!;
      row.write(values);
    }
  }
}
