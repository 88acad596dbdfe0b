/**
 * @file What a model said about the held-out pictures: `answers.jsonl` has its answers to questions, `asked.jsonl` its
 * descriptions and the questions that it asked itself. They allow comparing two runs question by question.
 */
import { isRight } from '@curio/scenes';
import { line } from '../run/log.ts';
import type { AskedScene } from '../run/summary.ts';
import type { AnsweredQuestion } from './evaluate.ts';

export const ANSWERS = 'answers.jsonl';
export const ASKED = 'asked.jsonl';

/** A line of `answers.jsonl`. */
export interface AnswerLine extends Omit<AnsweredQuestion, 'image'> {
  readonly right: boolean;
}

/** A line of `asked.jsonl`. */
export type AskedLine = Omit<AskedScene, 'picture'>;

export const answerLines = (answered: readonly AnsweredQuestion[]): string =>
  answered
    .map(({ id, kind, question, expected, answer }): AnswerLine => {
      return { id, kind, question, expected, answer, right: isRight({ answer, expected }) };
    })
    .map(line)
    .join('');

export const askedLines = (scenes: readonly AskedScene[]): string =>
  scenes
    .map(({ id, truth, description, asked }): AskedLine => ({ id, truth, description, asked }))
    .map(line)
    .join('');
