/** @file Answers many questions in batches, and reports each answer as soon as those before it are reported. */
import type { Reply, SelfQuestioning } from '@curio/model';
import { decodeImage, readImage } from '../data/decode.ts';
import type { Talk } from './open.ts';
import { question, replyOptions } from './options.ts';
import type { WritingOptions } from './options.ts';

/** A question, with the path of its picture or the bytes of the picture's file. */
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
  /** Questions per batch. */
  readonly batch: number;
  /** How many questions of its own the model asks and answers first. */
  readonly sq?: number;
  readonly signal: AbortSignal;
  readonly onAnswer: (index: number, answer: Answered) => void;
}

/** Answers `questions` from index `from` on; sampling depends only on a question's index and the seed. */
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
      // One by one: the questions it asks itself depend on the picture's index in the batch.
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
