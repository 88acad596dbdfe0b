/**
 * @file Data sets in the LLaVA format: a JSON array of `{ id, image?, conversations: [{ from: 'human' | 'gpt', value }]
 * }` beside a folder of images, read and checked here. A human turn with `self_question: false` is never drawn as a
 * self-question. Files enter through `ImageSource`.
 */

import { DataError } from '@curio/engine';
import { imageFirst, type Message, type Role } from './conversation.ts';
import type { Picture } from './image.ts';
import { IMAGE_TAG } from './tokens.ts';

/** A folder of images. */
export interface ImageSource {
  /** How errors call it, such as `data/images`. */
  name: string;
  has(path: string): boolean | Promise<boolean>;
  /** Decoded pixels. Throws DataError where the file is missing or no image. */
  read(path: string): Promise<Picture>;
}

export interface Sample {
  id: string;
  /** Path under the image folder; absent for text alone. */
  image?: string;
  messages: Message[];
  /** Its place in the file that it was read from, from 0. */
  entry?: number;
}

const ROLES: Record<string, Role> = { human: 'human', gpt: 'gpt', vuser: 'vuser' };

/**
 * Text of a data-set file to samples. `file` is how errors call it. Leading answers, which some sets have, are dropped.
 */
export function parseDataset(text: string, file: string): Sample[] {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\ufeff/, '')); // editors on Windows begin a file with a byte order mark
  } catch (error) {
    throw new DataError(`data: ${file}: not JSON (${(error as Error).message}); it must be a JSON array of samples.`);
  }
  if (!Array.isArray(json))
    throw new DataError(`data: ${file}: holds ${nameOf(json)}; it must be a JSON array of samples.`);
  if (json.length === 0) throw new DataError(`data: ${file}: holds no sample; it must hold at least one.`);
  return json.map((entry, i) => parseSample(entry, i, `data: ${file}: entry ${i}`));
}

function parseSample(entry: unknown, index: number, where: string): Sample {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new DataError(`${where}: is ${nameOf(entry)}; it must be an object with conversations.`);
  }
  const { id = index, image, conversations } = entry as Record<string, unknown>;
  if (image !== undefined && (typeof image !== 'string' || image === ''))
    throw new DataError(`${where}: image is ${nameOf(image)}; it must be a path.`);
  if (!Array.isArray(conversations)) {
    throw new DataError(`${where}: conversations is ${nameOf(conversations)}; it must be a list of { from, value }.`);
  }
  const messages = conversations.map((turn, i) => parseTurn(turn, `${where}: turn ${i}`));
  while (messages[0]?.role === 'gpt') messages.shift();
  if (messages.length === 0) throw new DataError(`${where}: has no question; a conversation starts with a human turn.`);
  messages.forEach(({ role }, i) => {
    if ((role === 'gpt') !== (i % 2 === 1)) {
      throw new DataError(`${where}: two turns of '${role}' in a row; human and gpt must alternate.`);
    }
  });
  if (messages.length % 2 === 1)
    throw new DataError(`${where}: the last question has no answer; every human turn needs a gpt turn after it.`);
  const tagged = messages.some(({ text }) => text!.includes(IMAGE_TAG));
  if (tagged && image === undefined)
    throw new DataError(`${where}: says <image> but names no image; add "image" or take the tag out.`);
  if (!tagged && image !== undefined)
    throw new DataError(`${where}: names image '${image}' but no turn says <image>; put the tag into the first.`);
  return { id: String(id), ...(image === undefined ? {} : { image: image as string }), messages, entry: index };
}

function parseTurn(turn: unknown, where: string): Message {
  const { from, value, self_question: selfQuestion } = (turn ?? {}) as Record<string, unknown>;
  const role = ROLES[String(from)];
  if (!role) throw new DataError(`${where}: is from ${nameOf(from)}; it must be 'human' or 'gpt'.`);
  if (typeof value !== 'string') throw new DataError(`${where}: value is ${nameOf(value)}; it must be text.`);
  if (selfQuestion !== undefined && (typeof selfQuestion !== 'boolean' || role !== 'human'))
    throw new DataError(
      `${where}: self_question of a '${String(from)}' turn is ${nameOf(selfQuestion)}; it must be true or false, in a human turn.`,
    );
  return { role, text: imageFirst(value), ...(selfQuestion === false ? { selfQuestion: false as const } : {}) };
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `'${value}'` : `the ${typeof value} ${String(value)}`;
}

/**
 * Length by which samples are grouped: words of all messages, negative where there is no image (the sampler's modality
 * sign).
 */
export function modalityLength({ image, messages }: Sample): number {
  const words = messages.reduce((sum, { text }) => sum + text!.split(/\s+/).filter(Boolean).length, 0);
  return image === undefined ? -words : words;
}
