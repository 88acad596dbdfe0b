/**
 * @file A small CLIP to pretrain: the image tower and a text tower, trained contrastively.
 * Two losses: whole images against their captions (Radford et al. 2021), and patches against the words for their
 * content, so that the patch features that SQ-LLaVA reads know digit, colour, size and place.
 */
import {
  add,
  crossEntropy,
  div,
  embedding,
  exp,
  indexSelect,
  matmul,
  mean,
  minimum,
  mul,
  reshape,
  slice,
  sqrt,
  sum,
  tensor,
  transpose,
} from '@curio/engine';
import type { HostTensors, Parameter, Tensor } from '@curio/engine';
import { init, LayerNorm, Linear } from '@curio/nn';
import type { Weights } from '@curio/nn';
import { ClipBlock, ClipVision } from '@curio/model';
import type { ClipVisionConfig } from '@curio/model';

export interface ClipTextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly maxPositions: number;
  readonly layerNormEps: number;
  /** Width of the joint embedding space of images and texts. */
  readonly projectionSize: number;
}

/** Texts of equal padded length; each is represented by its last token. */
export interface TextRows {
  readonly ids: Int32Array;
  readonly count: number;
  readonly length: number;
  readonly lengths: Int32Array;
}

/** Pads lists of ids to their longest, and that to a multiple of `multiple`. */
export function textRows(texts: readonly (readonly number[])[], multiple = 1): TextRows {
  const lengths = Int32Array.from(texts, (ids) => ids.length);
  const length = Math.ceil(Math.max(...lengths) / multiple) * multiple;
  const ids = new Int32Array(texts.length * length);
  texts.forEach((text, i) => ids.set(text, i * length));
  return { ids, count: texts.length, length, lengths };
}

/** Texts on the device: ids i32[count, length], and the flat positions i32[count] of their last tokens. */
export type Texts = { readonly ids: Tensor; readonly ends: Tensor };

export function textInputs({ ids, count, length, lengths }: TextRows): HostTensors<Texts> {
  const ends = Int32Array.from(lengths, (n, i) => i * length + n - 1);
  return {
    ids: { values: ids as Int32Array<ArrayBuffer>, shape: [count, length] },
    ends: { values: ends, shape: [count] },
  };
}

/**
 * CLIP's text tower: causal blocks, read at the end token. Tensors: `embeddings.*`, `encoder.layers.{i}.*`,
 * `final_layer_norm.*`.
 */
class ClipText {
  private readonly token: Parameter;
  private readonly position: Parameter;
  private readonly blocks: readonly ClipBlock[];
  private readonly norm: LayerNorm;

  constructor(
    w: Weights,
    private readonly config: ClipTextConfig,
  ) {
    const { vocabSize, hiddenSize, intermediateSize, numLayers, numHeads, maxPositions, layerNormEps: eps } = config;
    this.token = w.at('embeddings.token_embedding').get('weight', [vocabSize, hiddenSize], init.normal(0.02));
    this.position = w.at('embeddings.position_embedding').get('weight', [maxPositions, hiddenSize], init.normal(0.01));
    const block = { hiddenSize, intermediateSize, numHeads, eps, causal: true };
    this.blocks = Array.from({ length: numLayers }, (_, i) => new ClipBlock(w.at(`encoder.layers.${i}`), block));
    this.norm = new LayerNorm(w.at('final_layer_norm'), hiddenSize, eps);
  }

  /** float[count, C] */
  forward({ ids, ends }: Texts): Tensor {
    const { hiddenSize } = this.config;
    const [count, length] = ids.shape as [number, number];
    const words = reshape(embedding(reshape(ids, [ids.size]), this.token), [count, length, hiddenSize]);
    const hidden = this.blocks.reduce(
      (x, block) => block.forward(x),
      add(words, slice(this.position, { axis: 0, start: 0, end: length })),
    );
    return this.norm.forward(indexSelect(reshape(hidden, [count * length, hiddenSize]), ends, { axis: 0 }));
  }
}

/** x / ‖x‖ over the last axis. */
const normalise = (x: Tensor): Tensor => div(x, sqrt(sum(mul(x, x), { axis: -1, keepDims: true })));

/** Patches of a batch and, for each set of words, the true word of each. */
export interface PatchTargets {
  /** Rows of the flattened [B·P], the patches of one object side by side. */
  readonly rows: Int32Array;
  /** Patches of each object. */
  readonly perObject: number;
  /** For each word set, the index of the true word of each row. */
  readonly words: readonly Int32Array[];
}

export class ClipPair {
  readonly vision: ClipVision;
  private readonly text: ClipText;
  private readonly postNorm: LayerNorm;
  private readonly visualProjection: Linear;
  private readonly textProjection: Linear;
  private readonly patchProjection: Linear;
  private readonly logitScale: Parameter;
  private readonly patchScale: Parameter;

