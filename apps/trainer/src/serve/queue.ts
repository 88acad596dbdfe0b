/** @file Requests one after the other, up to four together, since a model's cache serves one call at a time. */
import type { Reply, Request, Speaker } from '@curio/model';
import { ApiError } from './api-error.ts';

export interface Job {
  readonly request: Request;
  /** Ends it, also while it waits. */
  readonly signal: AbortSignal;
  readonly onPiece: (piece: string) => void;
}

interface Waiting extends Job {
  readonly done: (reply: Reply) => void;
  readonly failed: (error: unknown) => void;
  state: 'waiting' | 'writing' | 'done';
}

/** As many are decoded together: more would wait for a row anyway. */
const TOGETHER = 4;
const ABORTED: Reply = { text: '', finish: 'aborted', promptTokens: 0, newTokens: 0 };

export class Queue {
  private readonly waiting: Waiting[] = [];
  private working = false;

  /** @param most answers that may wait */
  constructor(
    private readonly speaker: Pick<Speaker, 'write'>,
    private readonly most: number,
  ) {}

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
      this.waiting.push({ ...job, done, failed, state: 'waiting' });
      // What came in the same moment is answered together.
      if (!this.working) void Promise.resolve().then(() => this.work());
    });
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      while (this.waiting.length > 0) {
        const part = this.waiting.splice(0, TOGETHER);
        for (const { done } of part.filter(({ signal }) => signal.aborted)) done(ABORTED);
        const live = part.filter(({ signal }) => !signal.aborted);
        if (live.length > 0) await this.write(live);
      }
    } finally {
      this.working = false;
    }
  }

  /** One that cannot be answered, such as a prompt that is too long, does not take the others with it. */
  private async write(part: readonly Waiting[]): Promise<void> {
    try {
      await this.speaker.write(
        part.map(({ request, signal }) => ({ ...request, signal })),
        {
          maxNewTokens: 1, // each has its own
          onText: (k, _, piece) => {
            part[k]!.state = 'writing';
            if (piece !== '') part[k]!.onPiece(piece);
          },
          onReply: (k, reply) => {
            part[k]!.state = 'done';
            part[k]!.done(reply);
          },
        },
      );
    } catch (error) {
      const open = part.filter(({ state }) => state !== 'done');
      for (const one of open) {
        if (part.length === 1 || one.state === 'writing') one.failed(error);
        else await this.write([one]);
      }
    }
  }
}
