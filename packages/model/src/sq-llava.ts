/**
 * @file SQ-LLaVA: CLIP features, the prototype extractor, LLaMA, and the image's rows among the words.
 * docs/sq-llava.md 1.1 and 2.7.
 */
import { cat, crossEntropy, indexSelect, reshape, tensor } from '@curio/engine';
import type { Gpu, Parameter, Tensor } from '@curio/engine';
import { MlpProjector, PrototypeProjector } from '@curio/nn';
import type { Mode, Weights } from '@curio/nn';
import type { Batch } from './batch.ts';
import { ClipVision } from './clip.ts';
import type { ModelConfig } from './config.ts';
import { Llama } from './llama.ts';
import { IGNORE } from './tokens.ts';

export interface Projector { forward(x: Tensor): Tensor }

/** Labelled rows are gathered before the head, padded to a multiple of this, so that few shapes occur. */
const ROW_MULTIPLE = 64;

export class SqLlava {
  readonly mode: Mode = { training: false };
  readonly vision: ClipVision;
  readonly projector: Projector;
  readonly language: Llama;

  /** Scopes: `vision` (CLIP's own names), `projector` (names of docs/sq-llava.md 1.4.1), `language` (LLaMA's own names). */
  constructor(readonly weights: Weights, readonly config: ModelConfig) {
    const { vision, projector, language, languageLora, visionLora } = config;
    this.language = new Llama(weights.at('language'), language, { lora: languageLora, mode: this.mode, extraTokens: config.vusr === 'token' ? 1 : 0 });
    this.vision = new ClipVision(weights.at('vision.vision_model'), vision, { lora: visionLora, mode: this.mode });
    const at = weights.at('projector');
    this.projector = projector.kind === 'cluster'
      ? new PrototypeProjector(at, { ...projector, visionSize: vision.hiddenSize, hiddenSize: language.hiddenSize })
      : new MlpProjector(at, { visionSize: vision.hiddenSize, hiddenSize: language.hiddenSize });
  }

  get gpu(): Gpu {
    return this.weights.gpu;
  }

  get parameters(): Parameter[] {
    return this.weights.parameters();
  }

  /** Image features as the language model reads them: pixels float[N, 3, S, S] → float[N, P, H]. */
  encodeImages(pixels: Tensor): Tensor {
    return this.projector.forward(this.vision.features(pixels));
  }

  /**
   * Word embeddings with the images' rows in their places: float[B, T, H].
   * @param images float[N, P, H] from `encodeImages`, or null for text alone
   */
  splice(batch: Batch, images: Tensor | null): Tensor {
    const { size, length, tokens, imageRows } = batch;
    const { hiddenSize } = this.config.language;
    const words = this.language.embed(tensor(this.gpu, tokens as Int32Array<ArrayBuffer>, [size * length]));
    if (!images || imageRows.length === 0) return reshape(words, [size, length, hiddenSize]);
    const source = Int32Array.from({ length: size * length }, (_, i) => i);
    imageRows.forEach((row, i) => (source[row] = size * length + i));
    const both = cat([words, reshape(images, [-1, hiddenSize])], 0);
    return reshape(indexSelect(both, 0, tensor(this.gpu, source)), [size, length, hiddenSize]);
  }

  /** Hidden states of a batch: float[B, T, H]. */
  hidden(batch: Batch, pixels: Tensor | null): Tensor {
    const images = pixels && this.encodeImages(pixels);
    return this.language.forward(this.splice(batch, images), { lengths: tensor(this.gpu, batch.lengths as Int32Array<ArrayBuffer>) });
  }

  /** Mean cross-entropy over the labelled positions (docs/sq-llava.md 3.1). */
  loss(batch: Batch, pixels: Tensor | null): Tensor {
    const { hidden, targets } = this.labelledRows(batch, this.hidden(batch, pixels));
    return crossEntropy(this.language.logits(hidden), targets);
  }

  /** The rows of `hidden` that carry a label, and their labels; only these go through the head. */
  private labelledRows({ labels }: Batch, hidden: Tensor): { hidden: Tensor; targets: Tensor } {
    const positions: number[] = [];
    labels.forEach((label, i) => label !== IGNORE && positions.push(i));
    const count = Math.max(ROW_MULTIPLE, Math.ceil(positions.length / ROW_MULTIPLE) * ROW_MULTIPLE);
    const rows = new Int32Array(count);
    const targets = new Int32Array(count).fill(IGNORE);
    positions.forEach((position, i) => {
      rows[i] = position;
      targets[i] = labels[position]!;
    });
    const flat = reshape(hidden, [-1, this.config.language.hiddenSize]);
    return { hidden: indexSelect(flat, 0, tensor(this.gpu, rows)), targets: tensor(this.gpu, targets) };
  }
}
