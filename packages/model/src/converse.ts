/**
 * @file Asking the model: answers to questions, descriptions, and visual self-questioning. docs/sq-llava.md 5.1 to
 * 5.3.
 */
import { cat, ConfigError, DataError, indexSelect, noGrad, tensor } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import type { AskConfig } from './config.ts';
import { encodeConversation, renderConversation } from './data/conversation.ts';
import type { Message, Template, TemplateName } from './data/conversation.ts';
import { IMAGE_TAG } from './data/tokens.ts';
import type { Tokens } from './data/tokens.ts';
import { surest, Withheld } from './decoding/candidates.ts';
import { TextStream } from './decoding/text-stream.ts';
import { readPrototypes } from './decoding/trace.ts';
import type { PrototypeTrace, TokenTrace, TraceOptions } from './decoding/trace.ts';
import { generate, positionsOf } from './generate.ts';
import type { GenerateOptions, SequenceOptions, Sequence } from './generate.ts';
import { imageTensor, templateOf } from './model-inputs.ts';
import type { AssignmentListener, SqLlava } from './sq-llava.ts';

/** A prompt to continue: the messages so far, ending with one of null text, and their images. */
export interface Request extends Partial<SequenceOptions> {
  /** An image for every `<image>` of the messages, in their order. */
  readonly pixels: Float32Array | readonly Float32Array[] | null;
  readonly messages: readonly Message[];
  /** Replaces the template's system text. */
  readonly system?: string;
  /** Stop strings: the answer ends where the first of them begins, or at the template's end of turn. */
  readonly stop?: readonly string[];
}

export interface Reply {
  readonly text: string;
  /** Why it ended: by itself, at a stop string, at the maximum of tokens, or because it was aborted. */
  readonly finish: 'end' | 'keyword' | 'length' | 'aborted';
  readonly promptTokens: number;
  readonly newTokens: number;
  /** With the option `probability`: that of the text under the model, its end included. */
  readonly probability?: number;
}

/** A look inside the replies, as they are computed. */
export interface ReplyTrace extends Pick<TraceOptions, 'words'> {
  /**
   * Called for each picture of a request, before its tokens. Never called where the model has no prototypes.
   * @param picture which of the request's
   */
  readonly onPicture?: (request: number, picture: number, prototypes: PrototypeTrace) => void;
  /** Called with each new token of a request, before its text. */
  readonly onToken: (request: number, token: TokenTrace) => void;
}

export interface ReplyOptions extends SequenceOptions, Pick<GenerateOptions, 'together' | 'probability'> {
  /** Called with each new id of a request: the certain part of the answer so far, and what is new in it. */
  readonly onText?: (request: number, text: string, piece: string) => void;
  /** Called when a request is answered. */
  readonly onReply?: (request: number, reply: Reply) => void;
  /** Default: the model's own. */
  readonly template?: TemplateName;
  /**
   * Asked whenever a row is free for a request that joins those in work, numbered on from them. `fits` says whether
   * there is room for it, and throws DataError as `write` does. Of the requests given at first at most 64.
   */
  readonly join?: (fits: (request: Request) => boolean) => Request | null;
  /** Looks inside; without it nothing more is computed, and the replies are the same to the bit. */
  readonly trace?: ReplyTrace;
}

export interface SelfQuestion {
  readonly question: string;
  readonly answer: string;
}
export interface SelfQuestioning {
  readonly description: string;
  readonly asked: readonly SelfQuestion[];
}

export type TalkPart = 'description' | 'question' | 'answer';

/** A look inside a self-questioning; texts are numbered as in `onText`. */
export interface SelfQuestionTrace extends Pick<TraceOptions, 'words'> {
  readonly onPicture?: (picture: number, prototypes: PrototypeTrace) => void;
  readonly onToken: (part: TalkPart, index: number, token: TokenTrace) => void;
}

/** As that of self-questions, and the last answer by entry. */
export type AfterQuestionsListener = (part: TalkPart | 'self-answer', index: number, text: string) => void;

export interface SelfQuestionOptions extends Pick<ReplyOptions, 'together' | 'template' | 'probability'> {
  /** Stops generation at this point. */
  readonly signal?: AbortSignal;
  /**
   * Called as text grows: descriptions by image; questions, then their answers, by image and number (`image ·
   * ask.questions + k`).
   */
  readonly onText?: (part: TalkPart, index: number, text: string) => void;
  /** Called when one of these texts is complete. */
  readonly onEnd?: (part: TalkPart, index: number, reply: Reply) => void;
  readonly trace?: SelfQuestionTrace;
}

