/**
 * @file The embedded data set: scenes with captions (stage 1), with conversations (stage 2), held-out questions, and
 * held-out scenes for self-questions. Sample i of a part depends only on (seed, part, i).
 */

import { RandomStream } from '@curio/engine';
import { IMAGE_TAG, type Picture } from '@curio/model';
import {
  askOfKind,
  caption,
  converse,
  DESCRIBE,
  KINDS,
  renderScene,
  sampleScene,
  withoutWithheld,
  type GlyphSource,
  type Kind,
  type Scene,
  type SceneOptions,
  type TalkOptions,
  type Turn,
} from '@curio/scenes';
import { openHandwriting, type Split } from './digits.ts';

/** An entry of a LLaVA JSON array. */
export interface LlavaEntry {
  id: string;
  image: string;
  /** `self_question: false` for a question about something absent. */
  conversations: { from: 'human' | 'gpt'; value: string; self_question?: false }[];
}

/** A sample with its ground truth. */
export interface SceneSample {
  entry: LlavaEntry;
  scene: Scene;
  turns: Turn[];
}

export type PartName = 'stage1' | 'stage2' | 'heldout' | 'heldout-ask';

/** The handwriting that a part uses, and its random stream; no stream is used twice. */
const PARTS: Record<PartName, { split: Split; stream: number }> = {
  stage1: { split: 'train', stream: 1 },
  stage2: { split: 'train', stream: 2 },
  heldout: { split: 'heldOut', stream: 3 },
  'heldout-ask': { split: 'heldOut', stream: 4 },
};
/** Random streams for pretraining the base, distinct from those of the data set. */
export const PRETRAINING_STREAMS = { clip: 5, llama: 6, probe: 7 };

interface SampleOptions extends TalkOptions {
  /** Pairs of digit and colour that are never drawn. Default 0. */
  withheldPairs?: number;
}

export interface GenerateOptions extends SampleOptions {
  seed: number;
  count: number;
}

/** The samples of one part; pictures are drawn by `pictureOf`. */
export function generatePart(
  name: PartName,
  { seed, count, ...options }: GenerateOptions,
  glyphs = openHandwriting(PARTS[name].split),
): SceneSample[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new RandomStream(seed, i, PARTS[name].stream);
    const { scene, turns } = SAMPLERS[name](random, glyphs, i, options);
    const id = `${name}-${String(i).padStart(6, '0')}`;
    return { entry: toEntry(id, `${name}/${id}.png`, turns), scene, turns };
  });
}

/**
 * Additions to the training data, since visitors of the page draw by mouse and ask about absent things: fractions of
 * scenes drawn with a pen, of empty scenes, and of questions about something absent. Held-out parts have none, so that
 * their figures stay comparable.
 */
export const TRAINING_MIXTURE = { drawn: 0.25, empty: 0.03, falsePremises: 0.18 };

type Sampler = (
  random: RandomStream,
  glyphs: GlyphSource,
  index: number,
  options: SampleOptions,
) => { scene: Scene; turns: Turn[] };

/** @param mixture the training mixture; none for held-out parts */
const draw = (
  random: RandomStream,
  glyphs: GlyphSource,
  { withheldPairs = 0 }: SampleOptions,
  mixture: SceneOptions = {},
): Scene => sampleScene(random, glyphs, { ...mixture, pairs: withoutWithheld(withheldPairs) });

const describe =
  (mixture: SceneOptions): Sampler =>
  (random, glyphs, _, options) => {
    const scene = draw(random, glyphs, options, mixture);
    return { scene, turns: [{ kind: 'caption', question: DESCRIBE, answer: caption(scene) }] };
  };

const SAMPLERS: Record<PartName, Sampler> = {
  stage1: describe(TRAINING_MIXTURE),
  stage2: (random, glyphs, _, options) => {
    const scene = draw(random, glyphs, options, TRAINING_MIXTURE);
    return { scene, turns: converse(scene, random, { ...TRAINING_MIXTURE, ...options }) };
  },
  // One question per scene, cycling through the kinds: a scene is redrawn until the kind can be asked.
  heldout: (random, glyphs, index, options) => askOn(random, glyphs, KINDS[index % KINDS.length], options),
  'heldout-ask': describe({}),
};

function askOn(
  random: RandomStream,
  glyphs: GlyphSource,
  kind: Kind,
  options: SampleOptions,
): { scene: Scene; turns: Turn[] } {
  for (;;) {
    const scene = draw(random, glyphs, options);
    const turn = askOfKind(scene, kind, random);
    if (turn) return { scene, turns: [turn] };
  }
}

function toEntry(id: string, image: string, turns: readonly Turn[]): LlavaEntry {
  const conversations = turns.flatMap(({ question, answer, isFalsePremise }, i): LlavaEntry['conversations'] => [
    {
      from: 'human',
      value: i === 0 ? `${IMAGE_TAG}\n${question}` : question,
      ...(isFalsePremise ? { self_question: false } : {}),
    },
    { from: 'gpt', value: answer },
  ]);
  return { id, image, conversations };
}

/** The picture of a sample of one part. */
export function pictureOf(
  name: PartName,
  { scene }: SceneSample,
  glyphs = openHandwriting(PARTS[name].split),
): Picture {
  return renderScene(scene, glyphs);
}
