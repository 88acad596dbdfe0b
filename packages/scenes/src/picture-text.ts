/**
 * @file Text pictures, on which the language base is pretrained: conversations in the template of stage 2, with the
 * image written as 36 patch words. They are pure text, need no image, and teach the lookups that image tokens need
 * later.
 */

import type { RandomStream } from '@curio/engine';
import {
  encodeConversation,
  encodePlain,
  IGNORE,
  IMAGE_TAG,
  IMAGE_TOKEN,
  type Message,
  type Template,
  TEMPLATES,
  type Tokens,
} from '@curio/model';
import { caption, type Kind } from './grammar.ts';
import { CANVAS, CELL, PATCH, type Scene } from './scene.ts';
import { converse, type Turn } from './talk.ts';
import { patchWord, type PatchWord } from './words.ts';

export const PATCHES_PER_SIDE = CANVAS / PATCH;

/**
 * The 36 patches in raster order; an object fills the 2×2 of its cell, of which each is left empty with probability
 * `blank` (never all).
 */
export function patchWords(scene: Scene, random: RandomStream, blank = 0): PatchWord[] {
  const perCell = CELL / PATCH;
  const words = Array.from({ length: PATCHES_PER_SIDE ** 2 }, (_, patch): PatchWord => {
    const row = Math.floor(patch / PATCHES_PER_SIDE / perCell);
    return { cell: row * 3 + Math.floor((patch % PATCHES_PER_SIDE) / perCell) };
  });
  for (const { cell, size, color, digit } of scene.objects) {
    const mine = random.shuffle(words.filter((word) => word.cell === cell));
    mine.forEach((word, i) => {
      if (i === 0 || !random.chance(blank)) word.object = { size, color, digit };
    });
  }
  return words;
}

export interface DocumentOptions {
  /** Turns of a conversation. Default 8. */
  turns?: number;
  /** Share of documents that are a picture and its caption, as in stage 1. Default 0.15. */
  plain?: number;
  /**
   * Probability that a conversation opens with the caption, after which answers can be read off the text. Default 0.25.
   */
  describe?: number;
  /** Loss weight of questions, which cannot be predicted. Default 0.05. */
  questionWeight?: number;
  /** Probability that a patch of an object is written as empty. Default 0.1. */
  blank?: number;
  /** Probability that a turn asks about something absent; such questions have weight 0. Default 0. */
  falsePremises?: number;
  /** Probability of a picture without digits. Default 0. */
  empty?: number;
  /** Factor on how often a kind is asked. */
  kindWeights?: Partial<Record<Kind, number>>;
  /** Default: `scenes`. */
  template?: Template;
}

export interface TextDocument {
  /** `<s>` first, the picture written out. */
  ids: number[];
  /** As long as ids, not shifted: the weight of the loss for predicting this id; 0 for `<s>` and the picture. */
  weights: number[];
}

/** One document about a scene. Answers and captions weigh 1; questions and role words weigh `questionWeight`. */
export function textDocument(
  tokens: Tokens,
  scene: Scene,
  random: RandomStream,
  options: DocumentOptions = {},
): TextDocument {
  const {
    turns = 8,
    plain = 0.15,
    describe = 0.25,
    questionWeight = 0.05,
    blank = 0.1,
    falsePremises = 0,
    kindWeights,
    template = TEMPLATES.scenes,
  } = options;
  const picture = patchWords(scene, random, blank).map((word) => tokens.id(patchWord(word))!);
  const talk = random.chance(plain) ? [] : converse(scene, random, { turns, describe, falsePremises, kindWeights });
  const encoded =
    talk.length === 0 ? encodePlain(tokens, caption(scene)) : encodeConversation(tokens, template, messagesOf(talk));
  const out: TextDocument = { ids: [], weights: [] };
  let turn = 0;
  encoded.ids.forEach((id, i) => {
    const isPicture = id === IMAGE_TOKEN;
    const isAnswer = encoded.labels[i] !== IGNORE;
    if (!isAnswer && i > 0 && encoded.labels[i - 1] !== IGNORE) turn++;
    const weight = isAnswer ? 1 : talk[turn]?.isFalsePremise ? 0 : questionWeight;
    for (const word of isPicture ? picture : [id]) {
      out.ids.push(word);
      out.weights.push(isPicture || i === 0 ? 0 : weight);
    }
  });
  return out;
}

/** The messages of a conversation about a picture, the image tag before the first question. */
export function messagesOf(turns: readonly Pick<Turn, 'question' | 'answer' | 'isFalsePremise'>[]): Message[] {
  return turns.flatMap(({ question, answer, isFalsePremise }, i): Message[] => [
    {
      role: 'human',
      text: i === 0 ? `${IMAGE_TAG}\n${question}` : question,
      ...(isFalsePremise ? { selfQuestion: false as const } : {}),
    },
    { role: 'gpt', text: answer },
  ]);
}