/** The first human turn about an image. */
export const aboutImage = (question: string): string => `${IMAGE_TAG}\n${question}`;

/** How many requests have their images' features in memory at a time. */
const WIDTH = 64;

const picturesOf = ({ pixels }: Request): readonly Float32Array[] =>
  pixels === null ? [] : pixels instanceof Float32Array ? [pixels] : pixels;

/** Converses with a model. One call at a time: each call has its own cache. */
export class Speaker {
  constructor(
    readonly model: SqLlava,
    readonly tokens: Tokens,
  ) {}

  /** The texts that continue the requests, in their order. See `write`. */
  async reply(requests: readonly Request[], options: ReplyOptions): Promise<string[]> {
    return (await this.write(requests, options)).map(({ text }) => text);
  }

  /**
   * Continues each request; the order of the results is that of the requests. Each is the same to the bit as it would
   * be alone, except with `together`. Random draws depend on the seed and on `stream`, by default the request's index.
   * Throws DataError where the numbers of images and `<image>`s differ or a prompt is too long, ConfigError where a
   * setting has no meaning.
   */
  async write(requests: readonly Request[], options: ReplyOptions): Promise<Reply[]> {
    const { trace } = options;
    if (trace && options.join)
      throw new ConfigError('reply: trace and join were both given; requests that join are not traced, leave one out.');
    const template = this.template(options.template);
    const encode = (request: Request, i: number): number[] => {
      const own = request.system === undefined ? template : { ...template, system: request.system };
      const tags = request.messages.reduce((sum, { text }) => sum + (text?.split(IMAGE_TAG).length ?? 1) - 1, 0);
      const given = picturesOf(request).length;
      if (tags !== given)
        throw new DataError(
          `reply: request ${i} says ${IMAGE_TAG} ${tags} times and has ${given} pictures; there must be one for each.`,
        );
      return encodeConversation(this.tokens, own, request.messages).ids;
    };
    const prompts = requests.map(encode);
    const replies: Reply[] = [];
    for (let from = 0; from < requests.length; from += WIDTH) {
      const part = requests.slice(from, from + WIDTH);
      const keywords = template.end.trim() === '' ? [] : [template.end];
      const textOf = ({ stop = [] }: Request) => new TextStream(this.tokens, [...keywords, ...stop]);
      const texts = part.map(textOf);
      const join = (room: number): { prompt: number[]; images: Tensor | null } | null => {
        let prompt: number[] = [];
        const request = options.join!((each) => {
          prompt = encode(each, part.length);
          const most = each.maxNewTokens ?? options.maxNewTokens;
          const { length, maxNewTokens } = positionsOf(this.model, prompt, most, part.length);
          return length + maxNewTokens <= room;
        });
        if (!request) return null;
        part.push(request);
        texts.push(textOf(request));
        return { prompt, images: this.features(picturesOf(request), false) };
      };
      const onPicture = trace?.onPicture;
      const places = part.flatMap((request, k) => picturesOf(request).map((_, i) => [from + k, i] as const));
      const seen = onPicture && ((i: number, prototypes: PrototypeTrace) => onPicture(...places[i]!, prototypes));
      const done = await this.withImages(part.flatMap(picturesOf), options.together === true, seen, (images) =>
        generate(this.model, prompts.slice(from, from + WIDTH), images, {
          ...options,
          trace: trace && { words: trace.words, onToken: (k, token) => trace.onToken(from + k, token) },
          join: options.join && join,
          eos: this.tokens.eos,
          each: (k) => ({ stream: from + k, ...settingsOf(part[k]!) }),
          onToken: (k, id) => {
            const text = texts[k]!;
            const piece = text.push(id);
            options.onText?.(from + k, text.text, piece);
            return text.stopped;
          },
          onEnd: (k, sequence) => {
            const rest = texts[k]!.end();
            if (rest !== '') options.onText?.(from + k, texts[k]!.text, rest);
            options.onReply?.(from + k, replyOf(texts[k]!, sequence));
          },
        }),
      );
      done.forEach((sequence, k) => replies.push(replyOf(texts[k]!, sequence)));
    }
    return replies;
  }

