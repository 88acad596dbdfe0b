/**
 * @file Pretraining of the two small frozen parts: CLIP contrastively, LLaMA by next-token prediction on text pictures.
 * Both run on `runSteps`.
 */
import { add, AdamW, argmax, crossEntropy, indexSelect, noGrad, RandomStream, reshape, upload } from '@curio/engine';
import type { AdamWState, Gpu, HostTensors, NamedTensors, Tensor } from '@curio/engine';
import { labelledRows, makeTextBatch, runSteps, textInputs } from '@curio/model';
import type { Llama, LoopOptions, StepReport, TextBatch, Tokens } from '@curio/model';
import { textDocument } from '../picture-text.ts';
import type { DocumentOptions } from '../picture-text.ts';
import { sampleScene } from '../scene.ts';
import type { GlyphSource } from '../scene.ts';
import { clipBatch, clipInputs, wordRows, WORD_SETS } from './clip-batch.ts';
import type { ClipBatch, ClipBatchOptions, ClipInputs } from './clip-batch.ts';
import type { ClipPair } from './clip-pair.ts';

export interface PretrainOptions extends Pick<LoopOptions<never>, 'onRecord' | 'capture'> {
  readonly tokens: Tokens;
  readonly glyphs: GlyphSource;
  readonly seed: number;
  /** Number of the random stream of the scenes. */
  readonly stream: number;
  readonly steps: number;
  /**
   * Peak learning rate, reached after `warmup` steps, held constant, and decayed to 0 over the last `cooldown` steps.
   */
  readonly lr: number;
  readonly warmup: number;
  readonly cooldown: number;
  readonly weightDecay: number;
  readonly from?: number;
  readonly state?: AdamWState;
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** As in `StageOptions`. */
  readonly pause?: (step: number, optimizer: AdamW, land: () => Promise<void>) => Promise<boolean> | boolean;
}

/** Warm-up, constant, decay: a run can be extended from its constant phase without knowing its length in advance. */
export function trapezoid({
  lr,
  warmup,
  cooldown,
  steps,
}: Pick<PretrainOptions, 'lr' | 'warmup' | 'cooldown' | 'steps'>): (step: number) => number {
  return (step) => lr * Math.min(1, (step + 1) / Math.max(1, warmup), (steps - step) / Math.max(1, cooldown));
}

async function pretrain<Micro, I extends NamedTensors>(
  gpu: Gpu,
  parameters: ConstructorParameters<typeof AdamW>[1],
  options: PretrainOptions,
  work: Pick<LoopOptions<Micro, I>, 'prepare' | 'inputs' | 'loss' | 'count'>,
): Promise<number> {
  const { from = 0, steps, seed, lr, weightDecay, state, onStep, onRecord, capture, pause } = options;
  const optimizer = new AdamW(gpu, parameters, { lr, betas: [0.9, 0.98], weightDecay, maxGradNorm: 1 });
  if (state) optimizer.load(state);
  try {
    return await runSteps({
      gpu,
      optimizer,
      from,
      steps,
      seed,
      lr: trapezoid(options),
      onStep,
      onRecord,
      capture,
      ...work,
      pause: pause && ((step, land) => pause(step, optimizer, land)),
    });
  } finally {
    optimizer.dispose();
  }
}

/** Trains a CLIP pair on groups of scenes. Returns the step to resume with. */
export function pretrainClip(
  pair: ClipPair,
  options: PretrainOptions & { readonly batch: ClipBatchOptions },
): Promise<number> {
  const { tokens, glyphs, seed, stream, batch } = options;
  const { gpu } = pair.weights;
  const words = wordRows(tokens).map(textInputs);
  return pretrain<ClipBatch, ClipInputs>(gpu, pair.weights.parameters(), options, {
    prepare: (step) => [clipBatch(tokens, glyphs, new RandomStream(seed, step, stream), batch)],
    inputs: clipInputs,
    loss: ({ pixels, ids, ends, rows, patchWords, objectWords }) => {
      const images = pair.encodeImages(pixels);
      const sets = words.map((set) => pair.encodeTexts(upload(gpu, set)));
      return add(
        pair.captionLoss(images.pooled, pair.encodeTexts({ ids, ends })),
        pair.patchLoss(images.patches, rows, { patch: patchWords, object: objectWords }, sets),
      );
    },
    count: ({ count, captions }) => ({ tokens: captions.lengths.reduce((a, b) => a + b, 0), images: count }),
  });
}

/**
 * Share of objects whose digit, colour, size and place are recognised from their patches, and of images whose own
 * caption is the nearest of its group.
 */
export interface ClipProbe {
  digit: number;
  color: number;
  size: number;
  place: number;
  caption: number;
  count: number;
}

