/**
 * @file CLIP's image tower (ViT), as SQ-LLaVA uses it: features of the layer before last, class token dropped.
 * Mirrors transformers' CLIPVisionModel; docs/sq-llava.md 1.2 and 1.3.
 */
import { add, cat, expand, matmul, permute, quickGelu, reshape, slice } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { Attention, init, LayerNorm, Mlp, runBlock } from '@curio/nn';
import type { Initializer, LoraOptions, Mode, Weights } from '@curio/nn';
import { imageTokens } from './config.ts';
import type { ClipVisionConfig } from './config.ts';

export interface ClipBlockOptions {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHeads: number;
  readonly eps: number;
  readonly causal: boolean;
  readonly lora?: LoraOptions | null;
  readonly mode?: Mode;
}

/** x += out(attention(LN1 x)); x += fc2(quick_gelu(fc1(LN2 x))). Used by both of CLIP's towers. */
export class ClipBlock {
  private readonly norm1: LayerNorm;
  private readonly norm2: LayerNorm;
  private readonly attention: Attention;
  private readonly mlp: Mlp;

  constructor(w: Weights, { hiddenSize, intermediateSize, numHeads, eps, causal, lora, mode }: ClipBlockOptions) {
    this.norm1 = new LayerNorm(w.at('layer_norm1'), hiddenSize, eps);
    this.attention = new Attention(w.at('self_attn'), {
      hiddenSize,
      numHeads,
      causal,
      bias: true,
      outputName: 'out_proj',
      lora,
      mode,
    });
    this.norm2 = new LayerNorm(w.at('layer_norm2'), hiddenSize, eps);
    this.mlp = new Mlp(w.at('mlp'), { hiddenSize, intermediateSize, lora, mode }, quickGelu);
  }

  forward(x: Tensor): Tensor {
    const mixed = add(x, this.attention.forward(this.norm1.forward(x)));
    return add(mixed, this.mlp.forward(this.norm2.forward(mixed)));
  }
}

/** Patches, class token and positions: pixels float[B, 3, S, S] → float[B, 1 + P, C]. */
class ClipEmbeddings {
  private readonly patch: Parameter;
  private readonly classToken: Parameter;
  private readonly position: Parameter;

  constructor(
    w: Weights,
    private readonly config: ClipVisionConfig,
    initial: Initializer,
  ) {
    const { hiddenSize, patchSize } = config;
    this.patch = w
      .at('patch_embedding')
      .get('weight', [hiddenSize, 3, patchSize, patchSize], init.linear(3 * patchSize ** 2));
    this.classToken = w.get('class_embedding', [hiddenSize], initial);
    this.position = w.at('position_embedding').get('weight', [1 + imageTokens(config), hiddenSize], initial);
  }

  forward(pixels: Tensor): Tensor {
    const { hiddenSize, patchSize: p } = this.config;
    const [batch, , height, width] = pixels.shape as [number, number, number, number];
    const [rows, cols] = [height / p, width / p];
    const cut = permute(reshape(pixels, [batch, 3, rows, p, cols, p]), [0, 2, 4, 1, 3, 5]);
    const patches = reshape(cut, [batch * rows * cols, 3 * p * p]);
    const features = matmul(patches, reshape(this.patch, [hiddenSize, 3 * p * p]), { transposeB: true });
    const first = expand(reshape(this.classToken, [1, 1, hiddenSize]), [batch, 1, hiddenSize]);
    return add(cat([first, reshape(features, [batch, rows * cols, hiddenSize])], { axis: 1 }), this.position);
  }
}

export interface ClipVisionOptions {
  readonly lora?: LoraOptions | null;
  readonly mode?: Mode;
  /** Blocks to build: all for pretraining; default: up to the selected layer, as the rest never runs. */
  readonly blocks?: number;
}

/** The image tower. Tensors: `embeddings.*`, `pre_layrnorm.*` (sic), `encoder.layers.{i}.*`. */
export class ClipVision {
  private readonly embeddings: ClipEmbeddings;
  private readonly preNorm: LayerNorm;
  private readonly mode: Mode | undefined;
  readonly blocks: readonly ClipBlock[];

  constructor(
    w: Weights,
    readonly config: ClipVisionConfig,
    { lora, mode, blocks = config.numLayers + 1 + config.selectLayer }: ClipVisionOptions = {},
  ) {
    const { hiddenSize, intermediateSize, numHeads, layerNormEps: eps } = config;
    this.mode = mode;
    // As large as the patch embeddings: starting at 0.02, the model had not learnt positions after 250 steps.
    this.embeddings = new ClipEmbeddings(w.at('embeddings'), config, init.normal(0.5));
    this.preNorm = new LayerNorm(w.at('pre_layrnorm'), hiddenSize, eps);
    const block = { hiddenSize, intermediateSize, numHeads, eps, causal: false, lora, mode };
    this.blocks = Array.from({ length: blocks }, (_, i) => new ClipBlock(w.at(`encoder.layers.${i}`), block));
  }

  /** Class token and patches after the embedding norm: float[B, 1 + P, C]. */
  embed(pixels: Tensor): Tensor {
    return this.preNorm.forward(this.embeddings.forward(pixels));
  }

  /**
   * Patch features of the last block built, class token dropped: float[B, 3, S, S] → float[B, P, C] in raster order.
   */
  features(pixels: Tensor): Tensor {
    const hidden = this.blocks.reduce(
      (x, block) => runBlock(this.mode, (y) => block.forward(y), x),
      this.embed(pixels),
    );
    return slice(hidden, { axis: 1, start: 1 });
  }
}
