/** @file Pretraining of the two small frozen parts: CLIP by contrast, LLaMA by next token on text pictures. Both run on `runSteps`. */
import { add, AdamW, argmax, crossEntropy, indexSelect, noGrad, RandomStream, reshape, tensor } from '@curio/engine';
import type { AdamWState, Gpu, Tensor } from '@curio/engine';
import { makeTextBatch } from '../batch.ts';
import type { TextBatch } from '../batch.ts';
import type { Llama } from '../llama.ts';
import { runSteps } from '../loop.ts';
import type { LoopOptions, StepReport } from '../loop.ts';
import { textDocument } from '../scenes/picture-text.ts';
import type { DocumentOptions } from '../scenes/picture-text.ts';
import { sampleScene } from '../scenes/scene.ts';
import type { GlyphSource } from '../scenes/scene.ts';
import { IGNORE } from '../tokens.ts';
import type { Tokens } from '../tokens.ts';
import { clipBatch, wordRows, WORD_SETS } from './clip-batch.ts';
import type { ClipBatch, ClipBatchOptions } from './clip-batch.ts';
import type { ClipPair } from './clip-pair.ts';

export interface PretrainOptions {
  readonly tokens: Tokens;
  readonly glyphs: GlyphSource;
  readonly seed: number;
  /** Number of the random stream that the scenes come from. */
  readonly stream: number;
  readonly steps: number;
  /** Peak learning rate, reached after `warmup` steps, held, and brought to 0 over the last `cooldown` steps. */
  readonly lr: number;
  readonly warmup: number;
  readonly cooldown: number;
  readonly weightDecay: number;
  readonly from?: number;
  readonly state?: AdamWState;
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  readonly pause?: (step: number, optimizer: AdamW) => Promise<boolean> | boolean;
}

/** Up, level, down: a run can be prolonged from where it was level, without having known its length. */
export function trapezoid({ lr, warmup, cooldown, steps }: Pick<PretrainOptions, 'lr' | 'warmup' | 'cooldown' | 'steps'>): (step: number) => number {
  return (step) => lr * Math.min(1, (step + 1) / Math.max(1, warmup), (steps - step) / Math.max(1, cooldown));
}

async function pretrain<Micro>(gpu: Gpu, parameters: ConstructorParameters<typeof AdamW>[1], options: PretrainOptions, work: Pick<LoopOptions<Micro>, 'prepare' | 'loss' | 'count'>): Promise<number> {
  const { from = 0, steps, seed, lr, weightDecay, state, onStep, pause } = options;
  const optimizer = new AdamW(gpu, parameters, { groups: [['', 1]], lr, betas: [0.9, 0.98], weightDecay, maxGradNorm: 1 });
  if (state) optimizer.load(state);
  try {
    return await runSteps({ gpu, optimizer, from, steps, seed, lr: trapezoid(options), onStep, ...work, pause: pause && ((step) => pause(step, optimizer)) });
  } finally {
    optimizer.dispose();
  }
}

/** Trains a CLIP pair on groups of scenes. Returns the step to resume with. */
export function pretrainClip(pair: ClipPair, options: PretrainOptions & { readonly batch: ClipBatchOptions }): Promise<number> {
  const { tokens, glyphs, seed, stream, batch } = options;
  const { gpu } = pair.weights;
  const words = wordRows(tokens);
  return pretrain<ClipBatch>(gpu, pair.weights.parameters(), options, {
    prepare: (step) => [clipBatch(tokens, glyphs, new RandomStream(seed, step, stream), batch)],
    loss: ({ pixels, count, captions, patches }) => {
      const images = pair.encodeImages(tensor(gpu, pixels as Float32Array<ArrayBuffer>, [count, 3, batch.image.size, batch.image.size]));
      return add(pair.captionLoss(images.pooled, pair.encodeTexts(captions)), pair.patchLoss(images.patches, patches, words.map((rows) => pair.encodeTexts(rows))));
    },
    count: ({ count, captions }) => ({ tokens: captions.lengths.reduce((a, b) => a + b, 0), images: count }),
  });
}

