/**
 * @file Ctrl-C, a signal to end and the loss of the terminal: the first asks the run to save and stop, a second ctrl-C
 * or SIGTERM ends it at once.
 */

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, noDevice: 3, interrupted: 130 } as const;

export interface Interrupt {
  /** True once a signal came; the run saves, stops and exits with 130. */
  readonly requested: boolean;
  /** For work that can be given up, such as generating text. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  close(): void;
}

/** Ends this process when the one that started it is gone, however that ended; nothing where none holds a channel. */
export function endWithParent(): void {
  if (!process.channel) return;
  process.once('disconnect', () => process.exit(EXIT.interrupted));
  process.channel.unref(); // it alone keeps no process alive
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** One that comes again so soon is the same: a group of processes gets it, and the launcher passes it on. */
const SAME_MS = 500;

/** Listens for SIGINT, SIGTERM and SIGHUP. `onFirst` tells the user what happens now. */
export function listenForInterrupt(
  onFirst: () => void,
  quit: (code: number) => void = (code) => process.exit(code),
): Interrupt {
  const abort = new AbortController();
  let since = -Infinity;
  const listen = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) {
      // A terminal that is gone has nobody who could mean it twice.
      if (signal !== 'SIGHUP' && performance.now() - since >= SAME_MS) quit(EXIT.interrupted);
      return;
    }
    since = performance.now();
    abort.abort();
    onFirst();
  };
  for (const signal of SIGNALS) process.on(signal, listen);
  return {
    get requested() {
      return abort.signal.aborted;
    },
    signal: abort.signal,
    close: () => {
      for (const signal of SIGNALS) process.off(signal, listen);
    },
  };
}
