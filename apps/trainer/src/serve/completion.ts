/** @file The response to a chat completion: complete, or streamed as server-sent events. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Reply } from '@curio/model';
import type { Queue } from './queue.ts';
import type { Completion } from './request.ts';

/** Responds when it is the request's turn; ends without a response if the client disconnects. */
export async function complete(response: ServerResponse, completion: Completion, queue: Queue): Promise<void> {
  queue.requireRoom(completion.requests.length);
  const abort = new AbortController();
  response.on('close', () => abort.abort()); // the client has disconnected, or everything was sent
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: completion.model.name };
  const answer = (onPiece: (index: number, piece: string) => void): Promise<Reply[]> =>
    Promise.all(
      completion.requests.map((request, index) =>
        queue.answer({
          speaker: completion.model.speaker,
          request,
          signal: abort.signal,
          onPiece: (piece) => onPiece(index, piece),
        }),
      ),
    );
  if (completion.stream) return stream(response, completion, head, answer);
  const replies = await answer(() => {});
  if (response.destroyed) return;
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  const choices = replies.map(({ text, finish }, index) => ({
    index,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: null,
    finish_reason: reasonOf(finish),
  }));
  response.end(JSON.stringify({ ...head, object: 'chat.completion', choices, usage: usageOf(replies) }));
}

/** Sends the role, pieces of text, the finish reason, the usage if requested, and the end. */
async function stream(
  response: ServerResponse,
  { requests, includeUsage }: Completion,
  head: object,
  answer: (onPiece: (index: number, piece: string) => void) => Promise<Reply[]>,
): Promise<void> {
  const chunk = (choices: readonly object[], usage: object | null = null): void => {
    // Sent with the first text, so that an error before it can still have its own status.
    if (!response.headersSent)
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    const whole = { ...head, object: 'chat.completion.chunk', choices, ...(includeUsage && { usage }) };
    response.write(`data: ${JSON.stringify(whole)}\n\n`);
  };
  const begun = requests.map(() => false);
  const choice = (index: number, delta: object, reason: string | null = null): void => {
    const role = begun[index] ? {} : { role: 'assistant' };
    begun[index] = true;
    chunk([{ index, delta: { ...role, ...delta }, logprobs: null, finish_reason: reason }]);
  };
  const replies = await answer((index, content) => choice(index, { content }));
  if (response.destroyed) return;
  replies.forEach(({ finish }, index) => choice(index, {}, reasonOf(finish)));
  if (includeUsage) chunk([], usageOf(replies));
  response.end('data: [DONE]\n\n');
}

const reasonOf = (finish: Reply['finish']): string => (finish === 'length' ? 'length' : 'stop');

function usageOf(replies: readonly Reply[]): object {
  const completion = replies.reduce((sum, { newTokens }) => sum + newTokens, 0);
  const prompt = replies[0]!.promptTokens;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
