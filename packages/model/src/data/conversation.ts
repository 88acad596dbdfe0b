/**
 * @file Conversations as the language model reads them: chat templates, the text of a list of messages, its token ids,
 * and which of them contribute to the loss. Masks come from the boundaries between messages, never from searching the
 * text for role names.
 */

import { RandomStream } from '@curio/engine';
import { IGNORE, IMAGE_TAG, IMAGE_TOKEN, type Tokens } from './tokens.ts';

/** `vuser` is a human turn that the model is to ask itself. */
export type Role = 'human' | 'gpt' | 'vuser';

export interface Message {
  role: Role;
  /** null: the model is to write it; only the last message may be. */
  text: string | null;
  /** false: this human turn is never drawn as a self-question. */
  selfQuestion?: false;
}

export interface Template {
  /** How each role's turn begins; `plain` has none. */
  roles: Record<Role, string>;
  system: string;
  /** After the system text and after human turns. */
  separator: string;
  /** After answers and self-questions. */
  end: string;
}

const V1_SYSTEM =
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";
const V1_SQ_SYSTEM = `${V1_SYSTEM}Also, the artificial intelligence assistant is a curious virtual user. The virtual user asks complex questions that are relevant to the content in the image, for example, asking about background knowledge of the objects in the image, asking to discuss about events happening in the image, etc. Again, do not ask about uncertain details.`;
const LLAVA_V1_SYSTEM =
  "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the human's questions.";
const PAPER_SYSTEM =
  "The assistant gives helpful, detailed, and polite answers to the user's questions. Also, the assistant is a curious virtual user can ask complex questions that are relevant to the content in the image.";

const ROLES = { human: 'USER:', gpt: 'ASSISTANT:', vuser: 'VUSER:' };
const chat = (system: string): Template => ({ roles: ROLES, system, separator: ' ', end: '</s>' });

/**
 * The published templates, word for word (`v1_sq` does miss a space between its two parts), the paper's own system
 * message, and `scenes`: the roles alone, for the small model.
 */
export const TEMPLATES = {
  v1: chat(V1_SYSTEM),
  v1_sq: chat(V1_SQ_SYSTEM),
  llava_v1: chat(LLAVA_V1_SYSTEM),
  paper: chat(PAPER_SYSTEM),
  scenes: chat(''),
  plain: { roles: { human: '', gpt: '', vuser: '' }, system: '', separator: '\n', end: '\n' },
} satisfies Record<string, Template>;
export type TemplateName = keyof typeof TEMPLATES;

/** The vocabulary word of the paper's self-question role. */
export const VUSER_TOKEN = '[vusr]';

/**
 * The template with self-questions introduced by the learned token `[vusr]` instead of the published code's string
 * `VUSER:`.
 */
export const withVuserToken = (template: Template): Template => ({
  ...template,
  roles: { ...template.roles, vuser: VUSER_TOKEN },
});

/**
 * The kind of a segment: given text, a question (a self-question carries loss), an answer with its end.
 */
export type Part = 'given' | 'question' | 'self-question' | 'answer';

interface Segment {
  text: string;
  part: Part;
}

/**
 * Segments whose texts, joined, are the prompt: system text and separator, then `ROLE: text` with a separator after
 * human turns and `</s>` after answers; a self-question ends with `</s>` and the separator. A message with null text
 * gives `ROLE:` alone.
 */
function segments(template: Template, messages: readonly Message[]): Segment[] {
  const out: Segment[] = [];
  const add = (text: string, part: Part): void => {
    if (text !== '') out.push({ text, part });
  };
  add(template.system === '' ? '' : template.system + template.separator, 'given');
  for (const { role, text } of messages) {
    add(template.roles[role], 'given');
    if (text === null) continue;
    if (role === 'human') {
      add(` ${text}`, 'question');
      add(template.separator, 'given');
    } else if (role === 'gpt') {
      add(` ${text}${template.end}`, 'answer');
    } else {
      add(` ${text}${template.end}`, 'self-question');
      add(template.separator, 'given');
    }
  }
  return out;
}

/** The text of a conversation under a chat template. */
export const renderConversation = (template: Template, messages: readonly Message[]): string =>
  segments(template, messages)
    .map(({ text }) => text)
    .join('');