/** Share of objects whose digit, colour, size and place are told right from their patches, and of pictures whose own caption is the nearest of its group. */
export interface ClipProbe { digit: number; color: number; size: number; place: number; caption: number; count: number }

/** Probes a pair on scenes that it has not seen. */
export async function probeClip(pair: ClipPair, { tokens, glyphs, seed, stream, batch }: Pick<PretrainOptions, 'tokens' | 'glyphs' | 'seed' | 'stream'> & { batch: ClipBatchOptions }, batches: number): Promise<ClipProbe> {
  const { gpu } = pair.weights;
  const words = wordRows(tokens);
  const hits = WORD_SETS.map(() => 0);
  let [objects, captionHits, pictures] = [0, 0, 0];
  for (let i = 0; i < batches; i++) {
    const { pixels, count, captions, patches } = clipBatch(tokens, glyphs, new RandomStream(seed, i, stream), { ...batch, augment: 0 });
    const pending = gpu.scope(() => noGrad(() => {
      const images = pair.encodeImages(tensor(gpu, pixels as Float32Array<ArrayBuffer>, [count, 3, batch.image.size, batch.image.size]));
      const sets = words.map((set) => pair.encodeTexts(set));
      return { choices: pair.patchLogits(images.patches, patches, sets).object.map((logits) => argmax(logits, { axis: -1 }).read()), similarities: pair.similarities(images.pooled, pair.encodeTexts(captions)).read() };
    }));
    for (const [k, choice] of pending.choices.entries()) (await choice).forEach((word, r) => (hits[k]! += word === patches.words[k]![r * patches.perObject] ? 1 : 0));
    objects += patches.rows.length / patches.perObject;
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
  /** What the documents of a step are like: what is asked more often once the rest is learnt. */
  readonly documents: (step: number) => DocumentOptions;
  readonly batchSize: number;
}

/** Documents of a step, each about a scene of its own. */
function textBatch({ tokens, glyphs, seed, stream, documents, batchSize }: TextPretrainOptions, step: number): TextBatch {
  const random = new RandomStream(seed, step, stream);
  return makeTextBatch(Array.from({ length: batchSize }, () => textDocument(tokens, sampleScene(random, glyphs), random, documents(step))));
}

/** Hidden states at the labelled positions, [rows, C], with their labels and weights, padded to a multiple of 64 rows. */
export function labelledText(llama: Llama, gpu: Gpu, { size, length, tokens, labels, weights, lengths }: TextBatch): { hidden: Tensor; targets: Int32Array<ArrayBuffer>; weights: Float32Array<ArrayBuffer> } {
  const positions: number[] = [];
  labels.forEach((label, i) => label !== IGNORE && positions.push(i));
  const count = Math.ceil(positions.length / 64) * 64;
  const rows = new Int32Array(count);
  const targets = new Int32Array(count).fill(IGNORE);
  const kept = new Float32Array(count);
  positions.forEach((position, i) => {
    rows[i] = position;
    targets[i] = labels[position]!;
    kept[i] = weights[position]!;
  });
  const { hiddenSize } = llama.config;
  const words = reshape(llama.embed(tensor(gpu, tokens as Int32Array<ArrayBuffer>)), [size, length, hiddenSize]);
  const hidden = llama.forward(words, { lengths: tensor(gpu, lengths as Int32Array<ArrayBuffer>) });
  return { hidden: indexSelect(reshape(hidden, [size * length, hiddenSize]), 0, tensor(gpu, rows)), targets, weights: kept };
}

/** Trains a LLaMA on text pictures. Returns the step to resume with. */
export function pretrainLlama(llama: Llama, gpu: Gpu, parameters: ConstructorParameters<typeof AdamW>[1], options: TextPretrainOptions): Promise<number> {
  return pretrain<TextBatch>(gpu, parameters, options, {
    prepare: (step) => [textBatch(options, step)],
    loss: (batch) => {
      const { hidden, targets, weights } = labelledText(llama, gpu, batch);
      return crossEntropy(llama.logits(hidden), tensor(gpu, targets), { weights: tensor(gpu, weights) });
    },
    count: ({ lengths }) => ({ tokens: lengths.reduce((a, b) => a + b, 0), images: 0 }),
  });
}
