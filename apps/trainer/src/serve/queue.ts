/** @file Queues requests in order and processes up to four at a time: the next one joins as soon as one ends. */
import type { Reply, Request, Speaker } from '@curio/model';
import { ApiError } from './api-error.ts';

export interface Job {
  /** Its model; a request for another model waits until those for this one are done. */
  readonly speaker: Pick<Speaker, 'write'>;
  readonly request: Request;
  /** Aborts it, even while it waits. */
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

  /** @param most requests that may wait */
  constructor(private readonly most: number) {}

  /** Refuses requests beyond the limit, before any of them waits. @throws ApiError */
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

  /** Answers a request when it is its turn. If it was aborted before, the answer is empty. */
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

  /** The first request that was not aborted. */
  private next(): Waiting | undefined {
    while (this.waiting[0]?.signal.aborted) this.waiting.shift()!.done(ABORTED);
    return this.waiting[0];
  }

  private take(job: Waiting): Waiting {
    this.waiting.shift();
    return job;
  }

  /**
   * Answers one request and those that join it. The failure of one, such as too long a prompt, does not affect others.
   */
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