export interface EncodedConversation {
  /** `<s>` first; IMAGE_TOKEN in place of an image. */
  ids: number[];
  /** Same length as ids, not shifted: the id itself if it carries loss, else IGNORE. */
  labels: number[];
  /** The segment kind of each id. */
  parts: Part[];
}

/**
 * Ids, labels and parts of a conversation: answers and self-questions carry loss, each with the `</s>` after it.
 * @param options.images false: `<image>` is text like any other, as in a conversation without one. Default true.
 */
export function encodeConversation(
  tokens: Tokens,
  template: Template,
  messages: readonly Message[],
  { images = true }: { readonly images?: boolean } = {},
): EncodedConversation {
  return encodeSegments(tokens, segments(template, messages), images);
}

/**
 * A stage-1 sample: `<image>`, the caption, a newline; loss on the caption and the newline, no `</s>`. The request is
 * not used.
 */
export function encodePlain(tokens: Tokens, caption: string): EncodedConversation {
  return encodeSegments(tokens, [
    { text: IMAGE_TAG, part: 'given' },
    { text: `${caption}\n`, part: 'answer' },
  ]);
}

const END = '</s>';

/**
 * A tokenizer merges letters across segment boundaries, so the text between `<image>` and `</s>` is encoded as a whole,
 * and a boundary is where the encoding of the text before it ends.
 */
function encodeSegments(tokens: Tokens, parts: readonly Segment[], images = true): EncodedConversation {
  const out: EncodedConversation = { ids: [tokens.bos], labels: [IGNORE], parts: ['given'] };
  let text = '';
  // `</s>` where the open piece follows one: the tokenizer treats the text after it differently from a beginning.
  let lead = '';
  let boundaries: { end: number; part: Part }[] = [];
  const add = (id: number, part: Part): void => {
    out.ids.push(id);
    out.labels.push((part === 'answer' || part === 'self-question') && id !== IMAGE_TOKEN ? id : IGNORE);
    out.parts.push(part);
  };
  const flush = (): void => {
    const ids = tokens.encode(lead + text);
    let from = lead === '' ? 0 : 1;
    boundaries.forEach(({ end, part }, i) => {
      const to =
        i === boundaries.length - 1
          ? ids.length
          : Math.max(from, agreement(ids, tokens.encode(lead + text.slice(0, end))));
      for (; from < to; from++) add(ids[from], part);
    });
    lead = text.endsWith(END) ? END : '';
    text = '';
    boundaries = [];
  };
  for (const segment of parts) {
    const pieces = images ? segment.text.split(IMAGE_TAG) : [segment.text];
    pieces.forEach((piece, i) => {
      if (i > 0) {
        flush();
        lead = '';
        add(IMAGE_TOKEN, segment.part);
      }
      text += piece;
      boundaries.push({ end: text.length, part: segment.part });
    });
    if (text.endsWith(END)) flush();
  }
  flush();
  return out;
}

/** How many leading ids two lists share. */
function agreement(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

/** Moves the image tag to the front of its message: `<image>`, newline, the rest, trimmed. */
export function imageFirst(text: string): string {
  if (!text.includes(IMAGE_TAG)) return text;
  return `${IMAGE_TAG}\n${text.replaceAll(IMAGE_TAG, '').trim()}`.trim();
}

/** The random source of self-questions, so that a run can be repeated. */
export interface Draw {
  seed: number;
  epoch: number;
  sample: number;
}

/** Stream number of the self-question draws; data order and dropout have their own. */
const SELF_QUESTION_STREAM = 0x5351;

/**
 * Turns human messages into self-questions, each with probability `rate`: never the first message nor one that says
 * `selfQuestion: false`, and none where the sample has no image. Turn j of a sample depends on (seed, epoch, sample, j)
 * alone.
 */
export function drawSelfQuestions(
  messages: readonly Message[],
  hasImage: boolean,
  rate: number,
  { seed, epoch, sample }: Draw,
): Message[] {
  if (!hasImage || rate <= 0) return [...messages];
  return messages.map((message, turn) => {
    if (message.role !== 'human' || turn === 0 || message.selfQuestion === false) return message;
    const random = new RandomStream(seed, sample, SELF_QUESTION_STREAM + epoch * 0x10000);
    random.position = turn;
    return random.uniform() < rate ? { ...message, role: 'vuser' } : message;
  });
}
