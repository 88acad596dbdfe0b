/** @file Visual self-questioning: docs/sq-llava.md 5.2 and 5.3. */
import { ConfigError } from '@curio/engine';
import type { AskConfig } from '../config.ts';
import type { Message } from '../data/conversation.ts';
import { Deferred, mostProbable } from '../decoding/candidates.ts';
import type { PrototypeTrace, TokenTrace, TraceOptions } from '../decoding/trace.ts';
import { aboutImage } from './request.ts';
import type { Reply, ReplyOptions, Request } from './request.ts';

export interface SelfQuestion {
  readonly question: string;
  readonly answer: string;
}
export interface SelfQuestioning {
  readonly description: string;
  readonly asked: readonly SelfQuestion[];
}

export type TalkPart = 'description' | 'question' | 'answer';

/** Listens to what the model computes; texts have the indices of `onText`. */
export interface SelfQuestionTrace extends Pick<TraceOptions, 'words'> {
  readonly onPicture?: (picture: number, prototypes: PrototypeTrace) => void;
  readonly onToken: (part: TalkPart, index: number, token: TokenTrace) => void;
}

export interface SelfQuestionOptions extends Pick<ReplyOptions, 'together' | 'template' | 'probability'> {
  /** Aborts generation. */
  readonly signal?: AbortSignal;
  /**
   * Called as text is generated: descriptions by image; questions, then their answers, by image and number (`image ·
   * ask.questions + k`).
   */
  readonly onText?: (part: TalkPart, index: number, text: string) => void;
  /** Called when one of these texts is complete. */
  readonly onEnd?: (part: TalkPart, index: number, reply: Reply) => void;
  readonly trace?: SelfQuestionTrace;
}

/** A question to answer after the model's own, about one image. */
export interface QuestionedImage extends Pick<Request, 'stop'> {
  readonly pixels: Float32Array;
  readonly question: string;
}

/** Options of the last answer; `onText` also gets the parts before it, whose answers are `self-answer`. */
export interface AfterQuestionsOptions
  extends Omit<ReplyOptions, 'onText' | 'onReply'>,
    Pick<SelfQuestionOptions, 'onEnd'> {
  readonly onText?: (part: TalkPart | 'self-answer', index: number, text: string) => void;
}

type Write = (requests: readonly Request[], options: ReplyOptions) => Promise<Reply[]>;

const textsOf = (replies: readonly Reply[]): string[] => replies.map(({ text }) => text);

/** `Speaker.selfQuestion`, by means of its `write`. */
export async function selfQuestion(
  write: Write,
  pictures: readonly Float32Array[],
  ask: AskConfig,
  seed: number,
  { onText, onEnd, trace, ...options }: SelfQuestionOptions = {},
): Promise<SelfQuestioning[]> {
  const { candidates } = ask;
  if (!Number.isInteger(candidates) || candidates < 1)
    throw new ConfigError(`selfQuestion: candidates is ${candidates}; it must be a whole number of at least 1.`);
  /** `emit` calls back with a text's public index, at once or later. */
  const listen = (
    part: TalkPart,
    emit: (index: number, call: (index: number) => void) => void = (index, call) => call(index),
  ): Pick<ReplyOptions, 'onText' | 'onReply' | 'trace'> => ({
    onText: onText && ((index, text) => emit(index, (i) => onText(part, i, text))),
    onReply: onEnd && ((index, reply) => emit(index, (i) => onEnd(part, i, reply))),
    trace: trace && {
      words: trace.words,
      // Each picture is in several requests; the first one reports it.
      onPicture:
        part === 'description' ? (picture, _, prototypes) => trace.onPicture?.(picture, prototypes) : undefined,
      onToken: (index, token) => emit(index, (i) => trace.onToken(part, i, token)),
    },
  });
  const opening: Message = { role: 'human', text: aboutImage(ask.describePrompt) };
  const descriptions = textsOf(
    await write(
      pictures.map((pixels) => ({ pixels, messages: [opening, { role: 'gpt', text: null }] })),
      { ...options, maxNewTokens: ask.maxDescription, ...listen('description') },
    ),
  );
  const count = pictures.length * ask.questions;
  const turns = Array.from({ length: count * candidates }, (_, d) => {
    const p = Math.floor(d / (ask.questions * candidates));
    const context: Message[] = [opening, { role: 'gpt', text: descriptions[p]! }];
    // The first candidate of each question is sampled as it would be without candidates.
    return { pixels: pictures[p]!, context, stream: (d % candidates) * count + Math.floor(d / candidates) };
  });
  const deferred = { question: new Deferred(), answer: new Deferred() };
  const listenToCandidates = (part: 'question' | 'answer') =>
    listen(part, (d, call) =>
      candidates === 1 ? call(d) : deferred[part].add(d, () => call(Math.floor(d / candidates))),
    );
  const sampling = { temperature: ask.temperature, topK: ask.topK || undefined, topP: ask.topP };
  const questions = textsOf(
    await write(
      turns.map(({ pixels, context, stream }) => ({
        ...{ pixels, stream },
        messages: [...context, { role: 'vuser', text: null }],
      })),
      { ...options, ...sampling, maxNewTokens: ask.maxQuestion, seed, ...listenToCandidates('question') },
    ),
  );
  const answered: Reply[] = [];
  const chosen: SelfQuestion[] = [];
  /** Chooses among the candidates of a question once all are answered. */
  const choose = (i: number): void => {
    const replies = Array.from({ length: candidates }, (_, c) => answered[i * candidates + c]);
    if (!replies.every((reply) => reply !== undefined)) return;
    const d = i * candidates + mostProbable(replies.map(({ probability = 1 }) => probability));
    chosen[i] = { question: questions[d]!, answer: answered[d]!.text };
    deferred.question.run(d);
    deferred.answer.run(d);
  };
  const listener = listenToCandidates('answer');
  await write(
    turns.map(({ pixels, context }, d) => ({
      pixels,
      messages: [...context, { role: 'vuser', text: questions[d]! }, { role: 'gpt', text: null }],
    })),
    {
      ...{ ...options, maxNewTokens: ask.maxAnswer, probability: candidates > 1 || options.probability, ...listener },
      onReply: (d, reply) => {
        listener.onReply?.(d, reply);
        answered[d] = reply;
        choose(Math.floor(d / candidates));
      },
    },
  );
  return pictures.map((_, p) => ({
    description: descriptions[p]!,
    asked: chosen.slice(p * ask.questions, (p + 1) * ask.questions),
  }));
}

/** `Speaker.answerAfterQuestions`, by means of its `write`. */
export async function answerAfterQuestions(
  write: Write,
  entries: readonly QuestionedImage[],
  ask: AskConfig,
  seed: number,
  { onText, onEnd, ...options }: AfterQuestionsOptions,
): Promise<(SelfQuestioning & { readonly answer: string })[]> {
  const { together, template, signal } = options;
  const talks = await selfQuestion(
    write,
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
    const exchanges: (readonly [string, string])[] = [
      [aboutImage(ask.describePrompt), description],
      ...asked.map((turn) => [turn.question, turn.answer] as const),
    ];
    const turns = exchanges.flatMap(([human, gpt]): Message[] => [
      { role: 'human', text: human },
      { role: 'gpt', text: gpt },
    ]);
    return { pixels, stop, messages: [...turns, { role: 'human', text: question }, { role: 'gpt', text: null }] };
  });
  const answers = await write(requests, {
    ...{ ...options, seed },
    onText: onText && ((index, text) => onText('answer', index, text)),
  });
  return talks.map((talk, i) => ({ ...talk, answer: answers[i]!.text }));
}
