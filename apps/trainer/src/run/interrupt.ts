/**
 * @file Ctrl-C, SIGTERM and the loss of the terminal: the first asks the run to save and stop, a second Ctrl-C or
 * SIGTERM ends it at once.
 */

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, noDevice: 3, interrupted: 130 } as const;

export interface Interrupt {
  /** True once a signal has arrived; the run saves, stops and exits with 130. */
  readonly requested: boolean;
  /** Aborts work that need not finish, such as generating text. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  close(): void;
}

/** Exits when the parent process is gone, even by a crash; does nothing if there is no channel to it. */
export function exitWithParent(): void {
  if (!process.channel) return;
  process.once('disconnect', () => process.exit(EXIT.interrupted));
  process.channel.unref(); // the channel alone must not keep the process alive
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A repeat this soon is the same signal: the process group gets it, and the launcher forwards it. */
const SAME_MS = 500;

/** Listens for SIGINT, SIGTERM and SIGHUP. `onFirst` tells the user what happens next. */
export function listenForInterrupt(
  onFirst: () => void,
  quit: (code: number) => void = (code) => process.exit(code),
): Interrupt {
  const abort = new AbortController();
  let since = -Infinity;
  const listen = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) {
      // When the terminal is gone, a repeated signal comes from no user.
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