/** Probes a pair on scenes that it has not seen. */
export async function probeClip(
  pair: ClipPair,
  {
    tokens,
    glyphs,
    seed,
    stream,
    batch,
  }: Pick<PretrainOptions, 'tokens' | 'glyphs' | 'seed' | 'stream'> & { batch: ClipBatchOptions },
  batches: number,
): Promise<ClipProbe> {
  const { gpu } = pair.weights;
  const words = wordRows(tokens).map(textInputs);
  const hits = WORD_SETS.map(() => 0);
  let [objects, captionHits, pictures] = [0, 0, 0];
  for (let i = 0; i < batches; i++) {
    const made = clipBatch(tokens, glyphs, new RandomStream(seed, i, stream), { ...batch, augment: 0 });
    const { count, patches } = made;
    const pending = gpu.scope(() =>
      noGrad(() => {
        const { pixels, ids, ends, rows } = upload(gpu, clipInputs(made));
        const images = pair.encodeImages(pixels);
        const sets = words.map((set) => pair.encodeTexts(upload(gpu, set)));
        return {
          choices: pair
            .patchLogits(images.patches, rows, patches.perObject, sets)
            .object.map((logits) => argmax(logits, { axis: -1 }).read()),
          similarities: pair.similarities(images.pooled, pair.encodeTexts({ ids, ends })).read(),
        };
      }),
    );
    const seen = patches.rows.length / patches.perObject;
    for (const [k, choice] of pending.choices.entries())
      (await choice)
        .subarray(0, seen)
        .forEach((word, r) => (hits[k]! += word === patches.words[k]![r * patches.perObject] ? 1 : 0));
    objects += seen;
    const similarities = await pending.similarities;
    for (let p = 0; p < count; p++) {
      const first = p - (p % batch.groupSize);
      const rivals = Array.from({ length: batch.groupSize }, (_, k) => similarities[p * count + first + k]!);
      captionHits += rivals.indexOf(Math.max(...rivals)) === p - first ? 1 : 0;
    }
    pictures += count;
  }
  const [digit, color, size, place] = hits.map((n) => n / objects) as [number, number, number, number];
  return { digit, color, size, place, caption: captionHits / pictures, count: pictures };
}

export interface TextPretrainOptions extends PretrainOptions {
  /** The mix of documents of a step: some kinds are asked more often once the rest is learnt. */
  readonly documents: (step: number) => DocumentOptions;
  readonly batchSize: number;
}

/** Documents of a step, each about a scene of its own. */
function textBatch(
  { tokens, glyphs, seed, stream, documents, batchSize }: TextPretrainOptions,
  step: number,
): TextBatch {
  const random = new RandomStream(seed, step, stream);
  const options = documents(step);
  return makeTextBatch(
    Array.from({ length: batchSize }, () =>
      textDocument(tokens, sampleScene(random, glyphs, { empty: options.empty }), random, options),
    ),
  );
}

/** What the language loss reads: labelled rows only go through the head. */
type LanguageInputs = {
  /** i32[B, T] and i32[B] */
  readonly tokens: Tensor;
  readonly lengths: Tensor;
  /** i32[R], i32[R], float[R]: flat positions with a label, these labels and their weights, padded. */
  readonly rows: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
};

/** A batch of text as arrays of shapes that depend on padded sizes alone. */
export function languageInputs({
  size,
  length,
  tokens,
  labels,
  weights,
  lengths,
}: TextBatch): HostTensors<LanguageInputs> {
  const { rows, targets, count } = labelledRows(labels);
  return {
    tokens: { values: tokens as Int32Array<ArrayBuffer>, shape: [size, length] },
    lengths: { values: lengths as Int32Array<ArrayBuffer>, shape: [size] },
    rows: { values: rows, shape: [rows.length] },
    targets: { values: targets, shape: [rows.length] },
    weights: { values: Float32Array.from(rows, (row, i) => (i < count ? weights[row]! : 0)), shape: [rows.length] },
  };
}

/** Hidden states at the labelled positions: float[R, C]. */
export function labelledHidden(llama: Llama, { tokens, lengths, rows }: LanguageInputs): Tensor {
  const { hiddenSize } = llama.config;
  const words = reshape(llama.embed(reshape(tokens, [tokens.size])), [...tokens.shape, hiddenSize]);
  return indexSelect(reshape(llama.forward(words, { lengths }), [tokens.size, hiddenSize]), rows, { axis: 0 });
}

/** Trains a LLaMA on text pictures. Returns the step to resume with. */
export function pretrainLlama(
  llama: Llama,
  gpu: Gpu,
  parameters: ConstructorParameters<typeof AdamW>[1],
  options: TextPretrainOptions,
): Promise<number> {
  return pretrain<TextBatch, LanguageInputs>(gpu, parameters, options, {
    prepare: (step) => [textBatch(options, step)],
    inputs: languageInputs,
    loss: (inputs) =>
      crossEntropy(llama.logits(labelledHidden(llama, inputs)), inputs.targets, { weights: inputs.weights }),
    count: ({ lengths }) => ({ tokens: lengths.reduce((a, b) => a + b, 0), images: 0 }),
  });
}
