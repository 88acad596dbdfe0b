/** @file Runs a part as a process group of its own and kills the group when its time is over. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { isFinding, LISTENED } from './report.ts';
import type { Attempt, Report } from './report.ts';

export interface Watched {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly limitSeconds: number;
  /** Limit of a single attempt; after it the part counts as crashed. */
  readonly attemptSeconds?: number;
  readonly onLine: (line: string) => void;
  readonly onReport: (report: Report) => void;
}

export interface Ended {
  readonly seconds: number;
  /** Why it failed, as a sentence. */
  readonly failed: string | null;
  /** The driver crashed, or an attempt took too long: the rest may be tried in another process. */
  readonly crashed: boolean;
  /** The attempt that was under way. */
  readonly unfinished: Report | null;
}

/** Running groups, which are killed when this process ends. */
const running = new Set<number>();

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // already gone
  }
}

export const killAll = (): void => running.forEach(killGroup);

/** Resolves when the part has ended or was killed. Never rejects. */
export function runWatched({
  command,
  args,
  cwd,
  env,
  limitSeconds,
  attemptSeconds,
  onLine,
  onReport,
}: Watched): Promise<Ended> {
  const began = performance.now();
  const child = spawn(command, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env, [LISTENED]: '3' },
  });
  const { pid } = child;
  let [timedOut, stuck, lastError] = [false, false, ''];
  let trying: Report | null = null;
  let patience: NodeJS.Timeout | undefined;
  const take = (message: Report | Attempt): void => {
    if ('ifItEnds' in message) {
      trying = message.ifItEnds;
      clearTimeout(patience);
      if (attemptSeconds !== undefined)
        patience = setTimeout(() => {
          stuck = true;
          if (pid !== undefined) killGroup(pid);
        }, 1000 * attemptSeconds);
    } else {
      if (trying && concludes(message, trying)) {
        trying = null;
        clearTimeout(patience);
      }
      onReport(message);
    }
  };
  const lines = (stream: unknown, onEach: (line: string) => void): Promise<void> =>
    new Promise(
      (resolve) =>
        void createInterface(stream as Readable)
          .on('line', onEach)
          .on('close', resolve),
    );
  const streams = [
    lines(child.stdout, onLine),
    lines(child.stderr, (line) => {
      if (line.trim() && !line.startsWith('Warning: ')) lastError = line.trim(); // Dawn warns at every start
      onLine(line);
    }),
    lines(child.stdio[3], (line) => parse(line, take)),
  ];
  if (pid !== undefined) running.add(pid);
  const timer = setTimeout(() => {
    timedOut = true;
    if (pid !== undefined) killGroup(pid);
  }, 1000 * limitSeconds);
  return new Promise((resolve) => {
    const finish = (failed: string | null, crashed = false): void => {
      clearTimeout(timer);
      clearTimeout(patience);
      if (pid !== undefined) {
        killGroup(pid); // leftover child processes
        running.delete(pid);
      }
      void Promise.all(streams).then(() =>
        resolve({
          seconds: (performance.now() - began) / 1000,
          failed,
          crashed,
          unfinished: failed === null ? null : trying,
        }),
      );
    };
    child.on('error', (error) => finish(`it did not start: ${error.message}`));
    child.on('exit', (code, signal) => {
      const why = lastError ? `: ${lastError}` : '';
      finish(
        timedOut
          ? `it was ended after ${Math.round(limitSeconds)} s`
          : stuck
            ? `it was ended since one thing that it tried took ${attemptSeconds} s`
            : code === 0
              ? null
              : signal
                ? `it was ended by ${signal}${why}`
                : `it ended with code ${code}${why}`,
        signal !== null && !timedOut,
      );
    });
  });
}

/** Whether a report is the outcome of an attempt. */
function concludes(report: Report, tried: Report): boolean {
  if (isFinding(report) && isFinding(tried))
    return report.op === tried.op && report.shape === tried.shape && report.variant === tried.variant;
  return !isFinding(report) && /^(done|failed): /.test(report.fact);
}

/** Ignores an incomplete line of a killed part. */
function parse(line: string, take: (message: Report | Attempt) => void): void {
  try {
    take(JSON.parse(line) as Report | Attempt);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}