  /** Hugging Face's CLIPModel names; `patch_projection` and `patch_scale` serve pretraining only. */
  constructor(
    readonly weights: Weights,
    vision: ClipVisionConfig,
    text: ClipTextConfig,
  ) {
    const w = weights;
    this.vision = new ClipVision(w.at('vision_model'), vision, { blocks: vision.numLayers });
    this.postNorm = new LayerNorm(w.at('vision_model.post_layernorm'), vision.hiddenSize, vision.layerNormEps);
    this.text = new ClipText(w.at('text_model'), text);
    this.visualProjection = new Linear(w.at('visual_projection'), vision.hiddenSize, text.projectionSize, {
      bias: false,
    });
    this.textProjection = new Linear(w.at('text_projection'), text.hiddenSize, text.projectionSize, { bias: false });
    this.patchProjection = new Linear(w.at('patch_projection'), vision.hiddenSize, text.projectionSize, {
      bias: false,
    });
    this.logitScale = w.get('logit_scale', [1], init.constant(Math.log(1 / 0.07)));
    this.patchScale = w.get('patch_scale', [1], init.constant(Math.log(1 / 0.07)));
  }

  /** Texts in the joint space, of length 1: float[count, J]. */
  encodeTexts(texts: Texts): Tensor {
    return normalise(this.textProjection.forward(this.text.forward(texts)));
  }

  /** Images in the joint space, of length 1, and the patch features that SQ-LLaVA reads. */
  encodeImages(pixels: Tensor): { pooled: Tensor; patches: Tensor } {
    const { blocks, config } = this.vision;
    const used = blocks.length + 1 + config.selectLayer;
    let hidden = this.vision.embed(pixels);
    let patches = hidden;
    blocks.forEach((block, i) => {
      hidden = block.forward(hidden);
      if (i + 1 === used) patches = hidden;
    });
    const first = reshape(slice(hidden, { axis: 1, start: 0, end: 1 }), [pixels.shape[0]!, config.hiddenSize]);
    return {
      pooled: normalise(this.visualProjection.forward(this.postNorm.forward(first))),
      patches: slice(patches, { axis: 1, start: 1 }),
    };
  }

  /** Cosines of every image with every caption, times the learned scale: float[B, B]. */
  similarities(pooled: Tensor, captions: Tensor): Tensor {
    return mul(matmul(pooled, captions, { transposeB: true }), this.scale(this.logitScale));
  }

  /** Mean of both directions' cross-entropies over the [B, B] similarities; image i belongs to caption i. */
  captionLoss(pooled: Tensor, captions: Tensor): Tensor {
    const { gpu } = this.weights;
    const logits = this.similarities(pooled, captions);
    const own = tensor(
      gpu,
      Int32Array.from({ length: pooled.shape[0]! }, (_, i) => i),
    );
    return mul(add(crossEntropy(logits, own), crossEntropy(transpose(logits), own)), 0.5);
  }

  /**
   * Scores of each word set for each patch at `rows`, and for the mean of each object's patches: cosine times a learned
   * scale. `wordSets` are float[words, J].
   */
  patchLogits(
    patches: Tensor,
    rows: Tensor,
    perObject: number,
    wordSets: readonly Tensor[],
  ): { patch: Tensor[]; object: Tensor[] } {
    const { hiddenSize } = this.vision.config;
    const chosen = indexSelect(reshape(patches, [-1, hiddenSize]), rows, { axis: 0 });
    const score = (features: Tensor): Tensor[] => {
      const seen = mul(normalise(this.patchProjection.forward(features)), this.scale(this.patchScale));
      return wordSets.map((words) => matmul(seen, words, { transposeB: true }));
    };
    return { patch: score(chosen), object: score(mean(reshape(chosen, [-1, perObject, hiddenSize]), { axis: 1 })) };
  }

  /**
   * Mean over the word sets of the cross-entropy of the true word, for patches and for objects.
   * @param targets i32[sets, rows] for patches and i32[sets, rows / perObject] for objects
   */
  patchLoss(
    patches: Tensor,
    rows: Tensor,
    targets: { readonly patch: Tensor; readonly object: Tensor },
    wordSets: readonly Tensor[],
  ): Tensor {
    const { patch, object } = this.patchLogits(patches, rows, rows.size / targets.object.shape[1]!, wordSets);
    const of = (set: Tensor, k: number): Tensor =>
      reshape(slice(set, { axis: 0, start: k, end: k + 1 }), [set.shape[1]!]);
    const losses = wordSets.flatMap((_, k) => [
      crossEntropy(patch[k]!, of(targets.patch, k)),
      crossEntropy(object[k]!, of(targets.object, k)),
    ]);
    return mul(
      losses.reduce((a, b) => add(a, b)),
      1 / wordSets.length,
    );
  }

  /** exp of the learned logarithm, at most 100 as in CLIP. */
  private scale(log: Parameter): Tensor {
    return minimum(exp(log), 100);
  }
}
