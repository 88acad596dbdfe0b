/**
 * @file The lab's own worker, with a device of its own: a kernel that never finishes, or loses the device, does
 * not affect the model.
 */
import { DeviceError, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { LabBench } from './judge.ts';
import type { Trial } from './judge.ts';
import type { Failure, FromLab, Texts, ToLab } from './messages.ts';

const say = (message: FromLab): void => postMessage(message);

/** Seconds without progress, while this thread is free, after which a kernel counts as hung. */
const PATIENCE = 15;
const HUNG = `It did not finish within ${PATIENCE} seconds, so it was stopped.`;
const LOST = 'The graphics device was lost while running it.';

let texts: Texts = {};
let opened: { readonly gpu: Gpu; readonly bench: LabBench } | null = null;
let job: AbortController | null = null;
/** One text after the other. */
let queue: Promise<void> = Promise.resolve();

/** Ends a trial for a reason that the page can explain. */
class TrialError extends Error {
  constructor(
    readonly reason: Failure,
    message: string,
  ) {
    super(message);
  }
}

async function open(): Promise<{ readonly gpu: Gpu; readonly bench: LabBench }> {
  if (opened) return opened;
  const gpu = await openGpu().catch((error: Error) => {
    const isMissing = error instanceof DeviceError || !('gpu' in navigator);
    throw new TrialError(isMissing ? 'no-device' : 'error', error.message);
  });
  const { description, vendor, architecture, isSoftware } = gpu.adapter;
  const name = description || `${vendor} ${architecture}`.trim() || 'a device without a name';
  say({ kind: 'device', name, isSoftware });
  return (opened = { gpu, bench: new LabBench(gpu, texts) });
}

/** A device that failed while running is of no use to the next text. */
async function recover(): Promise<void> {
  if (!opened) return;
  const { gpu } = opened;
  try {
    await gpu.synchronize();
  } catch {
    opened = null;
    gpu.close();
  }
}

/** Rejects after too long without progress although this thread was free, and when the device is lost. */
function watch(gpu: Gpu): { readonly broken: Promise<never>; readonly sign: () => void; readonly end: () => void } {
  let idle = 0;
  let timer = 0;
  const broken = new Promise<never>((_, reject) => {
    timer = setInterval(() => ++idle >= PATIENCE && reject(new TrialError('hung', HUNG)), 1000) as unknown as number;
    void gpu.lost.then(() => reject(new TrialError('lost', LOST)));
  });
  broken.catch(() => {});
  return { broken, sign: () => void (idle = 0), end: () => clearInterval(timer) };
}

async function run(id: number, trial: Trial, signal: AbortSignal): Promise<void> {
  try {
    signal.throwIfAborted();
    const { gpu, bench } = await open();
    const { broken, sign, end } = watch(gpu);
    const moves = (): void => {
      sign();
      signal.throwIfAborted();
    };
    try {
      await Promise.race([
        bench.judge(trial, (report) => (sign(), signal.aborted || say({ kind: 'report', id, report })), moves),
        broken,
      ]);
      await Promise.race([recover(), broken]);
    } finally {
      end();
    }
    say({ kind: 'done', id });
  } catch (error) {
    if (signal.aborted) return say({ kind: 'stopped', id });
    const reason = error instanceof TrialError ? error.reason : error instanceof DeviceError ? 'lost' : 'error';
    if (reason !== 'hung') await recover();
    say({ kind: 'failed', id, reason, message: (error as Error).message });
  }
}

self.onmessage = ({ data }: MessageEvent<ToLab>): void => {
  if (data.kind === 'texts') texts = data.texts;
  else {
    job?.abort();
    if (data.kind === 'stop') return;
    const { signal } = (job = new AbortController());
    queue = queue.then(() => run(data.id, data, signal));
  }
};
