/**
 * @file SQ-LLaVA: CLIP features, the prototype extractor, LLaMA, and the image's rows among the words.
 * docs/sq-llava.md 1.1 and 2.7.
 */
import { cat, indexSelect, reshape, upload } from '@curio/engine';
import type { Gpu, HostTensors, Parameter, PrototypeAssignment, Tensor } from '@curio/engine';
import { MlpProjector, PaperProjector, PrototypeProjector } from '@curio/nn';
import type { Mode, Weights } from '@curio/nn';
import { labelledRows } from './data/batch.ts';
import type { Batch } from './data/batch.ts';
import { ClipVision } from './clip.ts';
import { checkModelSizes } from './model-sizes.ts';
import type { ModelConfig } from './config.ts';
import { Llama } from './llama.ts';

/** Is given which patches share a prototype, where the projector has prototypes. */
export type AssignmentListener = (assignment: PrototypeAssignment) => void;

export interface Projector {
  forward(x: Tensor, onAssignment?: AssignmentListener): Tensor;
}

type SpliceInputs = {
  /** i32[B, T] */
  readonly tokens: Tensor;
  /** i32[B·T]: the row of [words | image rows] at each position; left out without images. */
  readonly source?: Tensor;
  /** i32[B] */
  readonly lengths: Tensor;
};

/** What the loss reads. */
export type LossInputs = SpliceInputs & {
  /** i32[R]: flat positions with a label, and these labels, padded. */
  readonly rows: Tensor;
  readonly targets: Tensor;
  /** float[N, 3, S, S] */
  readonly pixels?: Tensor;
};

export class SqLlava {
  readonly mode: Mode = { training: false, checkpointing: false };
  readonly vision: ClipVision;
  readonly projector: Projector;
  readonly language: Llama;

  /**
   * Scopes: `vision` (CLIP's own names), `projector` (names of docs/sq-llava.md 1.4.1), `language` (LLaMA's own names).
   */
  constructor(
    readonly weights: Weights,
    readonly config: ModelConfig,
  ) {
    checkModelSizes(config);
    const { vision, projector, language, languageLora, visionLora } = config;
    this.language = new Llama(weights.at('language'), language, {
      lora: languageLora,
      mode: this.mode,
      extraTokens: config.vusr === 'token' ? 1 : 0,
    });
    this.vision = new ClipVision(weights.at('vision.vision_model'), vision, { lora: visionLora, mode: this.mode });
    const at = weights.at('projector');
    const sizes = { visionSize: vision.hiddenSize, hiddenSize: language.hiddenSize };
    if (projector.kind === 'mlp2x_gelu') this.projector = new MlpProjector(at, sizes);
    else {
      const Extractor = projector.kind === 'cluster' ? PrototypeProjector : PaperProjector;
      this.projector = new Extractor(at, { ...projector, ...sizes });
    }
  }

  get gpu(): Gpu {
    return this.weights.gpu;
  }

  get parameters(): Parameter[] {
    return this.weights.parameters();
  }

  /** Image features as the language model reads them: pixels float[N, 3, S, S] → float[N, P, H]. */
  encodeImages(pixels: Tensor, onAssignment?: AssignmentListener): Tensor {
    return this.projector.forward(this.vision.features(pixels), onAssignment);
  }

  /**
   * Word embeddings with the images' rows in their places: float[B, T, H].
   * @param images float[N, P, H] from `encodeImages`, or null for text alone
   */
  splice(batch: Batch, images: Tensor | null): Tensor {
    const { tokens, source } = upload(this.gpu, spliceInputs(batch));
    return this.place(tokens, images && source, images);
  }

  /** Hidden states of a batch: float[B, T, H]. */
  hidden(batch: Batch, pixels: Tensor | null): Tensor {
    const { tokens, source, lengths } = upload(this.gpu, spliceInputs(batch));
    const images = pixels && this.encodeImages(pixels);
    return this.language.forward(this.place(tokens, images && source, images), { lengths });
  }

  /** Mean cross-entropy over the labelled positions (docs/sq-llava.md 3.1). */
  loss(batch: Batch, pixels: Tensor | null): Tensor {
    return this.lossOf({ ...upload<LossInputs>(this.gpu, this.lossInputs(batch, null)), ...(pixels && { pixels }) });
  }

  /**
   * All that a batch's loss reads, in shapes that depend on padded sizes alone. `pixels`: normalised, image after
   * image.
   */
  lossInputs(batch: Batch, pixels: Float32Array | null): HostTensors<LossInputs> {
    const { rows, targets } = labelledRows(batch.labels);
    const { imageSize: S } = this.config.vision;
    return {
      ...spliceInputs(batch),
      rows: { values: rows, shape: [rows.length] },
      targets: { values: targets, shape: [targets.length] },
      ...(pixels && {
        pixels: { values: pixels as Float32Array<ArrayBuffer>, shape: [pixels.length / (3 * S * S), 3, S, S] },
      }),
    };
  }

  /** The loss from `lossInputs` on the device; only labelled rows go through the last MLP and the head. */
  lossOf({ tokens, source, lengths, rows, targets, pixels }: LossInputs): Tensor {
    const images = pixels ? this.encodeImages(pixels) : null;
    const labelled = this.language.forward(this.place(tokens, images && source, images), { lengths }, rows);
    return this.language.loss(labelled, targets);
  }

  /** tokens i32[B, T]; source i32[B·T]: the row of [words | image rows] at each position. */
  private place(tokens: Tensor, source: Tensor | null | undefined, images: Tensor | null): Tensor {
    const { hiddenSize } = this.config.language;
    const shape = [...tokens.shape, hiddenSize];
    const words = this.language.embed(reshape(tokens, [tokens.size]));
    if (!source || !images) return reshape(words, shape);
    const both = cat([words, reshape(images, [-1, hiddenSize])], { axis: 0 });
    return reshape(indexSelect(both, source, { axis: 0 }), shape);
  }
}

/** What a text's embeddings need of a batch. */
function spliceInputs({ size, length, tokens, lengths, imageRows }: Batch): HostTensors<SpliceInputs> {
  const inputs = {
    tokens: { values: tokens as Int32Array<ArrayBuffer>, shape: [size, length] },
    lengths: { values: lengths as Int32Array<ArrayBuffer>, shape: [size] },
  };
  if (imageRows.length === 0) return inputs;
  const source = Int32Array.from({ length: size * length }, (_, i) => i);
  imageRows.forEach((row, i) => (source[row] = size * length + i));
  return { ...inputs, source: { values: source, shape: [size * length] } };
}
