/** @file Two tabs never train at the same time: both would store what they learn in the same place. */
const NAME = 'curio-learning';
/** In ms: a tab that was reloaded, or whose device was restored, releases the lock a little later. */
const PATIENCE = 1500;

/** Holds the lock until the returned function is called or the tab is closed; null if another tab has it. */
export function holdLock(): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    navigator.locks
      .request(NAME, { signal: AbortSignal.timeout(PATIENCE) }, () => new Promise<void>((release) => resolve(release)))
      .catch(() => resolve(null));
  });
}
