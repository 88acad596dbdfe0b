/** @file Ctrl-C: the first asks the run to save and stop, the second ends it at once. */

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

/** Listens for SIGINT and SIGTERM. `onFirst` tells the user what happens now. */
export function listenForInterrupt(
  onFirst: () => void,
  quit: (code: number) => void = (code) => process.exit(code),
): Interrupt {
  const abort = new AbortController();
  const listen = (): void => {
    if (abort.signal.aborted) quit(EXIT.interrupted);
    abort.abort();
    onFirst();
  };
  process.on('SIGINT', listen);
  process.on('SIGTERM', listen);
  return {
    get requested() {
      return abort.signal.aborted;
    },
    signal: abort.signal,
    close: () => {
      process.off('SIGINT', listen);
      process.off('SIGTERM', listen);
    },
  };
}
