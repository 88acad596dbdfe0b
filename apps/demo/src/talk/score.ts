/** @file The visitor's answers to the model's questions, counted. */
import type { Talk } from '../session.ts';
import { optionsFor } from './options.ts';
import { judge } from './wording.ts';

export interface Quiz {
  /** The first of its questions that can be answered by a tap; null if none can, undefined until all are written. */
  readonly question: string | null | undefined;
  /** The index of the question among those that the model asked. */
  readonly index: number;
  readonly options: readonly string[];
  /** The model's own answer, once complete. */
  readonly answer: string | undefined;
}

export function quizOf({ texts, state }: Talk, questions: number): Quiz {
  const asked = Array.from({ length: questions }, (_, k) => texts[`question ${k}`]);
  const whole = texts['self-answer 0'] !== undefined || state === 'done';
  if (!whole) return { question: undefined, index: -1, options: [], answer: undefined };
  const index = asked.findIndex((text) => text !== undefined && optionsFor(text).length > 0);
  if (index < 0) return { question: null, index, options: [], answer: undefined };
  const question = asked[index]!;
  const answer = state === 'done' ? texts[`self-answer ${index}`] : undefined;
  return { question, index, options: optionsFor(question), answer };
}

export interface Score {
  /** The questions with a known truth that were answered, and how many of them each got right. */
  readonly known: number;
  readonly you: number;
  readonly it: number;
  /** Questions about drawings, whose truth nobody knows, and how often both gave the same answer. */
  readonly unknown: number;
  readonly agreed: number;
}

export function scoreOf(talks: readonly Talk[], questions: number): Score {
  const score = { known: 0, you: 0, it: 0, unknown: 0, agreed: 0 };
  for (const talk of talks) {
    const { question, answer } = quizOf(talk, questions);
    if (talk.kind !== 'quiz' || talk.picked === null || !question || answer === undefined) continue;
    const you = talk.truth && judge(question, talk.picked, talk.truth);
    const it = talk.truth && judge(question, answer, talk.truth);
    if (you && it) {
      score.known++;
      score.you += Number(you.right);
      score.it += Number(it.right);
    } else {
      score.unknown++;
      score.agreed += Number(talk.picked === answer.trim());
    }
  }
  return score;
}

/** `You 2, the model 3 of 4; you agree on 1 of 2 drawings.` */
export function scoreText({ known, you, it, unknown, agreed }: Score): string {
  const parts = [
    known > 0 ? `you ${you}, the model ${it} of ${known} right` : '',
    unknown > 0 ? `both said the same about ${agreed} of ${unknown} drawings` : '',
  ].filter(Boolean);
  return parts.length === 0 ? '' : `Score: ${parts.join('; ')}.`;
}
