/**
 * @file One entry of a data set to a sample, or what is wrong with it. Three forms are read:
 *
 * - LLaVA: `{ id?, image?, conversations: [{ from: 'human' | 'gpt', value }] }`, `image` a path or a list of them;
 * - messages, as OpenAI and Hugging Face write them:
 *   `{ messages: [{ role: 'user' | 'assistant', content }], images? }`,
 *   the content a text or a list of `{ type: 'text' | 'image' }`;
 * - captions, as Hugging Face's image folders: `{ file_name, text }`.
 *
 * What is unusual is treated as the published code does, docs/sq-llava.md 2: leading answers are dropped, a tag in text
 * without a picture is text, a picture without a tag is not shown. A question without an answer at the end, for which
 * the published code loses the whole sample, is dropped too: nothing would be learnt from it.
 */
import { isObject } from '@curio/nn';
import { imageFirst, type Message, type Role } from '../data/conversation.ts';
import type { Sample } from '../data/dataset.ts';
import { IMAGE_TAG } from '../data/tokens.ts';

/** What may be wrong with an entry. */
export const FAULTS = [
  'not an object',
  'no conversation',
  'roles out of turn',
  'no answer',
  'empty turn',
  'tags and pictures differ',
  'picture without a path',
  'picture not found',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What is unusual and treated. */
export const NOTES = [
  'begins with an answer, which is dropped',
  'ends with a question, which is dropped',
  'says <image> without a picture, read as text',
  'has a picture that no turn shows',
] as const;
export type Note = (typeof NOTES)[number];

export interface EntryFault {
  readonly kind: Fault;
  readonly id: string;
  /** The end of a sentence, without its full stop. */
  readonly reason: string;
}

/** What an entry holds. */
export interface ReadEntry {
  readonly sample: Sample;
  readonly notes: readonly Note[];
}

/** Not an Error: its stack would take most of the time if a file has many such entries. */
class Wrong {
  constructor(
    readonly kind: Fault,
    readonly reason: string,
  ) {}
}

const ROLES: Record<string, Role> = { human: 'human', user: 'human', gpt: 'gpt', assistant: 'gpt', vuser: 'vuser' };

/** Reads an entry; bytes of embedded pictures get the paths that `embeddedPath` gives. */
export function readEntry(value: unknown, entry: number): ReadEntry | EntryFault {
  try {
    if (!isObject(value))
      throw new Wrong('not an object', `is ${nameOf(value)} and must be an object with conversations`);
    return readObject(value, entry);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { kind: error.kind, id: idOf(value, entry), reason: error.reason };
  }
}

export const isFault = (read: ReadEntry | EntryFault): read is EntryFault => 'kind' in read;

/** The path of picture `k` if its bytes are in the entry. */
export const embeddedPath = (entry: number, k: number): string => `embedded:${entry}/${k}`;

/** Entry and number of a picture that is embedded; null for any other path. */
export function embeddedAt(path: string): { entry: number; k: number } | null {
  const found = /^embedded:(\d+)\/(\d+)$/.exec(path);
  return found && { entry: Number(found[1]), k: Number(found[2]) };
}

/** The bytes of a picture that is embedded in an entry. */
export const embeddedBytes = (value: unknown, k: number): Uint8Array | undefined => {
  const picture = isObject(value) ? picturesOf(value)[k] : undefined;
  return picture instanceof Uint8Array ? picture : undefined;
};

const idOf = (value: unknown, entry: number): string => {
  const id = isObject(value) ? value.id : undefined;
  return String(typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? id : entry);
};

function readObject(value: Record<string, unknown>, entry: number): ReadEntry {
  const pictures = picturesOf(value);
  const notes: Note[] = [];
  let messages = turnsOf(value, pictures.length);
  const tagged = messages.some(({ text }) => text!.includes(IMAGE_TAG));
  if (!tagged && pictures.length > 0 && !Array.isArray(value.conversations) && messages.length > 0)
    messages[0] = { ...messages[0]!, text: `${`${IMAGE_TAG}\n`.repeat(pictures.length)}${messages[0]!.text}` };
  const written = [...messages];
  if (messages[0]?.role === 'gpt') notes.push(NOTES[0]);
  while (messages[0]?.role === 'gpt') messages.shift();
  if (messages.length === 0)
    throw new Wrong('no conversation', 'has no question, and a conversation starts with a human turn');
  messages.forEach(({ role, text }, i) => {
    if ((role === 'gpt') !== (i % 2 === 1))
      throw new Wrong('roles out of turn', `has two turns of '${role}' in a row, and human and gpt must alternate`);
    if (text!.trim() === '') throw new Wrong('empty turn', `turn ${i} is empty and must hold text`);
  });
  if (messages.length === 1)
    throw new Wrong('no answer', 'its only question has no answer, and every human turn needs a gpt turn after it');
  if (messages.length % 2 === 1) {
    notes.push(NOTES[1]);
    messages.pop();
  }
  const tags = messages.reduce((sum, { text }) => sum + text!.split(IMAGE_TAG).length - 1, 0);
  if (tags > 0 && pictures.length === 0) notes.push(NOTES[2]);
  if (tags === 0 && pictures.length > 0) notes.push(NOTES[3]);
  if (pictures.length > 1 && tags > 0 && tags !== pictures.length)
    throw new Wrong(
      'tags and pictures differ',
      `names ${pictures.length} pictures and says <image> ${tags} times, and each needs its tag`,
    );
  const placed = (of: Message[]): Message[] =>
    pictures.length === 1 ? of.map((message) => ({ ...message, text: imageFirst(message.text!) })) : of;
  const turns = written.length > messages.length ? { turns: placed(written) } : {};
  messages = placed(messages);
  const images = pictures.map((picture, k) => (typeof picture === 'string' ? picture : embeddedPath(entry, k)));
  return { sample: { id: idOf(value, entry), images, messages, ...turns, entry }, notes };
}

const PICTURE_FIELDS = ['image', 'images', 'file_name', 'file_names'] as const;

/** Paths or bytes of an entry's pictures; null counts as no picture, as a column of a table has it. */
function picturesOf(value: Record<string, unknown>): (string | Uint8Array)[] {
  const given = PICTURE_FIELDS.filter((field) => value[field] !== undefined && value[field] !== null);
  if (given.length > 1)
    throw new Wrong('picture without a path', `names pictures in ${given.join(' and in ')}, and one of them is enough`);
  const [field] = given;
  if (field === undefined) return [];
  const listed = value[field];
  const each = Array.isArray(listed) ? listed : [listed];
  return each.map((picture, k) => pictureOf(picture, Array.isArray(listed) ? `${field}[${k}]` : field));
}

function pictureOf(picture: unknown, where: string): string | Uint8Array {
  if (isObject(picture) && picture.bytes instanceof Uint8Array) return picture.bytes;
  const path = isObject(picture) ? picture.path : picture;
  if (typeof path !== 'string' || path === '')
    throw new Wrong('picture without a path', `${where} is ${nameOf(picture)} and must be a path`);
  const scheme = /^(\w{2,}):/.exec(path)?.[1];
  if (scheme !== undefined)
    throw new Wrong(
      'picture without a path',
      `${where} begins with '${scheme}:', and pictures must be files on this machine`,
    );
  return path;
}

function turnsOf(value: Record<string, unknown>, pictures: number): Message[] {
  const [conversations, messages] = [value.conversations ?? undefined, value.messages ?? undefined];
  const caption = value.text ?? value.caption;
  if (conversations === undefined && messages === undefined && typeof caption === 'string' && pictures > 0)
    return [
      { role: 'human', text: `${IMAGE_TAG}\n`.repeat(pictures).trim() },
      { role: 'gpt', text: caption },
    ];
  const name = conversations === undefined && messages !== undefined ? 'messages' : 'conversations';
  const turns = name === 'messages' ? messages : conversations;
  const pair = name === 'messages' ? '{ role, content }' : '{ from, value }';
  if (!Array.isArray(turns))
    throw new Wrong('no conversation', `${name} is ${nameOf(turns)} and must be a list of ${pair}`);
  return turns.map((turn, i) => readTurn(turn, i, name));
}

function readTurn(turn: unknown, i: number, name: 'messages' | 'conversations'): Message {
  const { from, value, role: named, content, self_question: drawn } = (turn ?? {}) as Record<string, unknown>;
  const [speaker, said, field] = name === 'messages' ? [named, content, 'content'] : [from, value, 'value'];
  const role = Object.hasOwn(ROLES, String(speaker)) ? ROLES[String(speaker)] : undefined;
  if (!role) {
    const right = name === 'messages' ? "'user' or 'assistant'" : "'human' or 'gpt'";
    throw new Wrong('roles out of turn', `turn ${i} is from ${nameOf(speaker)} and must be from ${right}`);
  }
  const text = Array.isArray(said) ? said.map((part) => partText(part, i)).join('') : said;
  if (typeof text !== 'string')
    throw new Wrong('empty turn', `turn ${i}: ${field} is ${nameOf(text)} and must be text`);
  if (drawn !== undefined && (typeof drawn !== 'boolean' || role !== 'human'))
    throw new Wrong(
      'roles out of turn',
      `turn ${i}: self_question is ${nameOf(drawn)} and must be true or false, in a human turn`,
    );
  return { role, text, ...(drawn === false ? { selfQuestion: false } : {}) };
}

/** A part of a message as text. Pictures are in the entry's own list. */
function partText(part: unknown, i: number): string {
  const { type, text } = (part ?? {}) as Record<string, unknown>;
  if (type === 'text' && typeof text === 'string') return text;
  if (type === 'image') return `${IMAGE_TAG}\n`;
  throw new Wrong(
    'no conversation',
    `turn ${i} has a part of type ${nameOf(type)}, and only text, and image with its path in images, are read`,
  );
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const shown = typeof value === 'string' && value.length > 80 ? `${value.slice(0, 80)}…` : value;
  return typeof value === 'string' ? `'${shown}'` : `the ${typeof value} ${String(value)}`;
}
