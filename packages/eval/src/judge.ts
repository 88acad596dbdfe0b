/** @file Requests to a judge in OpenAI's batch form, which any OpenAI-compatible endpoint or batch runner takes. */
import type { Entry, ResultFile, Run, Score } from './benchmark.ts';

export interface JudgeRequest {
  readonly custom_id: string;
  readonly method: 'POST';
  readonly url: '/v1/chat/completions';
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: 'system' | 'user'; readonly content: string }[];
    readonly temperature: number;
    readonly max_tokens: number;
  };
}

/** A judge's last reply about an entry. */
export interface JudgeReply {
  /** As the judge's server calls its model. */
  readonly model: string;
  readonly text: string;
}

export interface Judging<E extends Entry = Entry, Role extends string = string> {
  /** The judge of the published numbers. */
  readonly publishedModel: string;
  /** What the judge is asked; `again` counts replies that could not be used. @throws EvalDataError without its files */
  request(entry: E, text: string, model: string, again: number): JudgeRequest;
  /** Whether a reply has a mark; where it has none the judge is asked again, so many times in all. */
  isMark(reply: string): boolean;
  readonly attempts: number;
  /** The official files, and the score from replies to every entry. */
  finish(
    run: Run<E, Role>,
    replies: ReadonlyMap<string | number, JudgeReply>,
    judge: string,
  ): { readonly files: readonly ResultFile[]; readonly score: Score };
}

export const judgeRequest = (id: string, body: JudgeRequest['body']): JudgeRequest => ({
  custom_id: id,
  method: 'POST',
  url: '/v1/chat/completions',
  body,
});