  /**
   * Describes each image, then draws `ask.questions` questions from that point independently, then answers each of
   * them. With `ask.candidates` of n above 1, n questions are drawn and answered in place of each, and the one is kept
   * whose answer has the highest probability under the model; it is told when it is chosen.
   */
  async selfQuestion(
    pictures: readonly Float32Array[],
    ask: AskConfig,
    seed: number,
    { onText, onEnd, trace, ...options }: SelfQuestionOptions = {},
  ): Promise<SelfQuestioning[]> {
    const { candidates } = ask;
    if (!Number.isInteger(candidates) || candidates < 1)
      throw new ConfigError(`selfQuestion: candidates is ${candidates}; it must be a whole number of at least 1.`);
    const listen = (
      part: TalkPart,
      tell: (index: number, say: (index: number) => void) => void = (index, say) => say(index),
    ): Pick<ReplyOptions, 'onText' | 'onReply' | 'trace'> => ({
      onText: onText && ((index, text) => tell(index, (i) => onText(part, i, text))),
      onReply: onEnd && ((index, reply) => tell(index, (i) => onEnd(part, i, reply))),
      trace: trace && {
        words: trace.words,
        // Each picture is in several requests, and told with the first.
        onPicture:
          part === 'description' ? (picture, _, prototypes) => trace.onPicture?.(picture, prototypes) : undefined,
        onToken: (index, token) => tell(index, (i) => trace.onToken(part, i, token)),
      },
    });
    const opening: Message = { role: 'human', text: aboutImage(ask.describePrompt) };
    const descriptions = await this.reply(
      pictures.map((pixels) => ({ pixels, messages: [opening, { role: 'gpt', text: null }] })),
      { ...options, maxNewTokens: ask.maxDescription, ...listen('description') },
    );
    const count = pictures.length * ask.questions;
    const turns = Array.from({ length: count * candidates }, (_, d) => {
      const p = Math.floor(d / (ask.questions * candidates));
      const said: Message[] = [opening, { role: 'gpt', text: descriptions[p]! }];
      // The first candidate of each has the draws that it has alone.
      return { pixels: pictures[p]!, said, stream: (d % candidates) * count + Math.floor(d / candidates) };
    });
    const held = { question: new Withheld(), answer: new Withheld() };
    const heard = (part: 'question' | 'answer') =>
      listen(part, (d, say) => (candidates === 1 ? say(d) : held[part].keep(d, () => say(Math.floor(d / candidates)))));
    const sampling = { temperature: ask.temperature, topK: ask.topK || undefined, topP: ask.topP };
    const questions = await this.reply(
      turns.map(({ pixels, said, stream }) => ({ pixels, stream, messages: [...said, { role: 'vuser', text: null }] })),
      { ...options, ...sampling, maxNewTokens: ask.maxQuestion, seed, ...heard('question') },
    );
    const answered: Reply[] = [];
    const kept: SelfQuestion[] = [];
    /** Once all of its candidates are answered. */
    const choose = (i: number): void => {
      const of = Array.from({ length: candidates }, (_, c) => answered[i * candidates + c]);
      if (!of.every((reply) => reply !== undefined)) return;
      const d = i * candidates + surest(of.map(({ probability = 1 }) => probability));
      kept[i] = { question: questions[d]!, answer: answered[d]!.text };
      held.question.release(d);
      held.answer.release(d);
    };
    const hears = heard('answer');
    await this.write(
      turns.map(({ pixels, said }, d) => ({
        pixels,
        messages: [...said, { role: 'vuser', text: questions[d]! }, { role: 'gpt', text: null }],
      })),
      {
        ...{ ...options, maxNewTokens: ask.maxAnswer, probability: candidates > 1 || options.probability, ...hears },
        onReply: (d, reply) => {
          hears.onReply?.(d, reply);
          answered[d] = reply;
          choose(Math.floor(d / candidates));
        },
      },
    );
    return pictures.map((_, p) => ({
      description: descriptions[p]!,
      asked: kept.slice(p * ask.questions, (p + 1) * ask.questions),
    }));
  }

