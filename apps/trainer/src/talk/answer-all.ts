/** @file Answers to many questions, some at a time, each given as soon as those before it are. */
import type { Reply, SelfQuestioning } from '@curio/model';
import { decodeImage, readImage } from '../data/decode.ts';
import type { Talk } from './open.ts';
import { question, replyOptions } from './options.ts';
import type { WritingOptions } from './options.ts';

/** A question, with the path of its picture or the bytes of its file. */
export interface Asked {
  readonly id: string | number;
  readonly text: string;
  readonly image?: string | Uint8Array;
}

export interface Answered extends Partial<Omit<Reply, 'text'>>, Partial<SelfQuestioning> {
  readonly text: string;
}

export interface AnswerAllOptions {
  readonly talk: Talk;
  readonly options: WritingOptions;
  /** How many are in work at a time. */
  readonly batch: number;
  /** The model first asks and answers so many questions of its own. */
  readonly sq?: number;
  readonly signal: AbortSignal;
  readonly onAnswer: (index: number, answer: Answered) => void;
}

/** Answers `questions` from number `from` on; what is drawn for one depends on its number alone. */
export async function answerAll(
  questions: readonly Asked[],
  from: number,
  { talk, options, batch, sq, signal, onAnswer }: AnswerAllOptions,
): Promise<void> {
  const settings = { ...replyOptions(options, talk), signal };
  const pixelsOf = async ({ id, image }: Asked): Promise<Float32Array | null> => {
    if (image === undefined) return null;
    const picture = await (typeof image === 'string' ? readImage(image) : decodeImage(image, `picture of ${id}`));
    return talk.prepare(picture, options.aspect);
  };
  for (let at = from; at < questions.length && !signal.aborted; at += batch) {
    const part = questions.slice(at, at + batch);
    const pixels = await Promise.all(part.map(pixelsOf));
    if (sq !== undefined) {
      // One by one: the questions that it asks itself depend on the picture's number among those asked together.
      for (const [k, { text }] of part.entries()) {
        const entry = { pixels: pixels[k]!, question: text, stop: options.stop };
        const ask = { ...talk.ask, questions: sq };
        const [talked] = await talk.speaker.answerAfterQuestions([entry], ask, options.seed + at + k, settings);
        if (signal.aborted) return;
        const { answer, description, asked } = talked!;
        onAnswer(at + k, { text: answer, description, asked });
      }
      continue;
    }
    const waiting = new Map<number, Reply>();
    let next = 0;
    await talk.speaker.write(
      part.map(({ text }, k) => ({ ...question(text, pixels[k]!, options.stop), stream: at + k })),
      {
        ...settings,
        onReply: (k, reply) => {
          waiting.set(k, reply);
          for (; waiting.has(next) && waiting.get(next)!.finish !== 'aborted'; next++)
            onAnswer(at + next, waiting.get(next)!);
        },
      },
    );
  }
}
