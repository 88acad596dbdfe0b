/**
 * @file Converts samples to the model's inputs: token ids with gaps for the image, shifted labels, lengths. Batches are
 * padded to a small set of lengths, so that captured steps can be replayed.
 */

import { DataError } from '@curio/engine';
import { drawSelfQuestions, encodeConversation, encodePlain, type Draw, type Template } from './conversation.ts';
import type { Sample } from './dataset.ts';
import { encodeAsPublished, type PublishedRule } from './published-labels.ts';
import { IGNORE, IMAGE_TOKEN, type Tokens } from './tokens.ts';

export interface EncodedSample {
  /** `<s>` first, IMAGE_TOKEN for an image. */
  ids: number[];
  /** As long as ids, not shifted. */
  labels: number[];
}

export interface EncodeOptions {
  /** `plain`: stage 1, image and caption; a chat template: stage 2. */
  template: Template | 'plain';
  /** Share of questions that the model is to ask itself (the paper's δ, the code's sq_r). Default 0. */
  selfQuestionRate?: number;
  /** The random source of self-questions; required if the rate is above 0. */
  draw?: Draw;
  /** Text ids are truncated to this many. Default 2048. */
  maxLength?: number;
  /** The published procedure that finds the labels. Default null: message boundaries. */
  published?: PublishedRule | null;
}

/**
 * Ids and labels of one sample; self-questions are drawn again for each epoch.
 * @throws DataError where `plain` gets text alone
 */
export function encodeSample(tokens: Tokens, sample: Sample, options: EncodeOptions): EncodedSample {
  const { template, selfQuestionRate = 0, draw = { seed: 0, epoch: 0, sample: 0 }, maxLength = 2048 } = options;
  const { published: rule = null } = options;
  const hasImage = sample.images.length > 0;
  if (template === 'plain' && sample.images.length !== 1)
    throw new DataError(
      `batch: sample '${sample.id}' has ${hasImage ? `${sample.images.length} images` : 'no image'}; the template plain is an image and its caption.`,
    );
  if (rule !== null && template !== 'plain') {
    const turns = drawSelfQuestions(sample.turns ?? sample.messages, hasImage, selfQuestionRate, draw);
    return encodeAsPublished(tokens, template, turns, { rule, hasImage, maxLength });
  }
  const { ids, labels } =
    template === 'plain'
      ? encodePlain(tokens, sample.messages[1].text!)
      : encodeConversation(tokens, template, drawSelfQuestions(sample.messages, hasImage, selfQuestionRate, draw), {
          images: hasImage,
        });
  return { ids: ids.slice(0, maxLength), labels: labels.slice(0, maxLength) };
}

export interface Batch {
  /** Sequences B. */
  size: number;
  /** Positions T of each, images expanded to P positions, padded: see `paddedLength`. */
  length: number;
  /** [B·T] token ids; the padding id at images and padding. */
  tokens: Int32Array;
  /** [B·T] the id that position t is to predict (that of t + 1), or IGNORE. */
  labels: Int32Array;
  /** [B] positions in use. */
  lengths: Int32Array;
  /** [images·P] flat positions b·T + t of the rows of image features, image by image. */
  imageRows: Int32Array;
  /** For each image, its sample in the batch, and the index of its `<image>` there. */
  images: number[];
  imageTags: number[];
  /** Positions with a label. */
  labelled: number;
}

export interface BatchOptions {
  /** Positions P that an image takes. */
  patches: number;
  /** Id of padding. Default 0. */
  pad?: number;
  /** T is rounded up to a multiple of this. Default: `paddedLength`. */
  multiple?: number;
}

/** Collates encoded samples. */
export function makeBatch(samples: readonly EncodedSample[], { patches, pad = 0, multiple }: BatchOptions): Batch {
  const size = samples.length;
  const lengths = Int32Array.from(samples, ({ ids }) =>
    ids.reduce((sum, id) => sum + (id === IMAGE_TOKEN ? patches : 1), 0),
  );
  const longest = Math.max(...lengths);
  const length = multiple === undefined ? paddedLength(longest) : roundUp(longest, multiple);
  const tokens = new Int32Array(size * length).fill(pad);
  const labels = new Int32Array(size * length).fill(IGNORE);
  const imageRows: number[] = [];
  const images: number[] = [];
  const imageTags: number[] = [];
  let labelled = 0;
  samples.forEach((sample, b) => {
    let at = b * length;
    let tag = 0;
    sample.ids.forEach((id, i) => {
      if (id === IMAGE_TOKEN) {
        images.push(b);
        imageTags.push(tag++);
        for (let row = 0; row < patches; row++) imageRows.push(at++);
        return;
      }
      tokens[at] = id;
      // Nothing precedes the first id that could predict it.
      if (i > 0 && sample.labels[i] !== IGNORE) {
        labels[at - 1] = sample.labels[i];
        labelled++;
      }
      at++;
    });
  });
  return { size, length, tokens, labels, lengths, imageRows: Int32Array.from(imageRows), images, imageTags, labelled };
}

/** Labelled rows are gathered before the head, padded to a multiple of this, to limit the number of shapes. */
const ROW_MULTIPLE = 128;

/**
 * Flat positions that carry a label, and their labels; padding points at position 0 with the label IGNORE.
 * `count` are real.
 */
export function labelledRows(labels: Int32Array): {
  rows: Int32Array<ArrayBuffer>;
  targets: Int32Array<ArrayBuffer>;
  count: number;
} {
  const positions: number[] = [];
  labels.forEach((label, i) => label !== IGNORE && positions.push(i));
  const padded = Math.max(1, Math.ceil(positions.length / ROW_MULTIPLE)) * ROW_MULTIPLE;
  const rows = new Int32Array(padded);
  const targets = new Int32Array(padded).fill(IGNORE);
  positions.forEach((position, i) => {
    rows[i] = position;
    targets[i] = labels[position]!;
  });
  return { rows, targets, count: positions.length };
}

export interface TextBatch {
  size: number;
  length: number;
  tokens: Int32Array;
  /** Shifted, IGNORE where the weight is 0. */
  labels: Int32Array;
  /** [B·T] weight of each label. */
  weights: Float32Array;
  lengths: Int32Array;
}

/** Collates weighted text, for pretraining the language base. */
export function makeTextBatch(
  documents: readonly { ids: number[]; weights: number[] }[],
  multiple = 32,
  pad = 0,
): TextBatch {
  const size = documents.length;
  const lengths = Int32Array.from(documents, ({ ids }) => ids.length);
  const length = roundUp(Math.max(...lengths), multiple);
  const tokens = new Int32Array(size * length).fill(pad);
  const labels = new Int32Array(size * length).fill(IGNORE);
  const weights = new Float32Array(size * length);
  documents.forEach((document, b) => {
    tokens.set(document.ids, b * length);
    for (let t = 0; t + 1 < document.ids.length; t++) {
      if (document.weights[t + 1] === 0) continue;
      labels[b * length + t] = document.ids[t + 1];
      weights[b * length + t] = document.weights[t + 1];
    }
  });
  return { size, length, tokens, labels, weights, lengths };
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/**
 * Rounds up to a multiple of an eighth of the power of two below, but at least 8 and at most 32: padding costs a few
 * per cent, and few lengths occur.
 */
export const paddedLength = (length: number): number =>
  roundUp(length, Math.min(32, Math.max(8, 2 ** (Math.floor(Math.log2(length)) - 3))));