  /**
   * Lets the model describe each image and ask and answer questions of its own, shows them to it as turns of the
   * human, and asks the question last (docs/sq-llava.md 5.3). `options` are those of the last answer.
   */
  async answerAfterQuestions(
    entries: readonly (Pick<Request, 'stop'> & { readonly pixels: Float32Array; readonly question: string })[],
    ask: AskConfig,
    seed: number,
    {
      onText,
      onEnd,
      ...options
    }: Omit<ReplyOptions, 'onText' | 'onReply'> &
      Pick<SelfQuestionOptions, 'onEnd'> & {
        readonly onText?: AfterQuestionsListener;
      },
  ): Promise<(SelfQuestioning & { readonly answer: string })[]> {
    const { together, template, signal } = options;
    const talks = await this.selfQuestion(
      entries.map(({ pixels }) => pixels),
      ask,
      seed,
      {
        ...{ together, template, signal, onEnd },
        onText: onText && ((part, index, text) => onText(part === 'answer' ? 'self-answer' : part, index, text)),
      },
    );
    const requests = entries.map(({ pixels, question, stop }, i): Request => {
      const { description, asked } = talks[i]!;
      const said: (readonly [string, string])[] = [
        [aboutImage(ask.describePrompt), description],
        ...asked.map((turn) => [turn.question, turn.answer] as const),
      ];
      const turns = said.flatMap(([human, gpt]): Message[] => [
        { role: 'human', text: human },
        { role: 'gpt', text: gpt },
      ]);
      return { pixels, stop, messages: [...turns, { role: 'human', text: question }, { role: 'gpt', text: null }] };
    });
    const answers = await this.reply(requests, {
      ...{ ...options, seed },
      onText: onText && ((index, text) => onText('answer', index, text)),
    });
    return talks.map((talk, i) => ({ ...talk, answer: answers[i]! }));
  }

  /** What the model is given for a request, as text. */
  promptText({ system, messages }: Pick<Request, 'system' | 'messages'>, name?: TemplateName): string {
    const template = this.template(name);
    return renderConversation(system === undefined ? template : { ...template, system }, messages);
  }

  /** The chat template, or another by name. */
  private template(name: TemplateName | undefined): Template {
    const { config } = this.model;
    return templateOf(name === undefined ? config : { ...config, template: name, systemText: null });
  }

  /**
   * Features of the images in order, kept while `use` runs; a repeated image is encoded once.
   * @param onPicture is told the prototypes of each image, before `use`
   */
  private async withImages<T>(
    pictures: readonly Float32Array[],
    together: boolean,
    onPicture: ((i: number, prototypes: PrototypeTrace) => void) | undefined,
    use: (images: Tensor | null) => Promise<T>,
  ): Promise<T> {
    const reads: Promise<PrototypeTrace[]>[] = [];
    const images = this.features(pictures, together, onPicture && ((one) => void reads.push(readPrototypes(one))));
    try {
      const seen = [...new Set(pictures)];
      const prototypes = (await Promise.all(reads)).flat();
      if (prototypes.length > 0) pictures.forEach((pixels, i) => onPicture?.(i, prototypes[seen.indexOf(pixels)]!));
      return await use(images);
    } finally {
      images?.dispose();
    }
  }

  private features(
    pictures: readonly Float32Array[],
    together: boolean,
    onAssignment?: AssignmentListener,
  ): Tensor | null {
    if (pictures.length === 0) return null;
    const { gpu } = this.model;
    const seen = [...new Set(pictures)];
    const encode = (pixels: Float32Array): Tensor =>
      this.model.encodeImages(imageTensor(this.model, pixels), onAssignment);
    return gpu.scope(() =>
      noGrad(() => {
        const features = together ? encode(joined(seen)) : cat(seen.map(encode), { axis: 0 });
        if (seen.length === pictures.length) return features;
        const places = Int32Array.from(pictures, (pixels) => seen.indexOf(pixels));
        return indexSelect(features, tensor(gpu, places), { axis: 0 });
      }),
    );
  }
}

/** The settings of an individual request. */
function settingsOf({
  pixels: _,
  messages: __,
  system: ___,
  stop: ____,
  ...settings
}: Request): Partial<SequenceOptions> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function replyOf(text: TextStream, { finish, ids, promptTokens, probability }: Sequence): Reply {
  const reason = finish === 'stopped' ? (text.stopped ? 'keyword' : 'aborted') : finish;
  return {
    text: text.text,
    finish: reason,
    promptTokens,
    newTokens: ids.length,
    ...(probability !== undefined && { probability }),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
}
