/** @file Decodes and preprocesses pictures in worker threads, so that the main thread only feeds the device. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { DataError, TrainError } from '@curio/engine';
import type { ImageConfig } from '@curio/model';
import type { PicturePlace } from './decode.ts';
import { preparePicture, type PictureJob, type PictureResult } from './picture-worker.ts';

/** With more threads than this the disk or the device is the bottleneck. */
const MOST = 8;

/** All cores but one, which is for the main thread. */
export const defaultWorkers = (): number => Math.max(1, Math.min(MOST, availableParallelism() - 1));

interface Pending {
  readonly done: (pixels: Float32Array) => void;
  readonly failed: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

/** The built file; from the sources, one that registers tsx, whose `--import` has no effect in a thread. */
function workerProgram(): URL {
  if (!import.meta.url.endsWith('.ts')) return new URL('./picture-worker.js', import.meta.url);
  const [tsx, program] = [import.meta.resolve('tsx/esm/api'), new URL('./picture-worker.ts', import.meta.url).href];
  const text = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(program)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

/** Threads are started by the first picture and stopped by `close`. */
export class PicturePool {
  private threads: Thread[] = [];
  private next = 0;
  private isClosed = false;

  /** @param count number of threads; 0: pictures are preprocessed on the calling one */
  constructor(private readonly count = defaultWorkers()) {}

  /**
   * A picture preprocessed for the image tower, with the same bits from any thread.
   * @throws DataError if it cannot be read; TrainError if its thread crashed
   */
  async prepare(place: PicturePlace, image: ImageConfig): Promise<Float32Array> {
    if (this.isClosed) throw new Error('pictures: the pool was closed.');
    if (this.count === 0) return preparePicture({ place, image });
    const thread = this.leastBusy();
    const job: PictureJob = { id: this.next++, place, image };
    return new Promise((done, failed) => {
      thread.pending.set(job.id, { done, failed });
      thread.worker.ref(); // an idle thread does not keep the process alive
      thread.worker.postMessage(job);
    });
  }

  /** Ends the threads; pending pictures fail. */
  async close(): Promise<void> {
    const { threads } = this;
    this.isClosed = true;
    this.threads = [];
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  private leastBusy(): Thread {
    const idle = this.threads.find(({ pending }) => pending.size === 0);
    if (idle) return idle;
    if (this.threads.length < this.count) return this.start();
    return this.threads.reduce((least, each) => (each.pending.size < least.pending.size ? each : least));
  }

  private start(): Thread {
    const thread: Thread = { worker: new Worker(workerProgram()), pending: new Map() };
    const { worker, pending } = thread;
    this.threads.push(thread);
    worker.on('message', (result: PictureResult) => {
      const { done, failed } = pending.get(result.id)!;
      pending.delete(result.id);
      // While it closes it must keep the process alive, or the process would end during the wait.
      if (pending.size === 0 && !this.isClosed) worker.unref();
      if ('pixels' in result) done(result.pixels);
      else failed('bad' in result ? new DataError(result.bad) : new Error(result.failed));
    });
    const end = (why: string): void => {
      this.threads = this.threads.filter((each) => each !== thread);
      for (const { failed } of pending.values())
        failed(new TrainError(`pictures: a thread that prepared them ended (${why}); try fewer with --data.workers.`));
      pending.clear();
    };
    worker.on('error', (error: Error) => end(error.message.split('\n')[0]!));
    worker.on('exit', (code) => end(`exit code ${code}`));
    return thread;
  }
}
