/** @file Requests to a judge in OpenAI's batch format, which any OpenAI-compatible endpoint or batch runner accepts. */

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
  /** The model's name on the judge's server. */
  readonly model: string;
  readonly text: string;
}

export const judgeRequest = (id: string, body: JudgeRequest['body']): JudgeRequest => ({
  custom_id: id,
  method: 'POST',
  url: '/v1/chat/completions',
  body,
});
