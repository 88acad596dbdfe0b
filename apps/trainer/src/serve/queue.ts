/** @file Requests in their order, up to four in work at a time: the next joins as soon as one ends. */
import type { Reply, Request, Speaker } from '@curio/model';
import { ApiError } from './api-error.ts';

export interface Job {
  /** The model that it is for; the one after it waits for another model until those of this one are done. */
  readonly speaker: Pick<Speaker, 'write'>;
  readonly request: Request;
  /** Ends it, also while it waits. */
  readonly signal: AbortSignal;
  readonly onPiece: (piece: string) => void;
}

interface Waiting extends Job {
  readonly done: (reply: Reply) => void;
  readonly failed: (error: unknown) => void;
  ended: boolean;
}

const ABORTED: Reply = { text: '', finish: 'aborted', promptTokens: 0, newTokens: 0 };

export class Queue {
  private readonly waiting: Waiting[] = [];
  private working = false;

  /** @param most answers that may wait */
  constructor(private readonly most: number) {}

  /** Refuses what would be too much, before any of it waits. @throws ApiError */
  requireRoom(count: number): void {
    const { length } = this.waiting.filter(({ signal }) => !signal.aborted);
    if (length + count > this.most)
      throw new ApiError(
        429,
        `${length} answers are waited for, ${count} would come to them and ${this.most} may be; try again when some are done.`,
        null,
        'queue_full',
        { 'retry-after': '5' },
      );
  }

  /** Answers a request when its turn comes. One that was aborted before has an empty answer. */
  answer(job: Job): Promise<Reply> {
    return new Promise((done, failed) => {
      this.waiting.push({ ...job, done, failed, ended: false });
      if (!this.working) void Promise.resolve().then(() => this.work());
    });
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      for (let next = this.next(); next; next = this.next()) await this.write(this.take(next));
    } finally {
      this.working = false;
    }
  }

  /** The first that still wants its answer. */
  private next(): Waiting | undefined {
    while (this.waiting[0]?.signal.aborted) this.waiting.shift()!.done(ABORTED);
    return this.waiting[0];
  }

  private take(job: Waiting): Waiting {
    this.waiting.shift();
    return job;
  }

  /** Answers one and those that join it. One that cannot be answered, such as a long prompt, takes no other with it. */
  private async write(first: Waiting): Promise<void> {
    const part = [first];
    const { speaker } = first;
    const requestOf = ({ request, signal }: Waiting): Request => ({ ...request, signal });
    const join = (fits: (request: Request) => boolean): Request | null => {
      const next = this.next();
      if (next?.speaker !== speaker) return null;
      try {
        if (!fits(requestOf(next))) return null;
      } catch (error) {
        this.take(next).failed(error);
        return join(fits);
      }
      part.push(this.take(next));
      return requestOf(next);
    };
    try {
      await speaker.write([requestOf(first)], {
        maxNewTokens: 1, // each has its own
        join,
        onText: (k, _, piece) => {
          if (piece !== '') part[k]!.onPiece(piece);
        },
        onReply: (k, reply) => {
          part[k]!.ended = true;
          part[k]!.done(reply);
        },
      });
    } catch (error) {
      for (const job of part) if (!job.ended) job.failed(error);
    }
  }
}
