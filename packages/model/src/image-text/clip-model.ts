/**
 * @file The whole of a CLIP: image tower and text tower, projected into one space in which a text lies near the
 * pictures that it fits. SQ-LLaVA itself reads the image tower alone. Source: Radford et al. 2021,
 * https://arxiv.org/abs/2103.00020; names are those of transformers' CLIPModel.
 */
import { add, div, embedding, exp, indexSelect, matmul, minimum, mul, reshape, slice, sqrt, sum } from '@curio/engine';
import type { HostTensors, Parameter, Tensor } from '@curio/engine';
import { init, LayerNorm, Linear } from '@curio/nn';
import type { Weights } from '@curio/nn';
import { ClipBlock, ClipVision } from '../clip.ts';
import type { ClipTextConfig, ClipVisionConfig } from '../config.ts';

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
export const normalise = (x: Tensor): Tensor => div(x, sqrt(sum(mul(x, x), { axis: -1, keepDims: true })));

export interface ClipModelOptions {
  /** Shape of `logit_scale` in the file: published ones have a scalar. */
  readonly scaleShape?: readonly number[];
}

/** Tensors: `vision_model.*`, `text_model.*`, `visual_projection`, `text_projection`, `logit_scale`. */
export class ClipModel {
  readonly vision: ClipVision;
  private readonly text: ClipText;
  private readonly postNorm: LayerNorm;
  private readonly visualProjection: Linear;
  private readonly textProjection: Linear;
  private readonly logitScale: Parameter;

  constructor(
    readonly weights: Weights,
    vision: ClipVisionConfig,
    text: ClipTextConfig,
    { scaleShape = [] }: ClipModelOptions = {},
  ) {
    const w = weights;
    this.vision = new ClipVision(w.at('vision_model'), vision, { blocks: vision.numLayers });
    this.postNorm = new LayerNorm(w.at('vision_model.post_layernorm'), vision.hiddenSize, vision.layerNormEps);
    this.text = new ClipText(w.at('text_model'), text);
    this.visualProjection = new Linear(w.at('visual_projection'), vision.hiddenSize, text.projectionSize, {
      bias: false,
    });
    this.textProjection = new Linear(w.at('text_projection'), text.hiddenSize, text.projectionSize, { bias: false });
    this.logitScale = w.get('logit_scale', scaleShape, init.constant(Math.log(1 / 0.07)));
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
    return mul(matmul(pooled, captions, { transposeB: true }), cosineScale(this.logitScale));
  }
}

/** exp of the learned logarithm, at most 100 as in CLIP. */
export const cosineScale = (log: Parameter): Tensor => minimum(exp(log), 100);
