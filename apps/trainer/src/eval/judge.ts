/**
 * @file A judge model behind OpenAI's API rates the answers of a benchmark. Its replies are stored as they arrive, so
 * that a run that was stopped, or in which calls failed, continues with the missing ones.
 */
import { DataError } from '@curio/engine';
import { paired } from '@curio/eval';
import type { Entry, JudgeReply, Judging, Run } from '@curio/eval';
import OpenAI, { APIError } from 'openai';
import { LineFile } from '../disk/line-file.ts';

export interface Judge {
  /** Address of the API, such as https://api.openai.com/v1. */
  readonly url: string;
  readonly model: string;
  readonly key: string | undefined;
  /** Time limit for a reply. */
  readonly timeoutMs: number;
  /** Retries of a call that timed out or that the server could not accept. */
  readonly retries: number;
  readonly onReply?: (done: number, total: number) => void;
}

export interface Judged {
  readonly replies: ReadonlyMap<string | number, JudgeReply>;
  /** A sentence for each entry whose calls all failed. */
  readonly failed: readonly string[];
}

/** Calls in flight at a time. */
const TOGETHER = 4;

/** Asks about every answer that has no reply yet in the file at `path`. */
export async function askJudge(
  { entries, answers }: Pick<Run, 'entries' | 'answers'>,
  judging: Judging,
  judge: Judge,
  path: string,
): Promise<Judged> {
  const pairs = paired('judge', entries, answers);
  const failed: string[] = [];
  const client = new OpenAI({
    ...{ baseURL: judge.url, apiKey: judge.key ?? 'none', timeout: judge.timeoutMs, maxRetries: judge.retries },
  });
  const { file, replies } = LineFile.open(path, (file) => ({ file, replies: readReplies(file, judge) }));
  const waiting = pairs.filter(([{ id }]) => !replies.has(id));
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [entry, text] = next;
      try {
        const reply = await ask(client, judging, judge, entry, text);
        replies.set(entry.id, reply);
        file.write(`${JSON.stringify({ id: entry.id, judge: judge.model, ...reply })}\n`);
        judge.onReply?.(replies.size, entries.length);
      } catch (error) {
        if (!(error instanceof APIError)) throw error;
        failed.push(`judge: entry ${JSON.stringify(entry.id)}: ${error.message.replace(/\.$/, '')}; run it again.`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: TOGETHER }, work));
  } finally {
    file.close();
  }
  return { replies, failed };
}

/** A reply with a rating, or the last of as many attempts as the benchmark's own script makes. */
async function ask(client: OpenAI, judging: Judging, judge: Judge, entry: Entry, text: string): Promise<JudgeReply> {
  for (let again = 0; ; again++) {
    const { body } = judging.request(entry, text, judge.model, again);
    const { model, choices } = await client.chat.completions.create({ ...body, messages: [...body.messages] });
    const reply = { model, text: choices[0]?.message.content ?? '' };
    if (judging.isMark(reply.text) || again + 1 >= judging.attempts) return reply;
  }
}

function readReplies(file: LineFile, { model }: Judge): Map<string | number, JudgeReply> {
  const replies = new Map<string | number, JudgeReply>();
  for (const [i, line] of file.text.split('\n').slice(0, -1).entries()) {
    const { id, judge, ...reply } = JSON.parse(line) as JudgeReply & { id: string | number; judge: string };
    if (judge !== model)
      throw new DataError(
        `eval: ${file.path}, line ${i + 1}: the judge was '${judge}' and this one is '${model}'; give another --out, or the same judge.`,
      );
    replies.set(id, reply);
  }
  return replies;
}
